// What does it cost to include us? The compile time of a file that includes <lllm/lllm.hpp> and spawns one
// call, beside one that includes only what it could not do without; and the size of the program.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "benchmarks/bench.hpp"
#include "benchmarks/child.hpp"

namespace {

namespace fs = std::filesystem;

constexpr const char* with_lllm = R"(#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <lllm/lllm.hpp>
namespace asio = boost::asio;
asio::awaitable<void> ask(lllm::LiteLLMInvoker& invoker) {
  lllm::Dialog dialog;
  dialog.put_text("Why is the sky blue?");
  const lllm::InvokeResult result = co_await invoker.call(dialog, "openai/gpt-4o-mini");
  if (result.message.text().empty()) throw 1;
}
int main() {
  asio::io_context context;
  lllm::LiteLLMInvoker invoker(context.get_executor());
  asio::co_spawn(context, ask(invoker), [](std::exception_ptr) {});
  context.run();
}
)";

constexpr const char* with_asio = R"(#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/value.hpp>
namespace asio = boost::asio;
asio::awaitable<void> ask(boost::json::value& answer) {
  answer = "blue";
  co_return;
}
int main() {
  asio::io_context context;
  boost::json::value answer;
  asio::co_spawn(context, ask(answer), [](std::exception_ptr) {});
  context.run();
}
)";

double compile_seconds(const fs::path& folder, const char* source, const std::string& root) {
  const std::string file = (folder / "user.cpp").string();
  std::ofstream(file) << source;
  bench::Child compiler({"g++", "-std=c++20", "-O2", "-I" + root, "-I" + root + "/build-release",
                         "-DBOOST_ASIO_SEPARATE_COMPILATION", "-DBOOST_BEAST_SEPARATE_COMPILATION",
                         "-DBOOST_ASIO_NO_DEPRECATED", "-c", file, "-o", (folder / "user.o").string()},
                        bench::client_core(), true);
  return compiler.wait().cpu_s;
}

}  // namespace

int main(int argc, char** argv) try {
  bench::Report report("build", argc, argv);
  const char* root = std::getenv("LLLM_SOURCE_ROOT");
  if (root == nullptr || !bench::have_program("g++")) return report.skip("it needs g++ and ./dev bench");
  char pattern[] = "/tmp/lllm-bench-XXXXXX";
  if (::mkdtemp(pattern) == nullptr) return report.skip("no temporary folder");
  const fs::path folder(pattern);
  std::vector<double> ours, least;
  for (int i = 0; i < (report.smoke() ? 1 : 5); ++i) {
    least.push_back(compile_seconds(folder, with_asio, root));
    if (!report.smoke()) ours.push_back(compile_seconds(folder, with_lllm, root));
  }
  if (!report.smoke()) {
    bench::Row row = bench::row_of("a file that includes <lllm/lllm.hpp> and spawns one call, -O2", "CPU-s",
                                   std::move(ours), std::move(least));
    row.target = 2.0;
    row.at_most = true;
    report.add(std::move(row));
  }
  // Beside this program: the one that users run.
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path() / "../lllm/cli/lllm";
  if (fs::exists(program) && !report.smoke()) {
    const auto stripped = folder / "lllm";
    bench::Child({"strip", "-o", stripped.string(), program.string()}, bench::client_core(), true).wait();
    bench::Row row;
    row.name = "the program lllm, stripped";
    row.value = static_cast<double>(fs::file_size(stripped)) / 1048576;
    row.unit = "MiB";
    report.add(std::move(row));
  }
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  return report.finish();
} catch (const std::exception& e) {
  std::fprintf(stderr, "build: %s\n", e.what());
  return 1;
}

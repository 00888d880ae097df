#include "benchmarks/fake_server.hpp"

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "lllm/testing/fake_provider.hpp"

namespace bench {
namespace {

constexpr std::string_view flag = "--fake-provider";

}  // namespace

FakeServer::FakeServer(bool tls, int words, int words_per_second)
    : child_({"/proc/self/exe", std::string(flag), tls ? "tls" : "plain", std::to_string(words),
              std::to_string(words_per_second)},
             server_core(), true),
      base_url_(child_.read_line()) {
  if (base_url_.empty()) throw std::runtime_error("the fake provider did not start");
  for (std::string line; !(line = child_.read_line()).empty();) ca_pem_ += line + '\n';
}

void serve_fake_if_asked(int argc, char** argv) {
  if (argc != 5 || argv[1] != flag) return;
  raise_file_limit();
  boost::asio::io_context context(1);
  lllm::FakeOptions options;
  options.tls(std::string_view(argv[2]) == "tls")
      .answer_words(static_cast<std::size_t>(std::atoi(argv[3])))
      .tokens_per_second(std::atoi(argv[4]))
      .jitter(0.2);
  const lllm::FakeProvider fake(context.get_executor(), options);
  std::printf("%s\n%s\n", fake.base_url().c_str(), fake.ca_pem().c_str());
  std::fflush(stdout);
  context.run();
  std::exit(0);
}

std::size_t raise_file_limit() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  return files.rlim_cur;
}

}  // namespace bench

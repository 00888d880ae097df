// The main() of every test program: doctest, plus skipped test cases and one closing line
// `N passed, N failed, N skipped` counted over test cases. $LLLM_CASE_LOG names a file that gets one line per
// case: verdict, name and, for a skipped one, why.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/support/skip.hpp"

namespace lllm::test {
namespace {

struct Counter {
  int failed = 0;
  int run = 0;
  int skipped = 0;
  bool skip_current = false;
  std::string reason;
};

Counter& counter() {
  static Counter instance;
  return instance;
}

struct Listener : doctest::IReporter {
  explicit Listener(const doctest::ContextOptions&) {}
  const doctest::TestCaseData* current = nullptr;

  void test_case_start(const doctest::TestCaseData& test) override {
    current = &test;
    counter().skip_current = false;
  }
  void test_case_end(const doctest::CurrentTestCaseStats& stats) override {
    ++counter().run;
    if (stats.failure_flags != 0) {
      ++counter().failed;
      log("failed");
    } else if (counter().skip_current) {
      ++counter().skipped;
      std::printf("skipped: %s: %s\n", current->m_name, counter().reason.c_str());
      log("skipped", counter().reason);
    } else {
      log("passed");
    }
  }
  void log(const char* verdict, const std::string& reason = {}) const {
    const char* path = std::getenv("LLLM_CASE_LOG");
    if (path == nullptr) return;
    // Appending one whole line at a time: several test programs write to the same file.
    const std::string line = std::string(verdict) + '\t' + current->m_name + '\t' + reason + '\n';
    std::ofstream(path, std::ios::app) << line << std::flush;
  }
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

REGISTER_LISTENER("skips", 1, Listener);

}  // namespace

void mark_skipped(const std::string& reason) {
  counter().skip_current = true;
  counter().reason = reason;
}

}  // namespace lllm::test

int main(int argc, char** argv) {
  doctest::Context context;
  context.applyCommandLine(argc, argv);
  const int status = context.run();
  if (context.shouldExit()) return status;
  const auto& c = lllm::test::counter();
  std::printf("%d passed, %d failed, %d skipped\n", c.run - c.failed - c.skipped, c.failed, c.skipped);
  return status;
}

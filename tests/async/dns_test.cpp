#include "lllm/async/dns.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include <doctest/doctest.h>

#include "tests/support/loop.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

/// Shared with the helper thread, which may outlive the test case.
struct Asked {
  std::atomic<int> times{0};
  std::atomic<bool> may_answer{true};
};

HostLookup counting(std::shared_ptr<Asked> asked) {
  return [asked = std::move(asked)](const std::string&) -> Result<Addresses> {
    if (++asked->times > 1000) return Error(ErrorKind::dns_failed, "asked without end");
    while (!asked->may_answer) std::this_thread::sleep_for(1ms);
    return Addresses{asio::ip::make_address("192.0.2.1")};
  };
}

std::chrono::steady_clock::time_point soon() {
  return std::chrono::steady_clock::now() + 20s;
}

}  // namespace

TEST_SUITE("async/dns") {
  TEST_CASE("fault 112: private, local, reserved and metadata addresses are not public") {
    for (const char* address :
         {"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
          "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254",
          "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:db8::1"}) {
      CAPTURE(address);
      CHECK_FALSE(is_public(asio::ip::make_address(address)));
    }
    for (const char* address : {"8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"})
      CHECK(is_public(asio::ip::make_address(address)));
  }

  TEST_CASE("what was looked up is remembered, for as long as the options say") {
    for (const auto keep_for : {60'000ms, 0ms}) {
      const auto asked = std::make_shared<Asked>();
      asio::io_context loop;
      DnsResolver resolver(loop.get_executor(), counting(asked), keep_for);
      for (int i = 0; i < 3; ++i)
        CHECK(run_on(loop, resolver.resolve("a.test", soon())).front().to_string() == "192.0.2.1");
      CHECK(asked->times == (keep_for.count() > 0 ? 1 : 3));
      run_on(loop, resolver.resolve("b.test", soon()));
      CHECK(asked->times == (keep_for.count() > 0 ? 2 : 4));
      CHECK(run_on(loop, resolver.resolve("::1", soon())).front().to_string() == "::1");
      CHECK(asked->times == (keep_for.count() > 0 ? 2 : 4));  // an address is itself
    }
    const auto asked = std::make_shared<Asked>();
    asio::io_context loop;
    DnsResolver resolver(loop.get_executor(), counting(asked), 10ms);
    run_on(loop, resolver.resolve("a.test", soon()));
    std::this_thread::sleep_for(20ms);
    run_on(loop, resolver.resolve("a.test", soon()));
    CHECK(asked->times == 2);
  }

  TEST_CASE("those who ask for one host at once share a look-up, and a failed one is not remembered") {
    const auto asked = std::make_shared<Asked>();
    asked->may_answer = false;
    asio::io_context loop;
    DnsResolver resolver(loop.get_executor(), counting(asked), 0ms);
    int answered = 0;
    for (int i = 0; i < 10; ++i)
      asio::co_spawn(loop, resolver.resolve("a.test", soon()),
                     [&](const std::exception_ptr& failure, const Addresses& addresses) {
                       CHECK(!failure);
                       answered += static_cast<int>(addresses.size());
                     });
    loop.poll();
    asked->may_answer = true;
    const auto end = soon();
    while (answered < 10 && std::chrono::steady_clock::now() < end) loop.run_one_for(10ms);
    CHECK(answered == 10);
    CHECK(asked->times == 1);

    const auto failures = std::make_shared<std::atomic<int>>(0);
    DnsResolver failing(
        loop.get_executor(),
        [failures](const std::string&) -> Result<Addresses> {
          ++*failures;
          return Error(ErrorKind::dns_failed, "no");
        },
        60'000ms);
    for (int i = 0; i < 2; ++i)
      CHECK(error_on(loop, failing.resolve("a.test", soon())).kind() == ErrorKind::dns_failed);
    CHECK(*failures == 2);
  }
}

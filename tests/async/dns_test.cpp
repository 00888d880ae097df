#include "lllm/async/dns.hpp"

#include <doctest/doctest.h>

using namespace lllm;

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
}

#include <stdlib.h>

#include <doctest/doctest.h>

#include "lllm/net/certificates.hpp"
#include "lllm/runtime/proxy.hpp"
#include "tests/support/fault_server.hpp"
#include "tests/tools/support.hpp"

using namespace lllm;
using namespace lllm::test;

TEST_SUITE("tools/tls") {
  TEST_CASE("fault 113: what a package declares speaks to no server whose certificate nobody vouches for") {
    // As other programs are told to look away.
    const char* tempting[] = {"NODE_TLS_REJECT_UNAUTHORIZED", "PYTHONHTTPSVERIFY", "SSL_VERIFY",
                              "LLLM_TLS_VERIFY", "GIT_SSL_NO_VERIFY"};
    for (const char* name : tempting) ::setenv(name, "0", 1);
    ::setenv("LLLM_TEST_KEY", "canary-113", 1);
    const CertificateAuthority nobody;
    FaultServer server(
        [](FaultPeer& peer) {
          peer.read_request();
          peer.send(plain_answer(200, "intercepted"));
        },
        FaultServer::Tls{nobody.issue(), 0});
    const auto url = "https://127.0.0.1:" + std::to_string(server.port());
    asio::io_context loop;

    DemoPackage tool("tools/tool.toml",
                     "description = 'd'\n[http]\nurl = '" + url +
                         "'\nprivate_addresses = true\nauth = { env = 'LLLM_TEST_KEY' }\n");
    REQUIRE(tool.load().errors.empty());
    const auto result = call(loop, tool.runtime.get_tool("tool").value());
    CHECK(result.is_error);
    CHECK(contains(result.text, "certificate"));

    DemoPackage api("proxies/api.toml", "base_url = '" + url +
                                            "'\nprivate_addresses = true\nauth = { env = 'LLLM_TEST_KEY' }\n"
                                            "[endpoints.all]\npath = '/all'\n");
    REQUIRE(api.load().errors.empty());
    const auto error = error_on(loop, api.runtime.get_proxy("api").value()->call("all"));
    CHECK(error.kind() == ErrorKind::tls_untrusted);

    CHECK(server.accepted() > 0);
    CHECK(server.received().empty());  // no request, and so no key, went out
    for (const char* name : tempting) ::unsetenv(name);
    ::unsetenv("LLLM_TEST_KEY");
  }
}

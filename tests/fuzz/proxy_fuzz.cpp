// Proxy variables: any text is taken; what is usable means the same when it is written out again; a list of
// exceptions is the sum of its parts; and what is refused is not quoted.
#include <optional>
#include <string>
#include <string_view>

#include "lllm/base/text.hpp"
#include "lllm/formats/host_and_port.hpp"
#include "lllm/formats/http_message.hpp"
#include "lllm/formats/percent.hpp"
#include "lllm/formats/proxy.hpp"
#include "tests/fuzz/fuzz.hpp"

using lllm::test::must;

namespace {

lllm::ProxyRules rules_of(std::string_view https, std::string_view direct) {
  return lllm::proxy_rules([&](const char* name) -> std::optional<std::string> {
    if (std::string_view(name) == "HTTPS_PROXY") return std::string(https);
    if (std::string_view(name) == "NO_PROXY") return std::string(direct);
    return std::nullopt;
  });
}

// The same as for values of ours: so nothing of the value is in it.
bool is_fixed(const std::string& message) {
  for (const auto* refused : {"socks5://h", "https://h", "http://"})
    if (rules_of(refused, "").for_https->fault->message() == message) return true;
  return false;
}

void check_variable(std::string_view input) {
  const lllm::Origin origin("https", "api.example.com", 443);
  const lllm::HttpProxy* proxy = nullptr;
  const lllm::ProxyRules rules = rules_of(input, "");
  proxy = rules.find(origin);
  if (proxy == nullptr) return must(lllm::trim(input).empty());
  if (proxy->fault) {
    must(proxy->fault->kind() == lllm::ErrorKind::configuration);
    must(proxy->fault->message().starts_with("HTTPS_PROXY: proxy: "));
    must(is_fixed(proxy->fault->message()));
    return;
  }
  must(proxy->origin.scheme == "http");
  must(lllm::check_request(lllm::HttpRequest("GET", proxy->origin, "/")).has_value());
  must(!lllm::has_control_break(proxy->authorization().reveal()));
  const std::string user =
      lllm::percent_encode(proxy->user) + ':' + lllm::percent_encode(proxy->password.reveal());
  const auto again = lllm::parse_proxy("http://" + (user == ":" ? std::string() : user + '@') +
                                       lllm::host_and_port(proxy->origin.host, proxy->origin.port));
  must(again.has_value() && again->origin == proxy->origin);
  must(again->user == proxy->user && again->password == proxy->password);
}

void check_exceptions(std::string_view input) {
  for (const lllm::Origin& origin :
       {lllm::Origin("https", "10.1.2.3", 443), lllm::Origin("https", "api.example.com", 443),
        lllm::Origin("https", "api.example.com", 8443), lllm::Origin("https", "fd00::1", 443)}) {
    const bool direct = rules_of("http://p:1", input).find(origin) == nullptr;
    const auto comma = input.find(',');
    if (comma != input.npos) {
      const bool by_either = rules_of("http://p:1", input.substr(0, comma)).find(origin) == nullptr ||
                             rules_of("http://p:1", input.substr(comma + 1)).find(origin) == nullptr;
      must(direct == by_either);
    }
    must(rules_of("http://p:1", std::string(input) + ",*").find(origin) == nullptr);
    must(direct || rules_of("http://p:1", std::string(input) + ",nowhere.invalid").find(origin) != nullptr);
  }
}

}  // namespace

LLLM_FUZZ(proxy) {
  check_variable(input);
  check_exceptions(input);
}

// What passes for a URL can be written into a request, and means the same when it is read again. Retry
// delays, dates and proxy variables take any text.
#include <chrono>
#include <string>

#include "lllm/formats/http_message.hpp"
#include "lllm/formats/proxy.hpp"
#include "lllm/formats/retry.hpp"
#include "lllm/formats/url.hpp"
#include "tests/fuzz/fuzz.hpp"

LLLM_FUZZ(url) {
  const auto url = lllm::parse_url(input);
  if (url) {
    lllm::test::must(lllm::check_request(lllm::HttpRequest("GET", url->origin, url->target)).has_value());
    const auto again = lllm::parse_url(url->origin.to_string() + url->target);
    lllm::test::must(again.has_value() && again->origin == url->origin && again->target == url->target);
  }

  const lllm::HttpHeaders headers{{"Retry-After", input}, {"retry-after-ms", input}};
  const auto delay = lllm::retry_after(headers, std::chrono::system_clock::now());
  if (delay) lllm::test::must(delay->count() > 0 && *delay <= std::chrono::hours(24 * 366 * 8100));
  static_cast<void>(lllm::parse_http_date(input));

  const auto rules = lllm::proxy_rules([input](const char*) { return std::optional<std::string>(input); });
  if (rules) static_cast<void>(rules->find({"https", "api.example.com", 443}));
  lllm::ProxyRules direct;
  direct.for_https.emplace();
  direct.direct.emplace_back(input);
  static_cast<void>(direct.find({"https", "10.1.2.3", 443}));
}

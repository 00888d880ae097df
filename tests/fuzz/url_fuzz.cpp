// What passes for a URL can be written into a request, and means the same when it is read again.
#include <string>

#include "lllm/formats/http_message.hpp"
#include "lllm/formats/url.hpp"
#include "tests/fuzz/fuzz.hpp"

using lllm::test::must;

LLLM_FUZZ(url) {
  const auto url = lllm::parse_url(input);
  if (!url) return must(url.error().kind() == lllm::ErrorKind::invalid_argument);
  must(lllm::check_request(lllm::HttpRequest("GET", url->origin, url->target)).has_value());
  const auto again = lllm::parse_url(url->origin.to_string() + url->target);
  must(again.has_value() && again->origin == url->origin && again->target == url->target);
  must(again->user.empty() && again->password.empty());
  // Joined to a path it is still a target of the same origin, with its query behind the path.
  const std::string joined = url->target_for("/chat/completions");
  const auto there = lllm::parse_url(url->origin.to_string() + joined);
  must(there.has_value() && there->origin == url->origin && there->target == joined);
  must(joined.substr(0, joined.find('?')).ends_with("/chat/completions"));
  must(joined == url->target_for("chat/completions"));
}

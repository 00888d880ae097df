#include "lllm/tools/http_request.hpp"

#include <algorithm>
#include <set>

#include "lllm/base/text.hpp"
#include "lllm/core/renderer.hpp"
#include "lllm/formats/percent.hpp"
#include "lllm/formats/url.hpp"
#include "lllm/runtime/auth.hpp"

namespace lllm {
namespace {

constexpr std::size_t excerpt_bytes = 2000;

/// The arguments that stand in a template, and which ones did.
class Arguments {
 public:
  explicit Arguments(const json::object& all) : all_(all) {}

  /// Empty when one of them was not given.
  std::optional<std::string> fill(std::string_view text) {
    for (const auto& name : placeholders(text)) used_.insert(name.substr(0, name.find('.')));
    const auto filled = BraceRenderer().render(text, all_);
    if (!filled) return std::nullopt;
    return *filled;
  }

  Result<std::string> fill_path(std::string_view text) {
    json::object encoded;
    for (const auto& name : placeholders(text)) {
      used_.insert(name.substr(0, name.find('.')));
      const auto value = BraceRenderer().render('{' + name + '}', all_);
      if (!value) return value.error();
      if (value->empty() || *value == "." || *value == "..")
        return Error(ErrorKind::invalid_argument,
                     "argument '" + name + "' may not be empty, '.' or '..': it is a part of a path");
      encoded[name] = json::string(percent_encode(*value));
    }
    return BraceRenderer().render(text, encoded);
  }

  /// Those that stand nowhere, in the caller's order.
  [[nodiscard]] json::object others() const {
    json::object left;
    for (const auto& [name, value] : all_)
      if (!used_.contains(std::string(name))) left[name] = value;
    return left;
  }

 private:
  const json::object& all_;
  std::set<std::string, std::less<>> used_;
};

void add_pair(std::string& list, std::string_view name, std::string_view value) {
  if (!list.empty()) list += '&';
  list += percent_encode(name) + '=' + percent_encode(value);
}

/// A list is its name repeated.
void add_pairs(std::string& list, const json::object& values) {
  for (const auto& [name, value] : values) {
    if (value.is_null()) continue;
    if (value.is_array())
      for (const auto& element : value.get_array()) add_pair(list, name, argument_text(element));
    else
      add_pair(list, name, argument_text(value));
  }
}

bool has_body(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

bool is_json(const std::string& type) {
  return type == "application/json" || type.ends_with("+json");
}

}  // namespace

Result<HttpRequest> make_http_request(
    const HttpBackend& backend, const json::object& arguments,
    const std::function<std::optional<std::string>(std::string_view)>& variable) {
  Arguments given(arguments);
  const auto filled = given.fill_path(backend.url);
  if (!filled) return filled.error();
  const auto url = parse_url(*filled);
  if (!url) return url.error();

  HttpRequest request(backend.method, url->origin, url->target);
  request.headers.add("Accept", "application/json, text/*;q=0.9, */*;q=0.1");
  for (const auto& [name, value] : backend.headers)
    if (const auto text = given.fill(value)) request.headers.set(name, *text);
  std::string query;
  for (const auto& [name, value] : backend.query)
    if (const auto text = given.fill(value)) add_pair(query, name, *text);
  const auto others = given.others();
  if (!has_body(backend.method)) {
    add_pairs(query, others);
  } else if (backend.form) {
    add_pairs(request.body, others);
    request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  } else {
    request.body = to_json(others);
    request.headers.set("Content-Type", "application/json");
  }
  if (!query.empty()) request.target += '?' + query;
  if (const auto good = add_auth(request, backend.auth, url->origin.to_string(), variable); !good)
    return good.error();
  if (const auto good = check_request(request); !good) return good.error();
  return request;
}

Result<json::value> read_http_answer(const HttpBackend& backend, const HttpRequest& request,
                                     const HttpResponseHead& head, std::string_view body) {
  const auto failed = [&](const std::string& what) {
    return Error(ErrorKind::tool_failed,
                 request.method + ' ' + request.origin.to_string() + " answered " + what)
        .status(head.status)
        .provider_text(to_valid_utf8(excerpt(body, excerpt_bytes)));
  };
  if (head.status >= 300) {
    std::string what = std::to_string(head.status);
    if (const auto phrase = reason_phrase(head.status); !phrase.empty()) what.append(" ").append(phrase);
    if (head.status < 400) what += ", a redirect, which is not followed";
    return failed(what);
  }
  json::value answer;
  if (is_json(media_type(head.headers)) && !trim(body).empty()) {
    auto parsed = parse_json(body);
    if (!parsed) return failed("what it calls JSON and is none: " + parsed.error().message());
    answer = std::move(*parsed);
  } else {
    answer = json::string(to_valid_utf8(body));
  }
  if (backend.result.empty()) return answer;
  const auto* part = find_at(answer, backend.result);
  if (part == nullptr) return failed("without '" + backend.result + "'");
  return json::value(*part);
}

}  // namespace lllm

#include "lllm/invokers/exchange_recorder.hpp"

#include <algorithm>
#include <array>

#include "lllm/base/text.hpp"

namespace lllm {
namespace {

constexpr std::string_view redacted = "REDACTED";

constexpr std::array<std::string_view, 6> harmless_request_headers{
    "accept", "content-type", "anthropic-version", "anthropic-beta", "openai-beta", "user-agent"};

bool tells_who_asked(std::string_view name) {
  for (const std::string_view word : {"cookie", "organization", "project", "authorization", "api-key"})
    if (to_lower(name).find(word) != std::string::npos) return true;
  return false;
}

// Members of bodies that carry keys: MCP servers' tokens, and what callers add for gateways.
bool is_secret_member(std::string_view name) {
  for (const std::string_view word :
       {"authorization", "authorization_token", "api_key", "apikey", "api-key", "x-api-key", "access_token",
        "client_secret", "password", "secret", "token"})
    if (iequals(name, word)) return true;
  return false;
}

void redact_members(json::value& value) {
  if (auto* list = value.if_array())
    for (auto& element : *list) redact_members(element);
  auto* object = value.if_object();
  if (object == nullptr) return;
  for (auto& [key, member] : *object) {
    if (member.is_string() && is_secret_member(key)) member = json::string(redacted);
    if (auto* headers = member.if_object(); headers != nullptr && std::string_view(key) == "headers")
      for (auto& header : *headers) header.value() = json::string(redacted);
    redact_members(member);
  }
}

// Of a query only the parameters that say what is asked for, not by whom.
std::string without_secret_query(std::string_view target) {
  const auto mark = target.find('?');
  if (mark == target.npos) return std::string(target);
  std::string kept(target.substr(0, mark));
  char before = '?';
  for (const auto parameter : split(target.substr(mark + 1), '&')) {
    const auto name = parameter.substr(0, parameter.find('='));
    kept += before;
    before = '&';
    if (name == "alt" || name == "api-version")
      kept += parameter;
    else
      kept.append(name).append("=").append(redacted);
  }
  return kept;
}

}  // namespace

ExchangeRecorder::ExchangeRecorder(std::string wire, std::string provider, Hook hook)
    : wire_(std::move(wire)), provider_(std::move(provider)), hook_(std::move(hook)) {}

std::string ExchangeRecorder::cleaned(std::string text) const {
  return secrets_.hidden(std::move(text), redacted);
}

void ExchangeRecorder::begin(const HttpRequest& request, std::string_view body) {
  end();
  answered_ = false;
  secrets_ = SentSecrets(request);
  Recording& recording = recording_.emplace();
  recording.wire = wire_;
  recording.provider = provider_;
  json::object headers;
  for (const auto& [name, value] : request.headers)
    if (std::any_of(harmless_request_headers.begin(), harmless_request_headers.end(),
                    [&field = name](std::string_view harmless) { return iequals(field, harmless); }))
      headers[to_lower(name)] = json::string(cleaned(std::string(value)));
  auto sent = parse_json(cleaned(std::string(body)));
  if (sent) redact_members(*sent);
  recording.request = json::object{{"method", json::string(request.method)},
                                   {"host", json::string(request.origin.authority())},
                                   {"path", json::string(cleaned(without_secret_query(request.target)))},
                                   {"headers", std::move(headers)},
                                   {"body", sent ? std::move(*sent) : json::value()}};
}

void ExchangeRecorder::answered(const HttpResponseHead& head, bool streaming) {
  answered_ = true;
  recording_->streaming = streaming;
  recording_->status = head.status;
  for (const auto& [name, value] : head.headers)
    if (!tells_who_asked(name)) recording_->headers.emplace_back(to_lower(name), cleaned(std::string(value)));
}

void ExchangeRecorder::add(std::string_view bytes) {
  recording_->body += bytes;
}

void ExchangeRecorder::end() {
  if (!recording_ || !answered_) return;
  Recording recording = std::move(*recording_);
  recording_.reset();
  recording.body = cleaned(std::move(recording.body));
  if (const auto replayed = replay(recording)) recording.expect = described(recording, *replayed);
  hook_(recording);
}

}  // namespace lllm

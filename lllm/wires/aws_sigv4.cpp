#include "lllm/wires/aws_sigv4.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "lllm/base/hash.hpp"
#include "lllm/base/text.hpp"

namespace lllm {
namespace {

// "20150830T123600Z"
std::string timestamp(std::chrono::system_clock::time_point now) {
  const auto days = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(now - days));
  std::string text;
  const auto put = [&](unsigned number, std::size_t digits) {
    std::string figure = std::to_string(number);
    text.append(digits - std::min(digits, figure.size()), '0').append(figure);
  };
  put(static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put(static_cast<unsigned>(date.month()), 2);
  put(static_cast<unsigned>(date.day()), 2);
  text += 'T';
  put(static_cast<unsigned>(time.hours().count()), 2);
  put(static_cast<unsigned>(time.minutes().count()), 2);
  put(static_cast<unsigned>(time.seconds().count()), 2);
  return text + 'Z';
}

std::string uri_decode(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? digit(text[i + 1]) : -1;
    const int low = high >= 0 ? digit(text[i + 2]) : -1;
    if (low < 0) {
      decoded += text[i];
    } else {
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return decoded;
}

// Without "." and ".." and double slashes, as RFC 3986 section 5.2.4 has it.
std::string normal_path(std::string_view path) {
  std::vector<std::string_view> kept;
  for (const auto segment : split(path, '/')) {
    if (segment.empty() || segment == ".") continue;
    if (segment != "..")
      kept.push_back(segment);
    else if (!kept.empty())
      kept.pop_back();
  }
  std::string normal;
  for (const auto segment : kept) normal.append("/").append(segment);
  if (normal.empty() || (path.ends_with('/') && !kept.empty())) normal += '/';
  return normal;
}

std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto one : split(query, '&')) {
    if (one.empty()) continue;
    const auto equals = std::min(one.find('='), one.size());
    const auto value = equals < one.size() ? one.substr(equals + 1) : std::string_view();
    pairs.emplace_back(aws_uri_encode(uri_decode(one.substr(0, equals)), false),
                       aws_uri_encode(uri_decode(value), false));
  }
  std::sort(pairs.begin(), pairs.end());
  std::string canonical;
  for (const auto& [name, value] : pairs) {
    if (!canonical.empty()) canonical += '&';
    canonical.append(name).append("=").append(value);
  }
  return canonical;
}

// Proxies and the HTTP client change these, or have not added them yet.
bool is_unsigned(std::string_view name) {
  constexpr std::array<std::string_view, 8> names = {"authorization",   "user-agent",    "connection",
                                                     "accept-encoding", "expect",        "transfer-encoding",
                                                     "x-amzn-trace-id", "content-length"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string single_spaced(std::string_view value) {
  std::string text;
  for (const char c : trim(value))
    if (c != ' ' || text.empty() || text.back() != ' ') text += c;
  return text;
}

}  // namespace

std::string aws_uri_encode(std::string_view text, bool keep_slash) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || (c == '/' && keep_slash);
    if (plain) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded.append({'%', hex[byte >> 4], hex[byte & 0xF]});
    }
  }
  return encoded;
}

void sign_aws_request(HttpRequest& request, const AwsCredentials& credentials, std::string_view region,
                      std::string_view service, std::chrono::system_clock::time_point now) {
  const std::string when = timestamp(now);
  const std::string scope =
      when.substr(0, 8) + '/' + std::string(region) + '/' + std::string(service) + "/aws4_request";
  request.headers.remove("authorization");
  request.headers.set("x-amz-date", when);
  request.headers.remove("x-amz-security-token");
  if (!credentials.session_token.empty())
    request.headers.add("x-amz-security-token", credentials.session_token.reveal());

  std::map<std::string, std::string> headers;
  for (const auto field : request.headers) {
    std::string name = to_lower(field.name);
    if (is_unsigned(name)) continue;
    auto& value = headers[std::move(name)];
    value += (value.empty() ? "" : ",") + single_spaced(field.value);
  }
  headers["host"] = request.origin.authority();
  std::string canonical_headers, signed_headers;
  for (const auto& [name, value] : headers) {
    canonical_headers += name + ':' + value + '\n';
    signed_headers += (signed_headers.empty() ? "" : ";") + name;
  }

  const std::string_view target = request.target;
  const auto question = std::min(target.find('?'), target.size());
  const std::string canonical_request =
      request.method + '\n' + aws_uri_encode(normal_path(target.substr(0, question)), true) + '\n' +
      canonical_query(question < target.size() ? target.substr(question + 1) : std::string_view()) + '\n' +
      canonical_headers + '\n' + signed_headers + '\n' + sha256_hex(request.body);
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + when + '\n' + scope + '\n' + sha256_hex(canonical_request);

  // Held as secrets so that the derived keys are wiped, too.
  const Secret start("AWS4" + credentials.secret_access_key.reveal());
  const Secret date_key(hmac_sha256(start.reveal(), when.substr(0, 8)));
  const Secret region_key(hmac_sha256(date_key.reveal(), region));
  const Secret service_key(hmac_sha256(region_key.reveal(), service));
  const Secret signing_key(hmac_sha256(service_key.reveal(), "aws4_request"));
  request.headers.add("authorization", "AWS4-HMAC-SHA256 Credential=" + credentials.access_key_id + '/' +
                                           scope + ", SignedHeaders=" + signed_headers + ", Signature=" +
                                           to_hex(hmac_sha256(signing_key.reveal(), to_sign)));
}

}  // namespace lllm

#include "lllm/base/describe.hpp"

namespace lllm::detail {
namespace {

std::string where(const std::string& path) {
  return (path.empty() ? std::string("/") : path) + ": ";
}

std::string_view kind_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "a boolean";
    case json::kind::int64:
    case json::kind::uint64:
      return "an integer";
    case json::kind::double_:
      return "a number";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "an array";
    case json::kind::object:
      return "an object";
  }
  return "an unknown kind of value";
}

}  // namespace

Error mismatch(const std::string& path, std::string_view expected, const json::value& found) {
  std::string message = where(path) + "expected ";
  message.append(expected).append(", found ").append(kind_of(found));
  return Error(ErrorKind::parse_failed, std::move(message));
}

Error missing_member(const std::string& path, std::string_view name) {
  return Error(ErrorKind::parse_failed, where(path) + "'" + std::string(name) + "' is missing");
}

Error not_an_enumerator(const std::string& path, std::string_view found,
                        const std::vector<std::string_view>& names) {
  std::string message = where(path) + "'" + std::string(found) + "' is none of";
  for (const auto name : names) message.append(" '").append(name).append("'");
  return Error(ErrorKind::parse_failed, std::move(message));
}

Error out_of_range(const std::string& path, const char* why) {
  return Error(ErrorKind::parse_failed, where(path) + why);
}

}  // namespace lllm::detail

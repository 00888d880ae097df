#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/formats/document.hpp"

namespace lllm {

/// A tactic served over HTTP, as a package describes it: where, and which. The description is for whoever
/// serves.
struct Service {
  Service() = default;
  std::string name;
  std::string description;
  std::string tactic;  ///< its ref
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;
  std::string path = "/";
  std::string ref;      ///< the qualified ref it was registered under
  std::string package;  ///< where a tactic's ref without a package is looked up first

  [[nodiscard]] std::string url() const;
  [[nodiscard]] json::object info() const;
};

/// Reads a service: `tactic` (required), `description`, `host`, `port`, `path`. `bad_resource` with line and
/// column. Pure.
Result<Service> parse_service_file(const std::string& path, const std::string& package, Syntax syntax,
                                   std::string_view bytes, std::vector<Error>* others = nullptr);
/// What parse_service_file checks, for a service made in C++. `invalid_argument` says what is wrong.
Result<> check_service(const Service& service);

}  // namespace lllm

#include "lllm/runtime/service.hpp"

#include "lllm/base/text.hpp"
#include "lllm/formats/url.hpp"
#include "lllm/runtime/table_reader.hpp"

namespace lllm {

std::string Service::url() const {
  return Origin("http", host, port).to_string() + path;
}

json::object Service::info() const {
  return {{"name", json::string(name)},
          {"description", json::string(description)},
          {"tactic", json::string(tactic)},
          {"url", json::string(url())}};
}

Result<> check_service(const Service& service) {
  if (service.tactic.empty()) return Error(ErrorKind::invalid_argument, "a service needs a 'tactic'");
  if (!service.path.starts_with('/')) return Error(ErrorKind::invalid_argument, "'path' must begin with '/'");
  if (service.path.find_first_of("?#") != std::string::npos)
    return Error(ErrorKind::invalid_argument, "'path' may hold neither '?' nor '#'");
  if (const auto url = parse_url(service.url()); !url) return url.error();
  return {};
}

Result<Service> parse_service_file(const std::string& path, const std::string& package, Syntax syntax,
                                   std::string_view bytes, std::vector<Error>* others) {
  const auto read = [&](const TableReader& root) {
    root.only({"description", "tactic", "host", "port", "path"});
    Service service;
    service.name = path.substr(path.rfind('/') + 1);
    service.package = package;
    service.description = root.text("description");
    service.tactic = root.required_text("tactic");
    service.host = root.text("host", service.host);
    constexpr std::int64_t highest_port = 65535;
    service.port = static_cast<std::uint16_t>(root.integer("port", service.port, 1, highest_port));
    service.path = root.text("path", service.path);
    for (const auto* key : {"path", "host"}) {
      Service one = service;
      one.tactic = "any";
      if (std::string_view(key) == "path")
        one.host = Service().host;
      else
        one.path = "/";
      if (const auto good = check_service(one); !good) root.fail(key, good.error().message());
    }
    return service;
  };
  return read_table_document(syntax, bytes, read, others);
}

}  // namespace lllm

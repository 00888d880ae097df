#include "benchmarks/nginx.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "lllm/net/certificates.hpp"

namespace bench {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  (void)::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  (void)::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

bool answers(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(port);
  const bool good = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return good;
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

}  // namespace

Nginx::Nginx(const std::string& answer, const std::vector<WireStream>& streams) {
  char pattern[] = "/tmp/lllm-bench-XXXXXX";
  if (::mkdtemp(pattern) == nullptr) throw std::runtime_error("no folder for nginx");
  folder_ = pattern;
  const lllm::CertificateAuthority authority("lllm benchmark CA");
  const lllm::Certificate certificate = authority.issue();
  ca_pem_ = authority.pem();
  write_file(folder_ / "ca.pem", ca_pem_);
  write_file(folder_ / "server.pem", certificate.certificate_pem);
  write_file(folder_ / "server.key", certificate.private_key_pem.reveal());
  // A file is not served to a POST; as the page of that error it is.
  std::string locations;
  for (const auto& stream : streams) {
    std::string path = "/stream" + stream.path;
    if (const auto colon = path.find("%3A"); colon != std::string::npos) path.replace(colon, 3, ":");
    const auto file = folder_ / path.substr(1);
    std::filesystem::create_directories(file.parent_path());
    write_file(file, stream.body);
    locations += "    location " + path + " { default_type " + stream.content_type + "; root " +
                 folder_.string() + "; error_page 405 =200 $uri; }\n";
  }
  port_ = free_port();
  tls_port_ = free_port();
  const std::string at = folder_.string();
  write_file(folder_ / "nginx.conf",
             "daemon off;\nmaster_process off;\npid " + at + "/pid;\nerror_log " + at +
                 "/error.log crit;\nevents { worker_connections 16384; }\nworker_rlimit_nofile 40000;\n"
                 "http {\n"
                 "  access_log off;\n  keepalive_requests 1000000000;\n  keepalive_timeout 600s;\n"
                 "  client_body_temp_path " +
                 at + ";\n  proxy_temp_path " + at + ";\n  fastcgi_temp_path " + at +
                 ";\n  uwsgi_temp_path " + at + ";\n  scgi_temp_path " + at +
                 ";\n  client_max_body_size 64m;\n  tcp_nodelay on;\n  sendfile on;\n  server_tokens off;\n"
                 "  open_file_cache max=16;\n"
                 "  server {\n    listen 127.0.0.1:" +
                 std::to_string(port_) + " backlog=8192;\n    listen 127.0.0.1:" + std::to_string(tls_port_) +
                 " ssl backlog=8192;\n    ssl_certificate " + at +
                 "/server.pem;\n"
                 "    ssl_certificate_key " +
                 at +
                 "/server.key;\n    ssl_protocols TLSv1.3;\n"
                 "    ssl_session_cache shared:s:1m;\n"
                 "    location /v1/chat/completions { default_type application/json; return 200 " +
                 quoted(answer) + "; }\n" + locations + "  }\n}\n");
  child_ = std::make_unique<Child>(
      std::vector<std::string>{"nginx", "-p", at, "-e", at + "/error.log", "-c", at + "/nginx.conf"},
      server_core());
  for (int i = 0; !answers(port_) || !answers(tls_port_); ++i) {
    if (i == 200) throw std::runtime_error("nginx did not start; see " + at + "/error.log");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Nginx::~Nginx() {
  child_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string Nginx::origin(bool tls) const {
  return (tls ? "https://localhost:" : "http://localhost:") + std::to_string(port(tls));
}

}  // namespace bench

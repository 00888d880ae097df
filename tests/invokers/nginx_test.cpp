// nginx, a server that nobody here wrote, serves recorded OpenAI exchanges over HTTP and HTTPS; lllm reads
// them as their `expect` says.
#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "lllm/invokers/litellm_invoker.hpp"
#include "lllm/net/certificates.hpp"
#include "tests/recordings/recording.hpp"
#include "tests/support/loop.hpp"
#include "tests/support/shell.hpp"
#include "tests/support/skip.hpp"
#include "tests/support/temp_dir.hpp"

using namespace lllm;
using test::quoted;

namespace {

std::uint16_t free_port() {
  asio::io_context loop;
  asio::ip::tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(), 0});
  return acceptor.local_endpoint().port();
}

// nginx with one location per recording, for as long as this object lives.
class Nginx {
 public:
  Nginx(const test::TempDir& folder, const std::vector<test::Recording>& recordings) : folder_(folder) {
    const Certificate certificate = authority_.issue();
    folder.write("cert.pem", certificate.certificate_pem);
    folder.write("key.pem", certificate.private_key_pem.reveal());
    std::string locations;
    for (std::size_t i = 0; i < recordings.size(); ++i) {
      const auto& recording = recordings[i];
      const std::string number = std::to_string(i);
      folder.write("www/" + number, recording.body);
      std::string type = "application/json";
      for (const auto& [name, value] : recording.headers)
        if (name == "content-type") type = value;
      if (recording.status != 200) {
        locations += "location /" + number + "/ { default_type \"" + type + "\"; return " +
                     std::to_string(recording.status) + " " + json_quoted(recording.body) + "; }\n";
        continue;
      }
      // A static file does not take POST; nginx asks itself for it with GET.
      locations +=
          "location /" + number + "/ { proxy_pass " + plain() + "/file/" + number +
          "?; proxy_method GET; proxy_pass_request_body off; proxy_set_header Content-Length \"\"; }\n";
      locations += "location = /file/" + number + " { types { } default_type \"" + type + "\"; alias " +
                   folder.path().string() + "/www/" + number + "; }\n";
    }
    const std::string path = folder.path().string();
    folder.write("nginx.conf",
                 // As root, nginx would drop to a user who may not read a temporary folder.
                 std::string(::geteuid() == 0 ? "user root; " : "") + "daemon on; worker_processes 1; pid " +
                     path + "/pid; error_log " + path +
                     "/error.log;\n"
                     "events { worker_connections 256; }\nhttp { access_log off; client_body_temp_path " +
                     path + "/t1; proxy_temp_path " + path + "/t2; fastcgi_temp_path " + path +
                     "/t3; uwsgi_temp_path " + path + "/t4; scgi_temp_path " + path +
                     "/t5;\nserver { listen 127.0.0.1:" + std::to_string(plain_) +
                     "; listen 127.0.0.1:" + std::to_string(tls_) + " ssl; ssl_certificate " + path +
                     "/cert.pem; ssl_certificate_key " + path + "/key.pem;\n" + locations + "} }\n");
    const auto started = test::shell(quoted(test::find_program("nginx").string()) + " -e " +
                                     quoted(path + "/error.log") + " -c " + quoted(path + "/nginx.conf"));
    if (started.status != 0) throw std::runtime_error("nginx did not start: " + started.output);
  }
  ~Nginx() { test::shell("kill $(cat " + quoted((folder_.path() / "pid").string()) + ")"); }

  [[nodiscard]] std::string plain() const { return "http://127.0.0.1:" + std::to_string(plain_); }
  [[nodiscard]] std::string tls() const { return "https://127.0.0.1:" + std::to_string(tls_); }
  [[nodiscard]] const std::string& ca_pem() const { return authority_.pem(); }

 private:
  // nginx's strings know the escapes of JSON, and '$' starts a variable.
  static std::string json_quoted(const std::string& text) {
    std::string out;
    append_json_string(out, text);
    return out;
  }

  const test::TempDir& folder_;
  CertificateAuthority authority_;
  std::uint16_t plain_ = free_port();
  std::uint16_t tls_ = free_port();
};

struct Counting final : BaseStreamHandler {
  std::size_t chunks = 0;
  asio::awaitable<void> handle_chunk(std::string_view, const StreamChunk&) override {
    ++chunks;
    return {};
  }
};

}  // namespace

TEST_SUITE("invokers/nginx") {
  TEST_CASE("recorded OpenAI exchanges served by nginx over HTTP and HTTPS are read as expected") {
    LLLM_NEEDS_SHARED();
    if (test::find_program("nginx").empty()) LLLM_SKIP("nginx is not installed");
    std::vector<test::Recording> recordings;
    for (const auto& file : test::recording_files(test::shared_dir() / "recordings/openai-chat/openai")) {
      test::Recording recording = test::load_recording(file);
      // An error's body goes into nginx's configuration, where '$' is special.
      if (recording.status != 200 && recording.body.find('$') != std::string::npos) continue;
      recordings.push_back(std::move(recording));
    }
    REQUIRE(recordings.size() > 50);
    const test::TempDir folder;
    const Nginx nginx(folder, recordings);

    asio::io_context loop(1);
    for (const std::string& base : {nginx.plain(), nginx.tls()}) {
      HttpClientOptions http;
      http.tls.ca_pem = nginx.ca_pem();
      for (std::size_t i = 0; i < recordings.size(); ++i) {
        InvokerOptions options;
        options.base_url(base + "/" + std::to_string(i)).api_key(Secret("k")).max_retries(0).http(http);
        LiteLLMInvoker invoker(loop.get_executor(), options);
        Dialog dialog;
        dialog.put_text("anything");
        Counting handler;
        CallOptions call;
        if (recordings[i].streaming) call.stream_handler(&handler);
        test::Outcome outcome;
        try {
          const InvokeResult result = test::run_on(loop, invoker.call(dialog, "openai/gpt-4o-mini", call));
          outcome.message = result.message;
          outcome.raw = result.raw_response();
        } catch (const Exception& e) {
          outcome.error = e.error();
          if (e.error().partial()) outcome.message = *e.error().partial();
        }
        outcome.text_chunks = handler.chunks;
        const auto differences = test::differences(recordings[i], outcome);
        CHECK_MESSAGE(differences.empty(),
                      recordings[i].id << ": " << (differences.empty() ? "" : differences.front()));
      }
    }
  }
}

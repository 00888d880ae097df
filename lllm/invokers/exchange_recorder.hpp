#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "lllm/formats/http_message.hpp"
#include "lllm/invokers/sent_secrets.hpp"
#include "lllm/wires/recording.hpp"

namespace lllm {

/// Collects the exchanges of one call, and gives each as a Recording once its answer has come to an end.
/// Whatever says who asks stays out: of a request's headers only those that are known to hold no secret are
/// kept, in bodies members named as keys and tokens are, and what the headers hold of them wherever it
/// stands, become "REDACTED".
class ExchangeRecorder {
 public:
  using Hook = std::function<void(const Recording&)>;
  ExchangeRecorder(std::string wire, std::string provider, Hook hook);

  /// A request is about to be sent; what came before it is complete.
  void begin(const HttpRequest& request, std::string_view body);
  void answered(const HttpResponseHead& head, bool streaming);
  void add(std::string_view bytes);
  /// Nothing more comes, however it ended. Exchanges without an answer are not told.
  void end();

 private:
  [[nodiscard]] std::string cleaned(std::string text) const;

  std::string wire_;
  std::string provider_;
  Hook hook_;
  SentSecrets secrets_;                 // of the request
  std::optional<Recording> recording_;  // set while there is a request
  bool answered_ = false;
};

}  // namespace lllm

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lllm/base/json.hpp"
#include "lllm/base/json_reader.hpp"
#include "lllm/wires/accumulator.hpp"
#include "lllm/wires/codec.hpp"
#include "lllm/wires/partial_args.hpp"

namespace lllm::gemini {

/// Reads replies of the wire: a stream's events and a whole reply have the same shape, so both are read the
/// same way.
class Reply {
 public:
  explicit Reply(std::string provider_name) : provider_(std::move(provider_name)) {}

  /// One GenerateContentResponse.
  Result<> read(std::string_view data, std::vector<StreamChunk>* chunks);

  /// The model said why it stopped, or the prompt was blocked: nothing can be missing.
  [[nodiscard]] bool complete() const { return !finish_reason_.empty() || !block_reason_.empty(); }
  /// Something of a reply was there at all.
  [[nodiscard]] bool has_reply() const { return has_reply_; }
  /// `raw` gives the reassembled reply.
  InvokeResult finish();
  [[nodiscard]] Message partial() const;

 private:
  using Member = std::pair<std::string_view, std::string_view>;

  // One part of one event; reused, so that events cost no allocation.
  struct Part {
    std::optional<std::string_view> text;
    bool thought = false;
    std::string_view signature;
    std::string_view function_call;  // raw
    std::vector<Member> others;      // raw
    void clear();
  };
  // One part of the reply as it goes back: text of several events joined.
  struct KeptPart {
    bool is_text = false;
    bool thought = false;
    std::string text;
    std::string signature;
    json::object others;
    [[nodiscard]] json::value to_json() const;
  };

  void read_candidate(JsonReader& in);
  void read_part(JsonReader& in);
  void apply_parts();
  void apply_text(const Part& part);
  void apply_function_call(const Part& part);
  void end_partial_call();
  void apply_media(const json::value& inline_data);
  void add_logprobs(std::string_view raw);
  void complete(Message& message) const;
  [[nodiscard]] json::array kept_parts() const;

  std::string provider_;
  Accumulator accumulator_{Accumulator::Parts::in_order};
  TextArena arena_;
  bool has_reply_ = false;
  std::string finish_reason_, finish_message_, block_reason_, block_message_, usage_, reply_id_;

  // Of the candidate being read.
  std::vector<Part> parts_;
  std::size_t part_count_ = 0;

  std::vector<KeptPart> kept_;
  bool needs_state_ = false;                 // some part says more than a Message can
  std::optional<std::size_t> partial_call_;  // position in kept_ of the call whose arguments still come
  PartialArgs partial_args_;
  std::vector<std::string> server_tools_;
  json::object candidate_extras_;  // what a Message has no place for …
  json::object extras_;            // … and at the top level
};

}  // namespace lllm::gemini

#include "lllm/core/schema.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

// Without this a schema that is none ends the process.
#define VALIJSON_USE_EXCEPTIONS 1
#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace lllm {
namespace {

// For valijson, whose own returns null: that passed for a defect of the schema, for ever.
void* allocate(std::size_t size) {
  return ::operator new(size);
}
void release(void* memory) {
  ::operator delete(memory);
}

}  // namespace

struct Schema::State {
  json::object source;
  std::once_flag once;
  std::unique_ptr<const valijson::Schema> compiled;
  std::string defect;  // why it could not be compiled

  void compile() {
    try {
      const json::value document(source);
      const valijson::adapters::BoostJsonAdapter adapter(document);
      auto made = std::make_unique<valijson::Schema>(allocate, release);
      valijson::SchemaParser(valijson::SchemaParser::kDraft7).populateSchema(adapter, *made);
      compiled = std::move(made);
    } catch (const std::bad_alloc&) {
      throw;  // says nothing of the schema: the next who needs it tries again
    } catch (const std::exception& e) {
      defect = e.what();
    }
  }
};

Schema::Schema(json::object schema) : state_(std::make_shared<State>()) {
  state_->source = std::move(schema);
}

const json::object& Schema::value() const {
  static const json::object none;
  return state_ ? state_->source : none;
}

Result<> Schema::validate(const json::value& instance) const {
  if (!state_) return {};
  std::call_once(state_->once, [this] { state_->compile(); });
  if (!state_->defect.empty())
    return Error(ErrorKind::bad_resource, "not a usable JSON schema: " + state_->defect);

  valijson::Validator validator(valijson::Validator::kStrongTypes);
  valijson::ValidationResults violations;
  const valijson::adapters::BoostJsonAdapter adapter(instance);
  if (validator.validate(*state_->compiled, adapter, &violations)) return {};

  // valijson reports the innermost violation first and then each level around it; the innermost ones say it
  // all.
  std::string message;
  std::vector<valijson::ValidationResults::Error> all;
  for (valijson::ValidationResults::Error one; violations.popError(one);) {
    all.push_back(one);
  }
  for (const auto& one : all) {
    const bool echo = one.description.starts_with("Failed to validate against") && all.size() > 1;
    if (echo) continue;
    std::string place;
    for (std::size_t i = 1; i < one.context.size(); ++i) {
      const std::string& step = one.context[i];  // "[name]"
      place += '/' + (step.size() > 2 ? step.substr(1, step.size() - 2) : step);
    }
    if (!message.empty()) message += "; ";
    message += (place.empty() ? std::string("/") : place) + ": " + one.description;
  }
  return Error(ErrorKind::parse_failed, message.empty() ? "does not match its schema" : message);
}

}  // namespace lllm

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/base/secret.hpp"
#include "lllm/wires/providers.hpp"

namespace lllm {

/// Looks a variable up. An empty value counts as not set, as LiteLLM has it.
using Variables = std::function<std::optional<std::string>(std::string_view name)>;

/// Those of this process, read at each look-up.
Variables process_variables();
/// A fixed set, for tests and for servers that keep their keys elsewhere.
Variables fixed_variables(std::map<std::string, std::string, std::less<>> values);

/// What the caller gives in code: it wins over the environment.
struct AccessOverrides {
  AccessOverrides() = default;
  std::string base_url;
  Secret key;
};

/// How one provider is reached.
struct ProviderAccess {
  std::string base_url;            ///< no '/' at its end; only "{model}" may be left open
  std::string responses_base_url;  ///< the same for openai-responses
  std::string query;               ///< "api-version=2024-10-21"; empty for most
  Auth auth = Auth::bearer;        ///< the provider's, or what the key that was found asks for
  Secret key;  ///< empty with Auth::none, or with aws_sigv4 (see aws_credentials). With google_oauth: the
               ///< credentials' JSON, or the path of the file that holds it
  std::string key_source;  ///< where the key is from, for people: "OPENAI_API_KEY"; empty without a key
  std::string region;      ///< Bedrock's, for the signature; empty elsewhere

  /// The base URL for one call, the model's name filled in (percent-encoded).
  [[nodiscard]] std::string base_for(std::string_view wire, std::string_view model) const;
};

/// What the environment says about a provider, for people.
struct ProviderStatus {
  enum class State { ready, partial, absent };
  State state = State::absent;
  std::vector<std::string> missing;  ///< variables to set
  std::string key_variable;          ///< where the key came from; empty when there is none
};

/// Reads keys and base URLs as LiteLLM does. Holds no key itself.
/// Thread-safety: as its Variables; the process's own must not be changed (setenv) meanwhile.
class Environment {
 public:
  explicit Environment(Variables variables = process_variables()) : variables_(std::move(variables)) {}

  /// `configuration` names the provider and every variable that is missing, or holds a line break. Never
  /// quotes a value.
  [[nodiscard]] Result<ProviderAccess> access(const Provider& provider,
                                              const AccessOverrides& given = {}) const;

  /// For the construction of an invoker: `configuration` when one of the providers' groups (Azure, NVIDIA
  /// NIM, Vertex AI) is set in part; all that is missing is named.
  [[nodiscard]] Result<> check(const std::vector<Provider>& rows = providers()) const;

  [[nodiscard]] ProviderStatus status(const Provider& provider) const;

  /// Empty when it is not set.
  [[nodiscard]] std::string get(std::string_view name) const;

 private:
  Variables variables_;
};

}  // namespace lllm

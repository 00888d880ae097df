#include "lllm/invokers/environment.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "lllm/base/text.hpp"
#include "lllm/formats/percent.hpp"

namespace lllm {
namespace {

std::string either(const std::vector<std::string>& variables) {
  return join(variables, " or ");
}

std::string without_slash(std::string url) {
  while (url.ends_with('/') && !url.ends_with("://")) url.pop_back();
  return url;
}

Error configuration(const Provider& provider, const std::string& what) {
  return Error(ErrorKind::configuration, provider.name + ": " + what).provider(provider.name);
}

/// The first of `names` that is set, and its value.
std::pair<std::string, std::string> first_set(const Environment& environment,
                                              const std::vector<std::string>& names) {
  for (const auto& name : names)
    if (auto value = environment.get(name); !value.empty()) return {name, std::move(value)};
  return {};
}

bool has_aws_keys(const Environment& environment) {
  return !environment.get("AWS_PROFILE").empty() ||
         (!environment.get("AWS_ACCESS_KEY_ID").empty() && !environment.get("AWS_SECRET_ACCESS_KEY").empty());
}

/// Azure's newer paths carry no deployment and no dated version.
bool is_azure_v1(std::string_view version) {
  return version == "v1" || version == "preview" || version == "latest";
}

}  // namespace

Variables process_variables() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

Variables fixed_variables(std::map<std::string, std::string, std::less<>> values) {
  return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  };
}

std::string ProviderAccess::base_for(std::string_view wire, std::string_view model) const {
  const bool responses = wire == "openai-responses" && !responses_base_url.empty();
  const std::string& url = responses ? responses_base_url : base_url;
  if (url.find('{') == std::string::npos) return url;
  return replace_all(url, "{model}", percent_encode(model));
}

std::string Environment::get(std::string_view name) const {
  return variables_ ? variables_(name).value_or("") : "";
}

Result<ProviderAccess> Environment::access(const Provider& provider, const AccessOverrides& given) const {
  std::vector<std::string> missing;
  ProviderAccess found;
  found.auth = provider.auth;
  found.base_url = provider.base_url;
  found.responses_base_url = provider.responses_base_url;
  found.query = provider.query;

  found.key = given.key;
  std::string source = "the key given in code";
  if (found.key.empty()) {
    auto [variable, value] = first_set(*this, provider.key_variables);
    source = variable;
    found.key = Secret(std::move(value));
  }
  if (!found.key.empty()) found.key_source = source;
  if (found.auth == Auth::aws_sigv4) {
    if (!found.key.empty()) found.auth = Auth::bearer;  // a Bedrock API key needs no signature
  } else if (found.key.empty() && found.auth != Auth::none) {
    missing.push_back(either(provider.key_variables));
  }
  // A credentials file may well span lines; a header may not.
  if (found.auth != Auth::google_oauth && has_control_break(found.key.reveal()))
    return configuration(provider, source + " holds a line break or a NUL");

  std::string base = without_slash(given.base_url);
  if (base.empty()) base = without_slash(first_set(*this, provider.base_variables).second);
  if (!base.empty() && base.find("://") == std::string::npos) base = "http://" + base;  // OLLAMA_HOST
  if (has_control_break(base) || base.find_first_of("{} ") != std::string::npos)
    return configuration(provider, "the base URL holds a space, a brace or a line break");

  const auto fill = [&](std::string_view name, const std::string& value) {
    const std::string braced = "{" + std::string(name) + "}";
    found.base_url = replace_all(found.base_url, braced, value);
    found.responses_base_url = replace_all(found.responses_base_url, braced, value);
    found.query = replace_all(found.query, braced, value);
  };
  if (provider.base_url.find("{base}") == std::string::npos) {
    if (!base.empty()) found.base_url = base, found.responses_base_url.clear();
  } else if (base.empty()) {
    missing.push_back(either(provider.base_variables));
  } else {
    fill("base", base);
  }
  for (const auto& [name, variables] : provider.placeholders) {
    const auto [variable, value] = first_set(*this, variables);
    const bool asked =
        (name == "region" && found.auth == Auth::aws_sigv4) ||
        (found.base_url + found.responses_base_url + found.query).find("{" + name + "}") != std::string::npos;
    if (!asked) continue;
    if (value.empty()) {
      missing.push_back(either(variables));
    } else if (has_control_break(value) || value.find_first_of("/{}?#@ ") != std::string::npos) {
      return configuration(provider, variable + " holds a character that no such name has");
    } else {
      fill(name, value);
      if (name == "region") found.region = value;
      if (name == "version" && is_azure_v1(value))
        found.base_url = found.responses_base_url = base.ends_with("/openai/v1") ? base : base + "/openai/v1";
    }
  }
  // Vertex AI's global location has a host without a location.
  found.base_url = replace_all(found.base_url, "//global-aiplatform.", "//aiplatform.");
  if (found.auth == Auth::aws_sigv4 && found.region.empty())  // the URL of a region's own row names it
    if (const auto host = found.base_url.find("bedrock-runtime."); host != std::string::npos) {
      const auto region = std::string_view(found.base_url).substr(host + 16);
      found.region = std::string(region.substr(0, region.find('.')));
    }

  if (!missing.empty())
    return configuration(provider, "not configured: set " + join(missing, " and ") +
                                       (given.key.empty() ? ", or give the key and base URL in code" : ""));
  return found;
}

Result<> Environment::check(const std::vector<Provider>& rows) const {
  std::vector<std::string> problems;
  std::string culprit;
  for (const auto& row : rows) {
    std::vector<std::string> set;
    std::vector<std::string> missing;
    for (const auto& variable : row.group) (get(variable).empty() ? missing : set).push_back(variable);
    if (set.empty() || missing.empty()) continue;
    culprit = row.name;
    problems.push_back(row.title + " is configured in part: " + join(missing, " and ") +
                       (missing.size() == 1 ? " is missing, " : " are missing, ") + join(set, " and ") +
                       (set.size() == 1 ? " is set" : " are set"));
  }
  if (problems.empty()) return {};
  return Error(ErrorKind::configuration, join(problems, "; "))
      .provider(problems.size() == 1 ? culprit : std::string());
}

ProviderStatus Environment::status(const Provider& provider) const {
  ProviderStatus status;
  bool some = false;
  const auto need = [&](const std::vector<std::string>& variables) {
    const auto name = first_set(*this, variables).first;
    if (name.empty())
      status.missing.push_back(either(variables));
    else
      some = true;
    return name;
  };
  const std::string key = first_set(*this, provider.key_variables).first;
  status.key_variable = key;
  if (provider.auth == Auth::aws_sigv4) {
    if (key.empty() && !has_aws_keys(*this))
      status.missing.emplace_back("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    else
      some = true;
  } else if (provider.auth != Auth::none) {
    need(provider.key_variables);
  }
  if (provider.base_url.find("{base}") != std::string::npos) need(provider.base_variables);
  // AWS_REGION alone is on every machine there and says nothing of Bedrock.
  const bool before = some;
  for (const auto& placeholder : provider.placeholders) need(placeholder.variables);
  if (provider.auth == Auth::aws_sigv4) some = before;
  for (const auto& variable : provider.group)
    if (get(variable).empty() && std::ranges::none_of(status.missing, [&](const std::string& known) {
          return known.find(variable) != std::string::npos;
        }))
      status.missing.push_back(variable);
  if (status.missing.empty())
    status.state = ProviderStatus::State::ready;
  else
    status.state = some ? ProviderStatus::State::partial : ProviderStatus::State::absent;
  return status;
}

}  // namespace lllm

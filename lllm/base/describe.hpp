#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <boost/describe/enum_to_string.hpp>
#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <boost/mp11/algorithm.hpp>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"

namespace lllm {

/// A struct that Boost.Describe knows: BOOST_DESCRIBE_STRUCT(Search, (), (query, limit)).
/// Tool arguments and structured answers are such structs. A struct may explain its members to the model with
/// `static std::string_view describe_member(std::string_view name)`.
template <class T>
concept Described = boost::describe::has_describe_members<T>::value && !std::is_union_v<T>;
template <class T>
concept DescribedEnum = std::is_enum_v<T> && boost::describe::has_describe_enumerators<T>::value;

/// The JSON Schema (draft 2020-12 vocabulary that every provider's strict mode takes) of `T`: integers,
/// numbers, strings, booleans, optionals, vectors, string-keyed maps, described enums, described structs and
/// json::value.
template <class T>
json::object schema_of();

/// Reads `T` out of JSON. `parse_failed` names the member ("/items/2/count: expected an integer, found a
/// string"). Unknown members are ignored; a missing optional is empty; any other missing member is an error.
template <class T>
Result<T> from_json(const json::value& value);

/// The inverse of from_json. An empty optional member is left out.
template <class T>
json::value to_json_value(const T& value);

// ---------------------------------------------------------------------------------------------------------

namespace detail {

Error mismatch(const std::string& path, std::string_view expected, const json::value& found);
Error missing_member(const std::string& path, std::string_view name);
Error not_an_enumerator(const std::string& path, std::string_view found,
                        const std::vector<std::string_view>& names);
Error out_of_range(const std::string& path, const char* why);

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_vector = false;
template <class T, class A>
inline constexpr bool is_vector<std::vector<T, A>> = true;
template <class T>
inline constexpr bool is_string_map = false;
template <class T, class C, class A>
inline constexpr bool is_string_map<std::map<std::string, T, C, A>> = true;
template <class T, class H, class E, class A>
inline constexpr bool is_string_map<std::unordered_map<std::string, T, H, E, A>> = true;
template <class>
inline constexpr bool unsupported = false;

template <class T>
using members_of =
    boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;

template <class T>
std::vector<std::string_view> enumerator_names() {
  std::vector<std::string_view> names;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>(
      [&](auto e) { names.emplace_back(e.name); });
  return names;
}

template <class T>
void read(const json::value& from, T& to, const std::string& path) {
  if constexpr (std::is_same_v<T, json::value>) {
    to = from;
  } else if constexpr (std::is_same_v<T, json::object>) {
    if (!from.is_object()) throw_error(mismatch(path, "an object", from));
    to = from.get_object();
  } else if constexpr (is_optional<T>) {
    if (from.is_null())
      to.reset();
    else
      read(from, to.emplace(), path);
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!from.is_bool()) throw_error(mismatch(path, "a boolean", from));
    to = from.get_bool();
  } else if constexpr (std::is_integral_v<T>) {
    const auto number = as_integer(&from);
    // 3.0 is an integer to JSON Schema, 3.5 is not.
    if (!number || (from.is_double() && static_cast<double>(*number) != from.get_double()))
      throw_error(mismatch(path, "an integer", from));
    if (!std::in_range<T>(*number)) throw_error(out_of_range(path, "the integer is out of range"));
    to = static_cast<T>(*number);
  } else if constexpr (std::is_floating_point_v<T>) {
    const auto number = as_number(&from);
    if (!number) throw_error(mismatch(path, "a number", from));
    to = static_cast<T>(*number);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!from.is_string()) throw_error(mismatch(path, "a string", from));
    to = std::string(as_text(&from));
  } else if constexpr (is_vector<T>) {
    if (!from.is_array()) throw_error(mismatch(path, "an array", from));
    to.clear();
    for (const auto& element : from.get_array()) {
      typename T::value_type item{};
      read(element, item, path + '/' + std::to_string(to.size()));
      to.push_back(std::move(item));
    }
  } else if constexpr (is_string_map<T>) {
    if (!from.is_object()) throw_error(mismatch(path, "an object", from));
    to.clear();
    for (const auto& [key, member] : from.get_object())
      read(member, to[std::string(key)], path + '/' + std::string(key));
  } else if constexpr (DescribedEnum<T>) {
    if (!from.is_string()) throw_error(mismatch(path, "a string", from));
    bool found = false;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto e) {
      if (as_text(&from) == e.name) {
        to = e.value;
        found = true;
      }
    });
    if (!found) throw_error(not_an_enumerator(path, as_text(&from), enumerator_names<T>()));
  } else if constexpr (Described<T>) {
    if (!from.is_object()) throw_error(mismatch(path, "an object", from));
    boost::mp11::mp_for_each<members_of<T>>([&](auto member) {
      auto& slot = to.*member.pointer;
      if (const auto* value = find(from, member.name))
        read(*value, slot, path + '/' + member.name);
      else if constexpr (!is_optional<std::remove_reference_t<decltype(slot)>>)
        throw_error(missing_member(path, member.name));
    });
  } else {
    static_assert(unsupported<T>, "describe the struct or enum (BOOST_DESCRIBE_STRUCT) to use it here");
  }
}

template <class T>
concept ExplainsMembers = requires {
  { T::describe_member(std::string_view()) } -> std::convertible_to<std::string_view>;
};

template <class T>
json::object schema() {
  if constexpr (std::is_same_v<T, json::value>) {
    return {};
  } else if constexpr (std::is_same_v<T, json::object>) {
    return {{"type", "object"}};
  } else if constexpr (is_optional<T>) {
    json::object inner = schema<typename T::value_type>();
    // Strict modes want every member required, so "may be absent" is said as "may be null".
    if (auto* type = inner.if_contains("type");
        type != nullptr && type->is_string() && !inner.contains("enum")) {
      *type = json::array{*type, "null"};
      return inner;
    }
    return {{"anyOf", json::array{std::move(inner), json::object{{"type", "null"}}}}};
  } else if constexpr (std::is_same_v<T, bool>) {
    return {{"type", "boolean"}};
  } else if constexpr (std::is_integral_v<T>) {
    return {{"type", "integer"}};
  } else if constexpr (std::is_floating_point_v<T>) {
    return {{"type", "number"}};
  } else if constexpr (std::is_same_v<T, std::string>) {
    return {{"type", "string"}};
  } else if constexpr (is_vector<T>) {
    return {{"type", "array"}, {"items", schema<typename T::value_type>()}};
  } else if constexpr (is_string_map<T>) {
    return {{"type", "object"}, {"additionalProperties", schema<typename T::mapped_type>()}};
  } else if constexpr (DescribedEnum<T>) {
    json::array names;
    for (const auto name : enumerator_names<T>()) names.emplace_back(json::string(name));
    return {{"type", "string"}, {"enum", std::move(names)}};
  } else if constexpr (Described<T>) {
    json::object properties;
    json::array required;
    boost::mp11::mp_for_each<members_of<T>>([&](auto member) {
      using Member = std::remove_cvref_t<decltype(std::declval<T&>().*member.pointer)>;
      json::object property = schema<Member>();
      if constexpr (ExplainsMembers<T>) {
        if (const std::string_view words = T::describe_member(member.name); !words.empty())
          property["description"] = json::string(words);
      }
      properties[member.name] = std::move(property);
      if constexpr (!is_optional<Member>) required.emplace_back(member.name);
    });
    return {{"type", "object"},
            {"properties", std::move(properties)},
            {"required", std::move(required)},
            {"additionalProperties", false}};
  } else {
    static_assert(unsupported<T>, "describe the struct or enum (BOOST_DESCRIBE_STRUCT) to use it here");
  }
}

template <class T>
json::value write(const T& from) {
  if constexpr (std::is_same_v<T, json::value>) {
    return from;
  } else if constexpr (std::is_same_v<T, json::object>) {
    return from;
  } else if constexpr (is_optional<T>) {
    return from ? write(*from) : json::value();
  } else if constexpr (std::is_arithmetic_v<T>) {
    return json::value(from);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return json::value(json::string(from));
  } else if constexpr (is_vector<T>) {
    json::array array;
    array.reserve(from.size());
    for (const auto& element : from) array.push_back(write<typename T::value_type>(element));
    return array;
  } else if constexpr (is_string_map<T>) {
    json::object object;
    for (const auto& [key, member] : from) object[key] = write(member);
    return object;
  } else if constexpr (DescribedEnum<T>) {
    const char* name = boost::describe::enum_to_string(from, "");
    return json::value(name);
  } else if constexpr (Described<T>) {
    json::object object;
    boost::mp11::mp_for_each<members_of<T>>([&](auto member) {
      const auto& slot = from.*member.pointer;
      if constexpr (is_optional<std::remove_cvref_t<decltype(slot)>>) {
        if (!slot) return;
      }
      object[member.name] = write(slot);
    });
    return object;
  } else {
    static_assert(unsupported<T>, "describe the struct or enum (BOOST_DESCRIBE_STRUCT) to use it here");
  }
}

}  // namespace detail

template <class T>
json::object schema_of() {
  return detail::schema<T>();
}

template <class T>
Result<T> from_json(const json::value& value) {
  try {
    T result{};
    detail::read(value, result, {});
    return result;
  } catch (const Exception& failure) {
    return failure.error();
  }
}

template <class T>
json::value to_json_value(const T& value) {
  return detail::write(value);
}

}  // namespace lllm

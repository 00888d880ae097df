#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include "lllm/base/text.hpp"
#include "lllm/cli/command.hpp"
#include "lllm/cli/terminal.hpp"
#include "lllm/wires/recording.hpp"

namespace lllm::cli {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::vector<std::string> files;
  bool json = false;
};

// Folders stand for the recordings in them.
std::vector<fs::path> files_of(const Arguments& args) {
  std::vector<fs::path> files;
  for (const fs::path path : args.files) {
    std::error_code none;
    if (!fs::is_directory(path, none)) {
      files.push_back(path);
      continue;
    }
    const auto begin = static_cast<std::ptrdiff_t>(files.size());
    for (const auto& entry : fs::recursive_directory_iterator(path, none))
      if (entry.is_regular_file(none) && entry.path().extension() == ".json") files.push_back(entry.path());
    std::sort(files.begin() + begin, files.end());
  }
  return files;
}

Result<std::string> read_file(const fs::path& path) {
  std::error_code none;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  if (!in || !fs::is_regular_file(path, none)) return Error(ErrorKind::io_failed, "cannot be read");
  return std::move(bytes).str();
}

void line(std::string_view name, const std::string& text) {
  if (text.empty()) return;
  const std::string label = on_stdout("2", std::string(name) + std::string(12 - name.size(), ' '));
  std::printf("  %s%s\n", label.c_str(),
              stdout_is_terminal() ? strip_terminal_escapes(text).c_str() : text.c_str());
}

std::string counted(const json::value* usage) {
  if (usage == nullptr || !usage->is_object()) return {};
  std::string text;
  for (const auto& [name, count] : usage->get_object())
    if (const auto number = as_integer(&count))
      text += (text.empty() ? "" : ", ") + std::string(name) + " " + std::to_string(*number);
  return text;
}

void print(const fs::path& file, const Recording& recording, const json::object& seen,
           const Replayed& replayed) {
  std::string head = file.string() + ": " + recording.wire;
  if (!recording.provider.empty()) head += ", " + recording.provider;
  head += recording.streaming ? ", streamed, status " : ", status ";
  head += std::to_string(recording.status);
  if (stdout_is_terminal()) head = strip_terminal_escapes(head);
  std::printf("%s\n", on_stdout("1", head).c_str());
  const Message& message = replayed.message;
  line("model", message.model);
  line("reasoning", message.reasoning());
  line("text", message.text());
  line("refusal", message.refusal());
  for (const auto& call : message.tool_calls) line("tool call", call.name + " " + call.arguments);
  line("finish", message.finish_reason);
  line("usage", counted(find(seen, "usage")));
  if (!replayed.error) return;
  line("error", replayed.error->to_string());
  line("they said", replayed.error->provider_text());
}

void replay_all(const Arguments& args, Outcome& outcome) {
  json::array rows;
  for (const auto& file : files_of(args)) {
    const auto text = read_file(file);
    const auto recording = text ? read_recording(*text) : Result<Recording>(text.error());
    const auto replayed = recording ? replay(*recording) : Result<Replayed>(recording.error());
    if (!replayed) {
      print_error(file.string() + ": " + replayed.error().message());
      outcome.exit_code = 1;
      continue;
    }
    json::object seen = described(*recording, *replayed);
    if (!args.json) {
      print(file, *recording, seen, *replayed);
      continue;
    }
    seen["file"] = json::string(file.string());
    seen["wire"] = json::string(recording->wire);
    seen["provider"] = json::string(recording->provider);
    seen["streaming"] = recording->streaming;
    seen["status"] = recording->status;
    seen["model"] = json::string(replayed->message.model);
    if (replayed->error) seen["error_kind"] = json::string(to_string(replayed->error->kind()));
    rows.push_back(std::move(seen));
  }
  if (args.json) std::printf("%s\n", to_pretty_json(rows).c_str());
}

}  // namespace

void add_replay(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  auto* command =
      app.add_subcommand("replay", "Read recorded exchanges again, offline, and print what is made of them");
  command->add_option("file", args->files, "Recordings, or folders of them")->required();
  command->add_flag("--json", args->json, "Print a JSON array");
  command->callback([args, &outcome] { replay_all(*args, outcome); });
}

}  // namespace lllm::cli

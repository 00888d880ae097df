// Does it stay so cheap? With a second thread, with ten thousand calls in flight, with a dialog of two
// thousand messages.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "benchmarks/bench.hpp"
#include "benchmarks/calls.hpp"
#include "benchmarks/fake_server.hpp"
#include "benchmarks/nginx.hpp"
#include "lllm/net/http_server.hpp"
#include "lllm/wires/codec.hpp"
#include "lllm/wires/routing.hpp"

namespace {

namespace asio = boost::asio;

// A server and its client on one thread: nothing but the thread itself is the limit.
void call_and_answer(double seconds, double& calls_per_second) {
  bench::CallerOptions options;
  options.in_flight = 16;
  options.answer_locally = true;
  bench::Caller caller(std::move(options));
  caller.run(seconds / 4);
  calls_per_second = caller.run(seconds).per_second();
}

double with_threads(int count, double seconds) {
  std::vector<double> rates(static_cast<std::size_t>(count));
  std::vector<std::thread> threads;
  threads.reserve(rates.size());
  for (auto& rate : rates) threads.emplace_back([&rate, seconds] { call_and_answer(seconds, rate); });
  double sum = 0;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    threads[i].join();
    sum += rates[i];
  }
  return sum;
}

// The same in two processes, which share nothing but the machine: where its cores slow each other down, that
// is all that two threads can have.
double with_two_processes(double seconds) {
  std::array<int, 2> results{};
  if (::pipe(results.data()) != 0) throw std::runtime_error("no pipe");
  std::array<pid_t, 2> children{};
  for (auto& child : children) {
    child = ::fork();
    if (child != 0) continue;
    double rate = 0;
    try {
      call_and_answer(seconds, rate);
    } catch (const std::exception&) {  // counts as 0
    }
    ::_exit(::write(results[1], &rate, sizeof rate) == sizeof rate ? 0 : 1);
  }
  ::close(results[1]);
  double sum = 0;
  for (double rate = 0; ::read(results[0], &rate, sizeof rate) == sizeof rate;) sum += rate;
  ::close(results[0]);
  for (const auto child : children) ::waitpid(child, nullptr, 0);
  return sum;
}

void measure_threads(bench::Report& report) {
  const std::string name = "two threads instead of one";
  if (!report.wants(name) || (std::thread::hardware_concurrency() < 2 && !report.smoke())) return;
  std::vector<double> one, two, apart;
  for (int i = 0; i < (report.smoke() ? 1 : 5); ++i) {
    const double seconds = report.smoke() ? 0.02 : 1;
    one.push_back(with_threads(1, seconds));
    two.push_back(with_threads(2, seconds));
    apart.push_back(with_two_processes(seconds));
  }
  const double one_rate = bench::summary_of(one).median;
  const double machine = bench::summary_of(apart).median / one_rate;
  bench::Row row = bench::row_of(name, "calls/s", two, one);
  char note[96];
  std::snprintf(note, sizeof note, "limit: one thread; two processes: %.2f%s", machine,
                machine < 1.9 ? ", all that this machine has for two" : "");
  row.note = note;
  if (!report.smoke()) row.target = 1.9;
  report.add(row);
  row = bench::row_of("two threads instead of two processes", "calls/s", two, apart);
  if (!report.smoke()) row.target = 0.95;
  report.add(std::move(row));
}

void measure_in_flight(bench::Report& report) {
  if (!bench::have_program("nginx")) return;
  bench::pin_to_core(bench::client_core());
  const bench::Nginx server(bench::response_body());
  double at_ten = 0;
  for (const int in_flight : {10, 100, 1000, 10'000}) {
    const std::string name = "a call with " + std::to_string(in_flight) + " in flight";
    if (!report.wants(name) || (report.smoke() && in_flight > 100)) continue;
    bench::CallerOptions options;
    options.base_url = server.origin(false) + "/v1";
    options.in_flight = in_flight;
    bench::Caller caller(std::move(options));
    caller.run(report.smoke() ? 0.01 : 1);
    std::vector<double> micros;
    for (int i = 0; i < (report.smoke() ? 1 : 5); ++i) {
      const auto load = caller.run(report.smoke() ? 0.02 : 1);
      micros.push_back(1e6 / load.per_cpu_second());
    }
    bench::Row row;
    row.name = name;
    const auto measured = bench::summary_of(micros);
    row.value = measured.median;
    row.spread = measured.spread;
    row.unit = "CPU-us";
    if (in_flight == 10) {
      at_ten = row.value;
    } else {
      row.limit = at_ten;
      if (!report.smoke()) row.target = 1.5;
      row.at_most = true;
      row.note = "limit: with 10";
    }
    report.add(std::move(row));
  }
}

lllm::Dialog dialog_of(int messages) {
  lllm::Dialog dialog;
  for (int i = 0; i < messages; ++i)
    dialog.append(
        lllm::Message(i % 2 == 0 ? lllm::Role::user : lllm::Role::assistant,
                      "The tram on line 7 was late again this morning, for the third time this week: what "
                      "should our desk ask the office, and which \"numbers\" would show it?"));
  return dialog;
}

void measure_dialogs(bench::Report& report) {
  const auto route = lllm::Router().route("openai/gpt-4o-mini", lllm::ApiType::completion).value();
  const auto* codec = lllm::find_codec(route.wire);
  const lllm::CallOptions options;
  const auto encode = [&](const lllm::Dialog& dialog) {
    return codec->encode({dialog, *route.provider, route.model, options, {}, {}, false}).value().body.size();
  };
  double at_hundred = 0;
  const auto add = [&](const std::string& name, const lllm::Dialog& dialog) {
    const auto bytes = static_cast<double>(encode(dialog));
    std::vector<double> rates;
    for (int i = 0; i < report.rounds(); ++i) {
      const double start = bench::cpu_seconds();
      int times = 0;
      do {
        encode(dialog);
        ++times;
      } while (bench::cpu_seconds() - start < (report.smoke() ? 0.001 : 0.05));
      rates.push_back((bench::cpu_seconds() - start) * 1e9 / (bytes * times));
    }
    bench::Row row;
    row.name = name;
    const auto measured = bench::summary_of(rates);
    row.value = measured.median;
    row.spread = measured.spread;
    row.unit = "CPU-ns/byte";
    if (at_hundred == 0) {
      at_hundred = row.value;
    } else {
      row.limit = at_hundred;
      if (!report.smoke()) row.target = 1.5;
      row.at_most = true;
      row.note = "limit: with 100 messages";
    }
    report.add(std::move(row));
  };
  add("writing a dialog of 100 messages", dialog_of(100));
  add("writing a dialog of 2,000 messages", dialog_of(2000));
  lllm::Dialog with_images = dialog_of(10);
  std::string image = "\x89PNG\r\n\x1a\n";
  image.resize(std::size_t{256} * 1024, 'x');
  for (int i = 0; i < 4; ++i) with_images.put_image(image);
  add("writing a dialog with 1 MB of images", with_images);
}

}  // namespace

int main(int argc, char** argv) try {
  bench::Report report("scale", argc, argv);
  bench::raise_file_limit();
  measure_threads(report);
  measure_in_flight(report);
  measure_dialogs(report);
  return report.finish();
} catch (const std::exception& e) {
  std::fprintf(stderr, "scale: %s\n", e.what());
  return 1;
}

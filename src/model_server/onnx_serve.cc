#include "model_server/onnx_serve.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <sstream>
#include <vector>

#include "base/log.h"
#include "model_server/serve/handler.h"
#include "runtime/signals.h"
#include "wire/server/http_server.h"

namespace tidemill::model_server {
namespace {

constexpr int kThreadsMax = 256;
constexpr std::size_t kDecodeThreads = 2;
constexpr std::size_t kDecodesWaitingMax = 1024;
constexpr std::size_t kConnectionsMax = 2048;
constexpr int kDescriptorMax = 1 << 20;

std::string setting(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

std::optional<int> number(const std::string& text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > most)
    return std::nullopt;
  return value;
}

int processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::clamp(CPU_COUNT(&set), 1, kThreadsMax);
}

// If the library itself crashes, the log says on which signal the process ended.
char crash_text[512];
void report_crash(int signal_number) {
  (void)!::write(STDERR_FILENO, crash_text, std::strlen(crash_text));
  ::raise(signal_number);  // SA_RESETHAND: now it ends the process
}
void report_crashes(const std::string& model) {
  std::snprintf(crash_text, sizeof crash_text,
                "tidemill onnx-serve: ONNX Runtime crashed with the model %s; the file may be "
                "damaged or made for another version\n",
                model.c_str());
  struct sigaction action{};
  action.sa_handler = report_crash;
  action.sa_flags = SA_RESETHAND | SA_NODEFER;
  for (int number : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL}) sigaction(number, &action, nullptr);
}

int refuse(const std::string& reason) {
  std::fprintf(stderr, "tidemill onnx-serve: %s\n", reason.c_str());
  return 1;
}

Result<wire::HttpServerOptions> server_options() {
  wire::HttpServerOptions options;
  if (const std::string inherited = setting("TIDEMILL_SOCKET_DESCRIPTOR", ""); !inherited.empty()) {
    const std::optional<int> descriptor = number(inherited, kDescriptorMax);
    if (!descriptor)
      return fail(codes::kInvalid,
                  "TIDEMILL_SOCKET_DESCRIPTOR is not a descriptor: '" + inherited + "'");
    options.bound_descriptor = *descriptor;
  }
  options.unix_path = setting("TIDEMILL_SOCKET_PATH", "");
  options.address = setting("TIDEMILL_BIND_ADDRESS", "127.0.0.1");
  const std::string port = setting("SAGEMAKER_BIND_TO_PORT", "8080");
  const std::optional<int> known = number(port, 65535);
  if (!known)
    return fail(codes::kInvalid, "SAGEMAKER_BIND_TO_PORT is not a port number: '" + port + "'");
  options.port = static_cast<std::uint16_t>(*known);
  options.limits.body_bytes_max = kBodyBytesMax;
  options.connections_max = kConnectionsMax;
  // Connections of the hosting server may stay idle between requests for a long time.
  options.idle_timeout = std::chrono::hours(1);
  return options;
}

bool may_join(Runner& runner) {
  if (setting("TIDEMILL_ONNX_BATCHING", "on") == "off") return false;
  std::string why_not;
  if (rows_are_independent(runner, why_not)) return true;
  log::info("requests are not joined into batches", {{"reason", why_not}});
  return false;
}

// The same settings as the server's for models in its own process (fleet_routes.cc).
infer::ResponseOptions response_options() {
  infer::ResponseOptions options;
  options.default_accept = setting("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "text/csv");
  options.one_per_line = !setting("SAGEMAKER_BATCH", "").empty();
  std::istringstream keys(setting("SAGEMAKER_INFERENCE_OUTPUT", ""));
  for (std::string key; std::getline(keys, key, ',');) {
    std::erase(key, ' ');
    for (char& letter : key)
      letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    if (!key.empty()) options.output_keys.push_back(key);
  }
  return options;
}

int serve(Runner& runner, runtime::StopSignals& signals) {
  Result<wire::HttpServerOptions> options = server_options();
  if (!options) return refuse(options.error().message);
  std::string where = options->address + ":" + std::to_string(options->port);
  if (!options->unix_path.empty()) where = options->unix_path;
  if (options->bound_descriptor >= 0) where = "the socket that the server has made";
  runtime::EventLoops loops(1);
  runtime::WorkerPool decoding({"decode", kDecodeThreads, kDecodesWaitingMax});
  runtime::WorkerPool streams({"stream", 1, 16});
  // Both try the model, before the batcher's thread uses it.
  std::optional<Classifier> classifier = find_classifier(runner);
  Batcher batcher(runner, {.join = may_join(runner)});
  ModelHandler handler(runner, batcher, decoding, std::move(classifier), response_options());
  wire::HttpServer server(loops, streams, handler, std::move(*options));
  if (Result<void> started = server.start(); !started) return refuse(started.error().message);
  log::info("the model is served", {{"at", where}});
  signals.wait();
  server.stop();
  decoding.stop();
  batcher.stop();
  streams.stop();
  return 0;
}

}  // namespace

Result<std::string> find_onnx_file(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".onnx" && entry.is_regular_file(error))
      names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  if (std::find(names.begin(), names.end(), "model.onnx") != names.end()) names = {"model.onnx"};
  if (names.empty()) return fail(codes::kNotFound, "there is no *.onnx file in " + folder);
  if (names.size() > 1)
    return fail(codes::kInvalid, "there are several *.onnx files in " + folder + " (" + names[0] +
                                     ", " + names[1] + "); call the one to serve model.onnx");
  return folder + "/" + names[0];
}

int onnx_serve_main() {
  runtime::StopSignals signals;
  Result<std::string> file = find_onnx_file(setting("TIDEMILL_ML_ROOT", "/opt/ml") + "/model");
  if (!file) return refuse(file.error().message);
  int threads = processors();
  if (const std::string given = setting("TIDEMILL_THREADS", ""); !given.empty()) {
    const std::optional<int> known = number(given, kThreadsMax);
    if (!known) return refuse("TIDEMILL_THREADS is not a number from 1 to 256: '" + given + "'");
    threads = *known;
  }
  report_crashes(*file);
  Result<std::unique_ptr<Runner>> runner = load_onnx(*file, threads);
  if (!runner) return refuse(*file + ": " + runner.error().message);
  for (const TensorSpec& input : (*runner)->inputs())
    log::info("input of the model", {{"name", input.name}, {"expects", input.text()}});
  return serve(**runner, signals);
}

}  // namespace tidemill::model_server

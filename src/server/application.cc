#include "server/application.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "api/all_services.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text_file.h"
#include "runtime/signals.h"
#include "server/application_parts.h"
#include "server/coverage_table.h"
#include "server/version.h"

namespace tidemill::server {
namespace {

namespace filesystem = std::filesystem;

log::Level level_of(const std::string& name) {
  if (name == "debug") return log::Level::debug;
  if (name == "warning") return log::Level::warning;
  return name == "error" ? log::Level::error : log::Level::info;
}

}  // namespace

Application::Parts::~Parts() {
  // Stop new requests, then waiting handlers, then new effects; jobs go on under their shims.
  if (sweeps) sweeps->stop();
  if (chain) chain->request_stop();
  if (held) held->stop();
  if (http) http->stop();
  if (job_http) job_http->stop();
  if (job_names) job_names->stop();
  if (credentials_door) credentials_door->stop();
  if (tunnels) tunnels->stop();
  if (modules) modules->request_stop();
  if (schedules) schedules->stop();
  if (outbox) outbox->stop();
  if (engine) engine->stop();
  if (compute) compute->stop_watching();
  if (workers) workers->stop();
  if (credential_workers) credential_workers->stop();
  if (stream_pool) stream_pool->stop();
  if (modules) modules->stop();
  if (loops) loops->stop();
  modules.reset();
  std::error_code ignored;
  if (announced) filesystem::remove(data / "server.json", ignored);
}

Result<void> Application::Parts::run() {
  TRY(trust_files_written.get());  // jobs and `tidemill env` name these files
  TRY(modules->start());
  TRY(outbox->start());
  TRY(engine->start());
  schedules->start();
  TRY(compute->adopt(job_listeners));
  TRY(modules->serve());
  TRY(http->start());
  if (credentials_door) TRY(credentials_door->start());
  sweeps->start();
  return announce();
}

// Writes down the address on which we listen, for `tidemill env` and the process that started us.
Result<void> Application::Parts::announce() {
  ValueObject facts;
  facts.append("endpoint", addresses.endpoint);
  facts.append("local_endpoint",
               addresses.credentials_url.empty() ? addresses.endpoint : addresses.credentials_url);
  facts.append("pid", std::int64_t(getpid()));
  facts.append("version", kVersion);
  announced = true;
  return write_file_atomically(data / "server.json", write_json_pretty(facts), 0644);
}

Application::Application(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Application::~Application() = default;
const std::string& Application::endpoint() const { return parts_->addresses.endpoint; }

Result<std::unique_ptr<Application>> Application::start(const Settings& settings) {
  auto parts = std::make_unique<Parts>(settings);
  TRY(parts->order_modules());
  TRY(parts->open_store());
  parts->begin_transparent_mode();  // with the folder's lock, which the store holds
  TRY(parts->open_state());
  TRY(parts->take_address());
  TRY(parts->open_modules());
  TRY(parts->open_transparent_mode());
  TRY(parts->open_requests());
  TRY(parts->run());
  return std::unique_ptr<Application>(new Application(std::move(parts)));
}

std::string coverage_text(bool as_json) {
  // Sets up a server in a temporary folder as usual, and lists what its services register.
  char folder[] = "/tmp/tidemill-coverage-XXXXXX";
  if (!mkdtemp(folder)) return "{}";
  std::string text;
  {
    Result<Settings> settings =
        Settings::resolve({{"data", folder}, {"listen", "127.0.0.1:0"}}, {});
    Application::Parts parts(*settings);
    Result<void> ready = parts.order_modules();
    if (ready) ready = parts.open_store();
    if (ready) ready = parts.open_state();
    if (ready) ready = parts.take_address();
    if (ready) ready = parts.open_modules();
    ValueObject all;
    for (const schema::Service* service : api::all_services()) {
      ValueList names;
      for (const schema::Operation& operation : service->operations)
        if (parts.registry.find(operation)) names.emplace_back(operation.name);
      all.append(std::string(service->name), std::move(names));
    }
    text = as_json ? write_json_pretty(all) : coverage_table(all);
  }
  std::error_code ignored;
  filesystem::remove_all(folder, ignored);
  return text;
}

namespace {

// Return the memory of large bodies and answers to the machine once they are freed. By default
// glibc's threshold (mallopt(3)) rises to 32 MiB after the first block of that size; from then on
// each thread's arena keeps up to 64 MiB of freed memory.
void return_large_blocks() {
  constexpr int kMappedBytesMin = 1 << 20, kKeptBytesMax = 8 << 20;
  ::mallopt(M_MMAP_THRESHOLD, kMappedBytesMin);
  ::mallopt(M_TRIM_THRESHOLD, kKeptBytesMax);
}

}  // namespace

int serve(const Settings& settings) {
  return_large_blocks();
  log::configure(level_of(settings.text("log-level")),
                 settings.text("log-format") == "json" ? log::Format::json : log::Format::text);
  runtime::StopSignals signals;
  auto begun = std::chrono::steady_clock::now();
  Result<std::unique_ptr<Application>> application = Application::start(settings);
  if (!application) {
    log::error("cannot start", {{"reason", application.error().message}});
    return 1;
  }
  log::info("ready", {{"endpoint", (*application)->endpoint()},
                      {"data", settings.text("data")},
                      {"auth", settings.text("auth")},
                      {"milliseconds", std::chrono::duration<double, std::milli>(
                                           std::chrono::steady_clock::now() - begun)
                                           .count()}});
  int signal = signals.wait();
  log::info("stopping", {{"signal", signal}});
  application->reset();
  log::info("stopped");
  return 0;
}

}  // namespace tidemill::server

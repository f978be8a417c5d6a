// The dispatcher's own cost, for bench/calls.py: in-process calls besides their handler, and held
// answers. Prints one JSON object.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "api/all_services.h"
#include "services/platform/dispatcher/dispatcher.h"
#include "services/platform/held/held_answers.h"

namespace {

using namespace tidemill;
using namespace tidemill::services;
using SteadyClock = std::chrono::steady_clock;

class Everybody final : public platform::Authorizer {
 public:
  Result<void> authorize_operation(const Context&, const schema::Service&, const schema::Operation&,
                                   const Value&) override {
    return {};
  }
};

const schema::Service& s3() {
  for (const schema::Service* each : api::all_services())
    if (each->name == "s3") return *each;
  std::abort();
}

double microseconds_since(SteadyClock::time_point begun) {
  return std::chrono::duration<double, std::micro>(SteadyClock::now() - begun).count();
}

double resident_bytes() {
  long total = 0, resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (!file || std::fscanf(file, "%ld %ld", &total, &resident) != 2) std::abort();
  std::fclose(file);
  return double(resident) * 4096;
}

// Microseconds per in-process call whose handler does nothing.
double call_cost(int calls) {
  Registry registry;
  const schema::Operation& operation = *schema::find_operation(s3(), "HeadBucket");
  registry.add_erased(s3(), operation, {[](Context&, const Value&, Responder respond) {
                        respond(Value(ValueObject()));
                      }});
  Everybody everybody;
  runtime::EventLoops loops(1);
  SystemClock clock;
  auto random = make_system_random();
  platform::Dispatcher dispatcher(
      {registry, everybody, api::all_services(), loops, clock, *random});
  const platform::Caller caller{
      {"123456789012", "arn:aws:sts::123456789012:assumed-role/role/SageMaker", "", ""},
      "us-east-1"};
  const auto begun = SteadyClock::now();
  for (int i = 0; i < calls; ++i) {
    ValueObject input;
    input.append("Bucket", "some-bucket");
    if (!dispatcher.call(caller, s3(), operation, Value(std::move(input)))) std::abort();
  }
  return microseconds_since(begun) / calls;
}

struct Held {
  double bytes_each = 0, answered_milliseconds = 0;
};

// The memory of `count` held answers, and the time until one change has released all of them.
Held held_cost(int count) {
  platform::HeldAnswers held;
  std::atomic<bool> ready = false;
  std::atomic<int> given = 0;
  const double before = resident_bytes();
  for (int i = 0; i < count; ++i)
    held.hold("topic", SteadyClock::now() + std::chrono::hours(1), [&](bool last) {
      if (!ready && !last) return false;
      ++given;
      return true;
    });
  Held out;
  out.bytes_each = (resident_bytes() - before) / count;
  ready = true;
  const auto begun = SteadyClock::now();
  held.changed("topic");
  while (given < count) std::this_thread::yield();
  out.answered_milliseconds = microseconds_since(begun) / 1000;
  return out;
}

}  // namespace

int main(int count, char** arguments) {
  const bool quick = count > 1 && std::strcmp(arguments[1], "--quick") == 0;
  const double call = call_cost(quick ? 20'000 : 500'000);
  const Held held = held_cost(10'000);
  fmt::print(
      R"({{"call_microseconds": {:.3f}, "held_bytes": {:.0f}, "answered_milliseconds": {:.2f}}})"
      "\n",
      call, held.bytes_each, held.answered_milliseconds);
  return 0;
}

// Runs 400 histories of training jobs, each drawn from a seed. A failure prints the seed and the
// steps; TIDEMILL_SIMULATION_SEED=N replays one history, TIDEMILL_SIMULATION_HISTORIES=N runs
// that many, beginning with a random seed.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>

#include "base/log.h"
#include "training_world.h"

namespace tidemill::simulation {

namespace {

constexpr std::uint64_t kHistories = 400, kStepsMin = 20, kStepsMax = 160;

std::uint64_t number_of(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

// In memory if the machine has such a folder: a history makes and removes many small files.
std::filesystem::path make_folder() {
  std::error_code none;
  std::string name = std::filesystem::exists("/dev/shm", none) ? "/dev/shm/simulation_XXXXXX"
                                                               : "/tmp/simulation_XXXXXX";
  return ::mkdtemp(name.data());
}

// Returns how many jobs ended.
std::size_t run_history(std::uint64_t seed, const std::filesystem::path& folder) {
  TrainingWorld world(seed, folder / std::to_string(seed));
  const std::uint64_t steps =
      kStepsMin + make_seeded_random(seed)->next() % (kStepsMax - kStepsMin);
  for (std::uint64_t i = 0; i < steps && world.problem().empty(); ++i) world.step();
  if (world.problem().empty()) world.drain();
  EXPECT_EQ(world.problem(), "") << "TIDEMILL_SIMULATION_SEED=" << seed << "\n" << world.story();
  return world.jobs_ended();
}

}  // namespace

TEST(TrainingSimulation, HistoriesKeepEveryPromise) {
  // The simulation causes failures on purpose; their warnings would hide real ones.
  log::configure(log::Level::error, log::Format::text);
  const std::filesystem::path folder = make_folder();
  std::size_t ended = 0;
  if (std::getenv("TIDEMILL_SIMULATION_SEED")) {
    run_history(number_of("TIDEMILL_SIMULATION_SEED", 0), folder);
  } else {
    // The same seeds in every run of the suite, different ones in long runs.
    const bool longer = std::getenv("TIDEMILL_SIMULATION_HISTORIES") != nullptr;
    const std::uint64_t first = longer ? make_system_random()->next() >> 16 : 1;
    const std::uint64_t count = number_of("TIDEMILL_SIMULATION_HISTORIES", kHistories);
    for (std::uint64_t seed = first; seed < first + count && !HasFailure(); ++seed)
      ended += run_history(seed, folder);
    // A simulation in which no job ends would fulfil every promise, too.
    EXPECT_GT(ended, count) << "the histories have hardly any jobs in them";
  }
  std::filesystem::remove_all(folder);
}

}  // namespace tidemill::simulation

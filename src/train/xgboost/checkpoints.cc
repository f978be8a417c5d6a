#include "train/xgboost/checkpoints.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace tidemill::train::xgboost {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kPrefix = "xgboost-checkpoint.";

// Oldest first.
std::vector<Checkpoint> list(const fs::path& directory) {
  std::vector<Checkpoint> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    Checkpoint checkpoint{entry.path()};
    const char* end = name.data() + name.size();
    auto [stop, failed] = std::from_chars(name.data() + kPrefix.size(), end, checkpoint.round);
    if (failed == std::errc() && stop == end) found.push_back(std::move(checkpoint));
  }
  std::sort(found.begin(), found.end(),
            [](const Checkpoint& a, const Checkpoint& b) { return a.round < b.round; });
  return found;
}

}  // namespace

std::optional<Checkpoint> latest_checkpoint(const fs::path& directory) {
  std::vector<Checkpoint> found = list(directory);
  if (found.empty()) return std::nullopt;
  return found.back();
}

Result<void> write_checkpoint(const fs::path& directory, int round, Booster& booster) {
  TRY(booster.save((directory / (std::string(kPrefix) + std::to_string(round))).string()));
  std::vector<Checkpoint> found = list(directory);
  std::error_code error;  // a remaining old checkpoint is harmless
  for (std::size_t i = 0; i + kCheckpointsKept < found.size(); ++i)
    fs::remove(found[i].path, error);
  return {};
}

}  // namespace tidemill::train::xgboost

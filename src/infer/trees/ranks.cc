#include "infer/trees/ranks.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <set>

#include "infer/trees/thresholds.h"

namespace tidemill::infer::trees {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
// The largest rank is for missing values that go right.
constexpr std::size_t kByteThresholdsMax = 255;
constexpr std::size_t kThresholdsMax = 65535;

// A NaN threshold has all values on its left: above all others.
bool below(float a, float b) { return std::isnan(b) ? !std::isnan(a) : a < b; }

std::uint16_t rank_of(const std::vector<float>& thresholds, float threshold) {
  return static_cast<std::uint16_t>(
      std::lower_bound(thresholds.begin(), thresholds.end(), threshold, below) -
      thresholds.begin());
}

}  // namespace

RankTables::Key RankTables::key_of(const Node& node) {
  return {node.feature, node.missing, node.missing != Missing::none && node.missing_left};
}

void RankTables::add_search_tree(RankedFeature& feature, const std::vector<float>& thresholds) {
  std::vector<std::vector<float>> levels = {thresholds};
  while (levels.back().size() >= kKeys) {
    std::vector<float> pivots;
    for (std::size_t i = kKeys - 1; i < levels.back().size(); i += kKeys)
      pivots.push_back(levels.back()[i]);
    levels.push_back(std::move(pivots));
  }
  feature.levels = static_cast<std::uint32_t>(levels.size());
  for (std::size_t level = 0; level < levels.size(); ++level) {
    std::vector<float>& keys = levels[levels.size() - 1 - level];
    feature.level_start[level] = static_cast<std::uint32_t>(key_blocks_.size());
    // One key more than needed, so that there is a block after the last full one.
    keys.resize((keys.size() / kKeys + 1) * kKeys, kNan);
    for (std::size_t i = 0; i < keys.size(); i += kKeys)
      std::copy_n(keys.begin() + static_cast<std::ptrdiff_t>(i), kKeys,
                  key_blocks_.emplace_back().keys);
  }
}

std::optional<RankTables> RankTables::build(const Ensemble& ensemble, const std::vector<bool>& use,
                                            std::size_t slots_max) {
  RankTables tables;
  std::set<Key> keys;
  std::size_t trees = 0;
  for (std::size_t i = 0; i < ensemble.trees.size(); ++i) {
    if (!use[i]) continue;
    ++trees;
    for (const Node& node : ensemble.trees[i].nodes) {
      if (node.kind == NodeKind::leaf) continue;
      keys.insert(key_of(node));
      if (keys.size() > slots_max) return std::nullopt;
      tables.thresholds_[node.feature].push_back(float_threshold(node));
    }
  }
  if (keys.size() > kNarrowSlotsMax && keys.size() > kWideSlotsPerTreeMax * trees)
    return std::nullopt;
  for (auto& [feature, thresholds] : tables.thresholds_) {
    std::sort(thresholds.begin(), thresholds.end(), below);
    auto same = [](float a, float b) { return !below(a, b) && !below(b, a); };
    thresholds.erase(std::unique(thresholds.begin(), thresholds.end(), same), thresholds.end());
    if (thresholds.size() > kThresholdsMax) return std::nullopt;
    if (thresholds.size() > kByteThresholdsMax) tables.planes_ = 2;
  }
  const auto right_of_all = static_cast<std::uint16_t>(tables.planes_ == 1 ? 0xff : 0xffff);
  for (const Key& key : keys) {
    const std::vector<float>& thresholds = tables.thresholds_[key.feature];
    if (tables.features_.empty() || tables.features_.back().feature != key.feature) {
      RankedFeature& added = tables.features_.emplace_back();
      added.feature = key.feature;
      added.first_slot = static_cast<std::uint16_t>(tables.slots_.size());
      tables.add_search_tree(added, thresholds);
    }
    ++tables.features_.back().slots;
    tables.slot_of_[key] = static_cast<std::uint16_t>(tables.slots_.size());
    Slot slot;
    slot.zero_is_missing = key.missing == Missing::nan_or_zero;
    if (key.missing == Missing::none)  // NaN has the rank of 0: that of the keys not above 0
      slot.missing_rank = static_cast<std::uint16_t>(
          std::ranges::count_if(thresholds, [](float threshold) { return 0.0f >= threshold; }));
    else
      slot.missing_rank = key.left ? 0 : right_of_all;
    tables.slots_.push_back(slot);
  }
  const std::size_t needed = (tables.slots_.size() + kRegisterBytes - 1) / kRegisterBytes;
  tables.registers_ = std::bit_ceil(std::max<std::size_t>(needed, 1));
  return tables;
}

RankTables::Place RankTables::place(const Node& node) const {
  return {slot_of_.at(key_of(node)), rank_of(thresholds_.at(node.feature), float_threshold(node))};
}

std::size_t RankTables::memory_bytes() const {
  return features_.capacity() * sizeof(RankedFeature) + slots_.capacity() * sizeof(Slot) +
         key_blocks_.capacity() * sizeof(KeyBlock);
}

}  // namespace tidemill::infer::trees

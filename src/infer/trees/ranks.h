// Rows as small integers. A split compares a feature with one of the few thresholds the model has
// for it, so a row is prepared once: each feature's value becomes its rank among those thresholds,
// a byte or two, and every split of every tree is then a comparison of bytes, 64 an instruction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "infer/trees/ensemble.h"

namespace tidemill::infer::trees {

// Features for splits: one slot for each direction in which a feature's missing values go, so that
// the direction is part of the rank and costs nothing in the trees.
inline constexpr std::size_t kSlotsMax = 1024;
// A byte names a slot of a narrow row; a slot of a wide row also has a bank of this many slots.
inline constexpr std::size_t kNarrowSlotsMax = 256;
inline constexpr std::size_t kBankSlots = 128;
// Each slot of a wide row costs preparation, which only pays off with enough trees.
inline constexpr std::size_t kWideSlotsPerTreeMax = 4;
inline constexpr std::size_t kKeys = 16;  // thresholds compared at once
inline constexpr std::size_t kSearchLevelsMax = 5;
inline constexpr std::size_t kRegisterBytes = 64;

struct alignas(kRegisterBytes) KeyBlock {
  float keys[kKeys];  // ascending; NaN fills the rest: nothing is above it
};

struct Slot {
  std::uint16_t missing_rank = 0;  // 0: left of all; the largest: right of all
  bool zero_is_missing = false;
};

// A search tree of blocks: the block to look at next is the number of keys not above the value.
struct RankedFeature {
  std::uint32_t feature = 0;
  std::uint32_t levels = 0;
  std::uint32_t level_start[kSearchLevelsMax] = {};  // in key_blocks; [0] is the top
  std::uint16_t first_slot = 0, slots = 0;
};

class RankTables {
 public:
  // Only for trees selected by `use`. nullopt when the model has too many thresholds, or more slots
  // than slots_max, which is at most kSlotsMax.
  static std::optional<RankTables> build(const Ensemble& ensemble, const std::vector<bool>& use,
                                         std::size_t slots_max);

  struct Place {
    std::uint16_t slot;
    std::uint16_t rank;  // the value goes right when its rank is larger
  };
  Place place(const Node& node) const;

  std::size_t planes() const { return planes_; }        // bytes a rank: 1 or 2
  std::size_t registers() const { return registers_; }  // of 64 slots: 1, 2, 4, 8 or 16
  bool wide() const { return slots_.size() > kNarrowSlotsMax; }
  // A prepared row: all low bytes by slot, then all high bytes.
  std::size_t plane_bytes() const { return registers_ * kRegisterBytes; }
  std::size_t row_bytes() const { return planes_ * plane_bytes(); }
  const std::vector<RankedFeature>& features() const { return features_; }
  const std::vector<Slot>& slots() const { return slots_; }
  const std::vector<KeyBlock>& key_blocks() const { return key_blocks_; }
  std::size_t memory_bytes() const;

 private:
  struct Key {
    std::uint32_t feature;
    Missing missing;
    bool left;
    auto operator<=>(const Key&) const = default;
  };
  static Key key_of(const Node& node);
  void add_search_tree(RankedFeature& feature, const std::vector<float>& thresholds);

  std::size_t planes_ = 1, registers_ = 1;
  std::vector<RankedFeature> features_;
  std::vector<Slot> slots_;
  std::vector<KeyBlock> key_blocks_;
  // Used only during layout.
  std::map<Key, std::uint16_t> slot_of_;
  std::map<std::uint32_t, std::vector<float>> thresholds_;

 public:
  void forget_places() {
    slot_of_.clear();
    thresholds_.clear();
  }
};

}  // namespace tidemill::infer::trees

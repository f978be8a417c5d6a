// 32 splits an instruction: AVX2. The blocks are those of AVX-512; the byte permute is four or
// more shuffles of 16 bytes, and the look-ups of paths are scalar.
#include "infer/trees/vector_path.h"

#if defined(__x86_64__)

#include <immintrin.h>

// Like avx512.cc: functions run only after avx2_path() has checked the CPU; no lambdas.
#define TIDEMILL_AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))
#define TIDEMILL_AVX2_INLINE TIDEMILL_AVX2 __attribute__((always_inline)) inline

namespace tidemill::infer::trees {
namespace {

constexpr int kTableBytes = 16;  // what a shuffle selects from

TIDEMILL_AVX2_INLINE std::uint32_t rank_of(const KeyBlock* blocks, const RankedFeature& feature,
                                           float value) {
  const __m256 wanted = _mm256_set1_ps(value);
  std::uint32_t at = 0;
  for (std::uint32_t level = 0; level < feature.levels; ++level) {
    const float* keys = blocks[feature.level_start[level] + at].keys;
    const __m256 low = _mm256_cmp_ps(wanted, _mm256_load_ps(keys), _CMP_GE_OQ);
    const __m256 high = _mm256_cmp_ps(wanted, _mm256_load_ps(keys + 8), _CMP_GE_OQ);
    const unsigned not_above = static_cast<unsigned>(_mm256_movemask_ps(low)) |
                               static_cast<unsigned>(_mm256_movemask_ps(high)) << 8;
    at = at * kKeys + static_cast<std::uint32_t>(__builtin_popcount(not_above));
  }
  return at;
}

TIDEMILL_AVX2 void prepare(const RankTables& ranks, const float* row, std::uint8_t* out) {
  const KeyBlock* blocks = ranks.key_blocks().data();
  const Slot* slots = ranks.slots().data();
  const std::size_t plane = ranks.plane_bytes();
  const bool wide = ranks.planes() == 2;
  for (const RankedFeature& feature : ranks.features()) {
    const float value = row[feature.feature];
    const std::uint32_t rank = rank_of(blocks, feature, value);
    const bool nan = value != value;
    const bool zero = __builtin_fabsf(value) <= 1e-35f;
    for (std::size_t slot = feature.first_slot; slot < feature.first_slot + feature.slots; ++slot) {
      const bool missing = nan | (slots[slot].zero_is_missing & zero);
      const std::uint32_t here = missing ? slots[slot].missing_rank : rank;
      out[slot] = static_cast<std::uint8_t>(here);
      if (wide) out[plane + slot] = static_cast<std::uint8_t>(here >> 8);
    }
  }
}

// 64 slots of a prepared row, 16 a register, each in both halves.
struct Tables {
  __m256i parts[kRegisterBytes / kTableBytes];
};

TIDEMILL_AVX2_INLINE Tables load_tables(const std::uint8_t* bytes) {
  Tables tables;
#pragma unroll
  for (int i = 0; i < 4; ++i)
    tables.parts[i] = _mm256_broadcastsi128_si256(
        _mm_load_si128(reinterpret_cast<const __m128i*>(bytes + i * kTableBytes)));
  return tables;
}

TIDEMILL_AVX2_INLINE __m256i select_of_64(const Tables& tables, __m256i slots) {
  const __m256i bit4 = _mm256_slli_epi16(slots, 3), bit5 = _mm256_slli_epi16(slots, 2);
  // A shuffle takes the low four bits of an index, and gives 0 where its top bit is set.
  const __m256i index = _mm256_and_si256(slots, _mm256_set1_epi8(0x0f));
  const __m256i low = _mm256_blendv_epi8(_mm256_shuffle_epi8(tables.parts[0], index),
                                         _mm256_shuffle_epi8(tables.parts[1], index), bit4);
  const __m256i high = _mm256_blendv_epi8(_mm256_shuffle_epi8(tables.parts[2], index),
                                          _mm256_shuffle_epi8(tables.parts[3], index), bit4);
  return _mm256_blendv_epi8(low, high, bit5);
}

template <int kRegisters>
TIDEMILL_AVX2_INLINE __m256i select(const Tables* tables, __m256i slots) {
  if constexpr (kRegisters == 1) {
    return select_of_64(tables[0], slots);
  } else if constexpr (kRegisters == 2) {
    return _mm256_blendv_epi8(select_of_64(tables[0], slots), select_of_64(tables[1], slots),
                              _mm256_slli_epi16(slots, 1));
  } else {
    return _mm256_blendv_epi8(select<2>(tables, slots), select<2>(tables + 2, slots), slots);
  }
}

TIDEMILL_AVX2_INLINE std::uint32_t goes_left(__m256i row_rank, __m256i rank) {
  return static_cast<std::uint32_t>(
      _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(row_rank, rank), row_rank)));
}

// The splits of half a block whose row's rank is larger: those go right.
template <int kPlanes, int kRegisters>
TIDEMILL_AVX2_INLINE std::uint32_t goes_right(const Tables* tables, const ByteBlock* top,
                                              std::size_t half) {
  const auto* slots = reinterpret_cast<const __m256i*>(top[0].bytes);
  const auto* low = reinterpret_cast<const __m256i*>(top[1].bytes);
  const auto* high = reinterpret_cast<const __m256i*>(top[kPlanes].bytes);
  const __m256i index = _mm256_load_si256(slots + half);
  const std::uint32_t low_right =
      ~goes_left(select<kRegisters>(tables, index), _mm256_load_si256(low + half));
  if constexpr (kPlanes == 1) return low_right;
  const __m256i row_high = select<kRegisters>(tables + kRegisters, index);
  const __m256i rank_high = _mm256_load_si256(high + half);
  const auto equal =
      static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(row_high, rank_high)));
  return ~goes_left(row_high, rank_high) | (equal & low_right);
}

template <int kPlanes, int kLevels>
TIDEMILL_AVX2_INLINE std::uint32_t walk_sub(const std::uint64_t* words, const std::uint8_t* row,
                                            std::size_t plane_bytes) {
  constexpr std::size_t kWidth = kLevels == 2 ? 4 : 8;
  const auto* block = reinterpret_cast<const std::uint8_t*>(words);
  std::uint32_t node = 0;
#pragma unroll
  for (int level = 0; level < kLevels; ++level) {
    const std::size_t slot = block[node];
    std::uint32_t value = row[slot], rank = block[kWidth + node];
    if constexpr (kPlanes == 2) {
      value |= static_cast<std::uint32_t>(row[plane_bytes + slot]) << 8;
      rank |= static_cast<std::uint32_t>(block[2 * kWidth + node]) << 8;
    }
    node = 2 * node + 1 + static_cast<std::uint32_t>(value > rank);
  }
  return node - ((1u << kLevels) - 1);
}

template <int kPlanes, int kLevels>
TIDEMILL_AVX2 void walk_subs(const std::uint64_t* subs, const std::uint8_t* row,
                             std::size_t plane_bytes, const Chunk& chunk,
                             std::uint32_t* positions) {
  constexpr std::size_t kWords = kLevels == 2 ? kPlanes : 1 + kPlanes;
  for (std::size_t tree = 0; tree < chunk.trees; ++tree) {
    const std::uint32_t block = positions[tree];
    positions[tree] = chunk.first_leaf + (block << kLevels) +
                      walk_sub<kPlanes, kLevels>(subs + block * kWords, row, plane_bytes);
  }
}

template <int kPlanes>
TIDEMILL_AVX2 void follow(const BlockTables& tables, const std::uint8_t* row, ChainLanes& lanes,
                          std::uint32_t* positions) {
  const ChainBlock* chain = tables.chain.data();
  const std::size_t plane_bytes = tables.registers * kRegisterBytes;
  std::uint8_t ways[kChunkTrees];
  while (lanes.count > 0) {
    for (std::size_t i = 0; i < lanes.count; ++i)
      ways[i] = static_cast<std::uint8_t>(
          walk_sub<kPlanes, 3>(&chain[lanes.at[i]].slots, row, plane_bytes));
    advance(chain, ways, lanes, positions);
  }
}

template <int kPlanes, int kRegisters>
TIDEMILL_AVX2 void find_row(const BlockTables& tables, const Chunk& chunk, const std::uint8_t* row,
                            std::uint32_t* positions) {
  Tables ranks[kPlanes * kRegisters];
#pragma unroll
  for (int i = 0; i < kPlanes * kRegisters; ++i) ranks[i] = load_tables(row + i * 64);
  const ByteBlock* top = &tables.tops[chunk.first_top];
  const std::uint32_t first = chunk.sub_levels == 0 ? chunk.first_leaf : 0;
  for (std::uint32_t tree = 0; tree < chunk.trees; ++tree, top += 1 + kPlanes) {
    const std::uint64_t bits =
        goes_right<kPlanes, kRegisters>(ranks, top, 0) |
        static_cast<std::uint64_t>(goes_right<kPlanes, kRegisters>(ranks, top, 1)) << 32;
    const std::size_t pattern = bits & 127;
    const std::size_t inner = bits >> kPathTables.shift[pattern] & 127;
    positions[tree] = first + tree * static_cast<std::uint32_t>(kExits) +
                      kPathTables.way_times_8[pattern] + kPathTables.way[inner];
  }
  if (chunk.sub_levels == 0) return;
  const std::uint64_t* subs = &tables.subs[chunk.first_sub];
  constexpr std::size_t kPlaneBytes = kRegisters * kRegisterBytes;
  if (chunk.sub_levels == 2)
    walk_subs<kPlanes, 2>(subs, row, kPlaneBytes, chunk, positions);
  else
    walk_subs<kPlanes, 3>(subs, row, kPlaneBytes, chunk, positions);
}

void find_any(const BlockTables& tables, const Chunk& chunk, const std::uint8_t* rows,
              std::size_t row_bytes, std::size_t count, std::uint32_t* positions) {
  auto* function = tables.planes == 1 ? (tables.registers == 1   ? find_row<1, 1>
                                         : tables.registers == 2 ? find_row<1, 2>
                                                                 : find_row<1, 4>)
                                      : (tables.registers == 1   ? find_row<2, 1>
                                         : tables.registers == 2 ? find_row<2, 2>
                                                                 : find_row<2, 4>);
  for (std::size_t row = 0; row < count; ++row)
    function(tables, chunk, rows + row * row_bytes, positions + row * kChunkTrees);
}

void follow_any(const BlockTables& tables, const std::uint8_t* row, ChainLanes& lanes,
                std::uint32_t* positions) {
  (tables.planes == 1 ? follow<1> : follow<2>)(tables, row, lanes, positions);
}

}  // namespace

const VectorPath* avx2_path() {
  static constexpr VectorPath kPath{kNarrowSlotsMax, prepare, find_any, follow_any};
  static const bool available = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                                __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
  return available ? &kPath : nullptr;
}

}  // namespace tidemill::infer::trees

#else

namespace tidemill::infer::trees {
const VectorPath* avx2_path() { return nullptr; }
}  // namespace tidemill::infer::trees

#endif

// 64 splits an instruction: AVX-512 with byte permutes (Ice Lake, Zen 4 and later).
#include "infer/trees/vector_path.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

// The build's baseline is generic x86-64: these functions run only after avx512_path() has checked
// the CPU. Do not use lambdas in them, which do not inherit the target.
#define TIDEMILL_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx2,bmi,bmi2,popcnt")))
#define TIDEMILL_AVX512_INLINE TIDEMILL_AVX512 __attribute__((always_inline)) inline

namespace tidemill::infer::trees {
namespace {

constexpr __mmask64 kLowBytes = 0x0101010101010101ull;

TIDEMILL_AVX512_INLINE std::uint32_t rank_of(const KeyBlock* blocks, const RankedFeature& feature,
                                             float value) {
  const __m512 wanted = _mm512_set1_ps(value);
  std::uint32_t at = 0;
  for (std::uint32_t level = 0; level < feature.levels; ++level) {
    const __m512 keys = _mm512_load_ps(blocks[feature.level_start[level] + at].keys);
    const __mmask16 not_above = _mm512_cmp_ps_mask(wanted, keys, _CMP_GE_OQ);
    at = at * kKeys + static_cast<std::uint32_t>(__builtin_popcount(not_above));
  }
  return at;
}

TIDEMILL_AVX512 void prepare(const RankTables& ranks, const float* row, std::uint8_t* out) {
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

// One plane of a prepared row.
template <int kRegisters>
struct Plane {
  __m512i parts[kRegisters];
};

template <int kRegisters>
TIDEMILL_AVX512_INLINE Plane<kRegisters> load_plane(const std::uint8_t* bytes) {
  Plane<kRegisters> plane;
#pragma unroll
  for (int i = 0; i < kRegisters; ++i) plane.parts[i] = _mm512_load_si512(bytes + 64 * i);
  return plane;
}

// 64 splits as a block holds them: slots in their banks, ranks in two bytes.
struct Splits {
  __m512i slots, low, high, banks;
};

template <int kRegisters>
TIDEMILL_AVX512_INLINE __m512i select(const Plane<kRegisters>& plane, const Splits& splits) {
  if constexpr (kRegisters == 1) {
    return _mm512_permutexvar_epi8(splits.slots, plane.parts[0]);
  } else {
    __m512i found = _mm512_permutex2var_epi8(plane.parts[0], splits.slots, plane.parts[1]);
    if constexpr (kRegisters == 4) {
      const __m512i high = _mm512_permutex2var_epi8(plane.parts[2], splits.slots, plane.parts[3]);
      return _mm512_mask_mov_epi8(found, _mm512_movepi8_mask(splits.slots), high);
    }
#pragma unroll
    for (int bank = 1; bank < kRegisters / 2; ++bank) {
      const __mmask64 here =
          _mm512_cmpeq_epi8_mask(splits.banks, _mm512_set1_epi8(static_cast<char>(bank)));
      found = _mm512_mask_mov_epi8(
          found, here,
          _mm512_permutex2var_epi8(plane.parts[2 * bank], splits.slots, plane.parts[2 * bank + 1]));
    }
    return found;
  }
}

// A prepared row: its low bytes, and its high ones when there are two planes.
template <int kPlanes, int kRegisters>
struct Row {
  Plane<kRegisters> planes[kPlanes];
};

// The splits whose row's rank is larger: those go right.
template <int kPlanes, int kRegisters>
TIDEMILL_AVX512_INLINE __mmask64 goes_right(const Row<kPlanes, kRegisters>& row, __mmask64 wanted,
                                            const Splits& splits) {
  const __m512i row_low = select<kRegisters>(row.planes[0], splits);
  if constexpr (kPlanes == 1) return _mm512_mask_cmpgt_epu8_mask(wanted, row_low, splits.low);
  const __m512i row_high = select<kRegisters>(row.planes[kPlanes - 1], splits);
  const __mmask64 equal = _mm512_mask_cmpeq_epu8_mask(wanted, row_high, splits.high);
  return _mm512_mask_cmpgt_epu8_mask(wanted, row_high, splits.high) |
         _mm512_mask_cmpgt_epu8_mask(equal, row_low, splits.low);
}

template <int kPlanes, int kRegisters, int kRows>
TIDEMILL_AVX512_INLINE void decide_tops(const ByteBlock* tops, std::size_t trees,
                                        const Row<kPlanes, kRegisters>* rows,
                                        std::uint64_t (*bits)[kChunkTrees]) {
  constexpr int kParts = 1 + kPlanes + (kRegisters > 4 ? 1 : 0);
  for (std::size_t tree = 0; tree < trees; ++tree, tops += kParts) {
    const Splits splits{_mm512_load_si512(tops[0].bytes), _mm512_load_si512(tops[1].bytes),
                        _mm512_load_si512(tops[kPlanes].bytes),
                        _mm512_load_si512(tops[kParts - 1].bytes)};
#pragma unroll
    for (int row = 0; row < kRows; ++row)
      bits[row][tree] = goes_right<kPlanes, kRegisters>(rows[row], ~__mmask64{0}, splits);
  }
}

struct PathRegisters {
  __m512i way_low, way_high, way8_low, way8_high, shift_low, shift_high;
};

TIDEMILL_AVX512_INLINE PathRegisters load_paths() {
  PathRegisters paths;
  paths.way_low = _mm512_load_si512(kPathTables.way.data());
  paths.way_high = _mm512_load_si512(kPathTables.way.data() + 64);
  paths.way8_low = _mm512_load_si512(kPathTables.way_times_8.data());
  paths.way8_high = _mm512_load_si512(kPathTables.way_times_8.data() + 64);
  paths.shift_low = _mm512_load_si512(kPathTables.shift.data());
  paths.shift_high = _mm512_load_si512(kPathTables.shift.data() + 64);
  return paths;
}

// 63 bits a tree -> 64 * tree + its exit, for eight trees from `tree` on.
TIDEMILL_AVX512_INLINE __m256i exits_of(const PathRegisters& paths, __m512i bits,
                                        std::size_t tree) {
  const __m512i shift =
      _mm512_maskz_permutex2var_epi8(kLowBytes, paths.shift_low, bits, paths.shift_high);
  const __m512i first =
      _mm512_maskz_permutex2var_epi8(kLowBytes, paths.way8_low, bits, paths.way8_high);
  const __m512i inner = _mm512_srlv_epi64(bits, shift);
  const __m512i second =
      _mm512_maskz_permutex2var_epi8(kLowBytes, paths.way_low, inner, paths.way_high);
  const __m256i exits = _mm512_cvtepi64_epi32(_mm512_or_si512(first, second));
  const __m256i trees = _mm256_setr_epi32(0, 64, 128, 192, 256, 320, 384, 448);
  return _mm256_add_epi32(
      exits, _mm256_add_epi32(trees, _mm256_set1_epi32(static_cast<int>(tree * kExits))));
}

// The blocks at the exits, one after the other: word w of tree t at out[w][t].
template <int kWords>
TIDEMILL_AVX512_INLINE void collect_subs(const std::uint64_t* subs, const std::uint32_t* exits,
                                         std::size_t trees, std::uint64_t (*out)[kChunkTrees]) {
#pragma clang loop vectorize(disable)
  for (std::size_t tree = 0; tree < trees; ++tree) {
    const std::uint64_t* block = subs + std::size_t{exits[tree]} * kWords;
#pragma unroll
    for (int word = 0; word < kWords; ++word) out[word][tree] = block[word];
  }
}

template <int kPlanes, int kRegisters, int kLevels>
TIDEMILL_AVX512_INLINE void walk_subs(const PathRegisters& paths,
                                      const Row<kPlanes, kRegisters>& row,
                                      const std::uint64_t* subs, std::size_t trees,
                                      std::uint32_t first_leaf, std::uint32_t* positions) {
  constexpr int kWords = kLevels == 2 ? kPlanes : 1 + kPlanes;
  alignas(64) std::uint64_t words[kWords][kChunkTrees];
  collect_subs<kWords>(subs, positions, trees, words);
  constexpr __mmask64 kSplits = kLevels == 2 ? 0x0707070707070707ull : 0x7f7f7f7f7f7f7f7full;
  const __m256i first = _mm256_set1_epi32(static_cast<int>(first_leaf));
  const __m128i way_of_3 =
      _mm_load_si128(reinterpret_cast<const __m128i*>(kPathTables.way_of_3.data()));
  for (std::size_t tree = 0; tree < trees; tree += kLaneTrees) {
    const __m512i slots = _mm512_load_si512(words[0] + tree);
    const __m512i last = _mm512_load_si512(words[kWords - 1] + tree);
    const __m512i low = kLevels == 2 ? _mm512_srli_epi64(slots, 32)
                                     : _mm512_load_si512(words[kWords > 1 ? 1 : 0] + tree);
    const std::uint64_t bits =
        goes_right<kPlanes, kRegisters>(row, kSplits, {slots, low, last, slots});
    const __m128i patterns = _mm_cvtsi64_si128(static_cast<long long>(bits));
    __m128i ways;
    if constexpr (kLevels == 2)
      ways = _mm_shuffle_epi8(way_of_3, patterns);
    else
      ways = _mm512_castsi512_si128(_mm512_permutex2var_epi8(
          paths.way_low, _mm512_castsi128_si512(patterns), paths.way_high));
    auto* out = reinterpret_cast<__m256i*>(positions + tree);
    const __m256i blocks = _mm256_slli_epi32(_mm256_load_si256(out), kLevels);
    _mm256_store_si256(
        out, _mm256_add_epi32(_mm256_add_epi32(blocks, _mm256_cvtepu8_epi32(ways)), first));
  }
}

template <int kPlanes, int kRegisters, int kRows>
TIDEMILL_AVX512 void find_rows(const BlockTables& tables, const Chunk& chunk,
                               const std::uint8_t* prepared, std::size_t row_bytes,
                               std::uint32_t* positions) {
  Row<kPlanes, kRegisters> rows[kRows];
#pragma unroll
  for (int row = 0; row < kRows; ++row)
#pragma unroll
    for (int plane = 0; plane < kPlanes; ++plane)
      rows[row].planes[plane] = load_plane<kRegisters>(
          prepared + static_cast<std::size_t>(row) * row_bytes + plane * kRegisters * 64);
  const std::size_t trees = (chunk.trees + kLaneTrees - 1) / kLaneTrees * kLaneTrees;
  alignas(64) std::uint64_t bits[kRows][kChunkTrees];
  decide_tops<kPlanes, kRegisters, kRows>(&tables.tops[chunk.first_top], trees, rows, bits);
  const PathRegisters paths = load_paths();
  const __m256i first =
      _mm256_set1_epi32(chunk.sub_levels == 0 ? static_cast<int>(chunk.first_leaf) : 0);
  for (int row = 0; row < kRows; ++row)
    for (std::size_t tree = 0; tree < trees; tree += kLaneTrees)
      _mm256_store_si256(
          reinterpret_cast<__m256i*>(positions + row * kChunkTrees + tree),
          _mm256_add_epi32(exits_of(paths, _mm512_load_si512(bits[row] + tree), tree), first));
  if (chunk.sub_levels == 0) return;
  const std::uint64_t* subs = &tables.subs[chunk.first_sub];
  for (int row = 0; row < kRows; ++row) {
    std::uint32_t* out = positions + row * kChunkTrees;
    if (chunk.sub_levels == 2)
      walk_subs<kPlanes, kRegisters, 2>(paths, rows[row], subs, trees, chunk.first_leaf, out);
    else
      walk_subs<kPlanes, kRegisters, 3>(paths, rows[row], subs, trees, chunk.first_leaf, out);
  }
}

template <int kPlanes, int kRegisters>
TIDEMILL_AVX512 void find(const BlockTables& tables, const Chunk& chunk, const std::uint8_t* rows,
                          std::size_t row_bytes, std::size_t count, std::uint32_t* positions) {
  if (count == kRowsAtOnce && kPlanes * kRegisters <= 2)
    return find_rows<kPlanes, kRegisters, kRowsAtOnce>(tables, chunk, rows, row_bytes, positions);
  for (std::size_t row = 0; row < count; ++row)
    find_rows<kPlanes, kRegisters, 1>(tables, chunk, rows + row * row_bytes, row_bytes,
                                      positions + row * kChunkTrees);
}

template <int kPlanes, int kRegisters>
TIDEMILL_AVX512 void follow(const BlockTables& tables, const std::uint8_t* prepared,
                            ChainLanes& lanes, std::uint32_t* positions) {
  Row<kPlanes, kRegisters> row;
#pragma unroll
  for (int plane = 0; plane < kPlanes; ++plane)
    row.planes[plane] = load_plane<kRegisters>(prepared + plane * kRegisters * 64);
  const PathRegisters paths = load_paths();
  const ChainBlock* chain = tables.chain.data();
  constexpr __mmask64 kSplits = 0x7f7f7f7f7f7f7f7full;
  constexpr int kParts = 1 + kPlanes + (kRegisters > 4 ? 1 : 0);
  alignas(64) std::uint64_t words[kParts][kChunkTrees];
  alignas(64) std::uint8_t ways[kChunkTrees];
  while (lanes.count > 0) {
#pragma clang loop vectorize(disable)
    for (std::size_t i = 0; i < lanes.count; ++i) {
      const ChainBlock& block = chain[lanes.at[i]];
      words[0][i] = block.slots;
      words[1][i] = block.low;
      if constexpr (kPlanes == 2) words[kPlanes][i] = block.high;
      if constexpr (kRegisters > 4) words[kParts - 1][i] = block.banks;
    }
    for (std::size_t i = 0; i < lanes.count; i += kLaneTrees) {
      const Splits splits{_mm512_load_si512(words[0] + i), _mm512_load_si512(words[1] + i),
                          _mm512_load_si512(words[kPlanes] + i),
                          _mm512_load_si512(words[kParts - 1] + i)};
      const std::uint64_t bits = goes_right<kPlanes, kRegisters>(row, kSplits, splits);
      const __m512i patterns =
          _mm512_castsi128_si512(_mm_cvtsi64_si128(static_cast<long long>(bits)));
      _mm_storel_epi64(reinterpret_cast<__m128i*>(ways + i),
                       _mm512_castsi512_si128(
                           _mm512_permutex2var_epi8(paths.way_low, patterns, paths.way_high)));
    }
    advance(chain, ways, lanes, positions);
  }
}

// The functions for a row of so many planes and registers.
struct Functions {
  decltype(VectorPath::find) find;
  decltype(VectorPath::follow) follow;
};
template <int kPlanes>
Functions functions_of(std::size_t registers) {
  switch (registers) {
    case 1:
      return {find<kPlanes, 1>, follow<kPlanes, 1>};
    case 2:
      return {find<kPlanes, 2>, follow<kPlanes, 2>};
    case 4:
      return {find<kPlanes, 4>, follow<kPlanes, 4>};
    case 8:
      return {find<kPlanes, 8>, follow<kPlanes, 8>};
    default:
      return {find<kPlanes, 16>, follow<kPlanes, 16>};
  }
}
Functions functions_of(const BlockTables& tables) {
  return tables.planes == 1 ? functions_of<1>(tables.registers) : functions_of<2>(tables.registers);
}

void find_any(const BlockTables& tables, const Chunk& chunk, const std::uint8_t* rows,
              std::size_t row_bytes, std::size_t count, std::uint32_t* positions) {
  functions_of(tables).find(tables, chunk, rows, row_bytes, count, positions);
}

void follow_any(const BlockTables& tables, const std::uint8_t* row, ChainLanes& lanes,
                std::uint32_t* positions) {
  functions_of(tables).follow(tables, row, lanes, positions);
}

}  // namespace

const VectorPath* avx512_path() {
  static constexpr VectorPath kPath{kSlotsMax, prepare, find_any, follow_any};
  static const bool available =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("bmi2");
  return available ? &kPath : nullptr;
}

}  // namespace tidemill::infer::trees

#else

namespace tidemill::infer::trees {
const VectorPath* avx512_path() { return nullptr; }
}  // namespace tidemill::infer::trees

#endif

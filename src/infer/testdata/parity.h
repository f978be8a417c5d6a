// The parity fixtures of every model format, as testdata/parity.py makes them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <string>

#include "infer/archive/zip.h"
#include "infer/model.h"

namespace tidemill::infer::parity {

inline constexpr std::size_t kRows = 4000, kColumns = 8, kSingleRows = 64, kGroupRows = 32;
inline constexpr double kTolerance = 1e-6;

// parity.make_rows()
inline Matrix make_rows(bool missing = true) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  Matrix rows{kRows, kColumns, {}};
  std::uint32_t state = 2463534242u;
  for (std::size_t i = 0; i < kRows * kColumns; ++i) {
    state = state * 1664525u + 1013904223u;
    const std::uint32_t draw = state >> 8;
    float value = static_cast<float>(draw) / 8388608.0f - 1.0f;
    if (i % kColumns == 5) value = static_cast<float>(draw % 10);
    if (i % kColumns == 6) value = static_cast<float>(draw % 50);
    if (i % kColumns == 7 && (draw & 1)) value = 0;
    rows.values.push_back(missing && (state >> 4) % 16 == 0 ? kNan : value);
  }
  return rows;
}

// parity.make_wild()
inline void make_wild(Matrix& rows) {
  struct Change {
    std::size_t column;
    double value;
  };
  constexpr Change kChanges[] = {{6, 77},    {6, 3.7},   {6, -1},     {6, -0.5}, {0, 1e30},
                                 {0, -1e30}, {7, 1e-40}, {7, -1e-36}, {6, 1e20}, {5, 0}};
  for (std::size_t row = 0; row < kRows; row += 10) {
    const Change& change = kChanges[row / 10 % 10];
    rows.values[row * kColumns + change.column] = static_cast<float>(change.value);
  }
}

inline std::string read_test_file(const std::string& name) {
  std::ifstream file(std::string(TIDEMILL_SOURCE_DIR) + "/src/infer/testdata/" + name,
                     std::ios::binary);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

// "<case>.model" and "<case>.expected" of a bundle.
inline std::map<std::string, std::string> read_bundle(const std::string& name) {
  auto files = read_zip(read_test_file(name), {.entries_max = 1000});
  EXPECT_TRUE(files) << name << ": " << files.error().message;
  return files ? *files : std::map<std::string, std::string>();
}

// Every answer, singly or as the sum of its group, must equal the library's within `tolerance` of
// its size, or of `smallest` if that is larger: sums of floats that cancel out have errors relative
// to the size of their terms.
inline void expect_same(const Predictions& found, const std::string& expected_bytes,
                        const std::string& name, double tolerance = kTolerance,
                        double smallest = 0) {
  const std::size_t records = kSingleRows + (kRows - kSingleRows) / kGroupRows;
  std::vector<float> expected(expected_bytes.size() / sizeof(float));
  std::memcpy(expected.data(), expected_bytes.data(), expected.size() * sizeof(float));
  ASSERT_EQ(found.rows, kRows) << name;
  ASSERT_EQ(expected.size(), records * found.columns) << name;
  for (std::size_t record = 0; record < records; ++record) {
    const bool single = record < kSingleRows;
    const std::size_t first = single ? record : kSingleRows + (record - kSingleRows) * kGroupRows;
    for (std::size_t column = 0; column < found.columns; ++column) {
      double sum = 0, largest = 0;
      for (std::size_t row = first; row < first + (single ? 1 : kGroupRows); ++row) {
        const double value = found.values[row * found.columns + column];
        sum += value;
        largest = std::max(largest, std::abs(value));
      }
      ASSERT_NEAR(sum, expected[record * found.columns + column],
                  tolerance * std::max({largest, std::abs(sum), smallest}))
          << name << ", row " << first << ", output " << column;
    }
  }
}

}  // namespace tidemill::infer::parity

#include "infer/codec/number.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

namespace tidemill::infer {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float number(const std::string& text, bool json = false) {
  float value = -12345.0f;
  const char* end = text.data() + text.size();
  EXPECT_EQ(parse_number(text.data(), end, json, value), end) << text;
  return value;
}
bool refused(const std::string& text, bool json) {
  float value = 0;
  const char* end = text.data() + text.size();
  return parse_number(text.data(), end, json, value) != end;
}

TEST(ParseNumber, What_people_write) {
  EXPECT_EQ(number("0"), 0.0f);
  EXPECT_EQ(number("-1.5"), -1.5f);
  EXPECT_EQ(number("+3"), 3.0f);
  EXPECT_EQ(number(".25"), 0.25f);
  EXPECT_EQ(number("7."), 7.0f);
  EXPECT_EQ(number("1e3"), 1000.0f);
  EXPECT_EQ(number("1.25E-2"), 0.0125f);
  EXPECT_EQ(number("0.10000000149011612"), 0.1f);
  EXPECT_EQ(number("-inf"), -kInfinity);
  EXPECT_TRUE(std::isnan(number("NaN")));
  EXPECT_TRUE(std::signbit(number("-0.0")));
}

TEST(ParseNumber, Beyond_the_range) {
  EXPECT_EQ(number("3.4028235e38"), std::numeric_limits<float>::max());
  EXPECT_EQ(number("3.40282356e38"), std::numeric_limits<float>::max());  // 2^128 is further
  EXPECT_EQ(number("-3.41e38"), -kInfinity);
  EXPECT_EQ(number("1e400"), kInfinity);
  EXPECT_EQ(number("1e-400"), 0.0f);
  EXPECT_EQ(number(std::string(400, '9')), kInfinity);
  EXPECT_EQ(number("0." + std::string(400, '0') + "1"), 0.0f);
  EXPECT_EQ(number("0." + std::string(400, '0') + "1e401"), 1.0f);
  EXPECT_EQ(number("1e99999999999999999999"), kInfinity);
  EXPECT_EQ(number("1e-99999999999999999999"), 0.0f);
  EXPECT_EQ(number("1.401298464324817e-45"), std::numeric_limits<float>::denorm_min());
}

// Between 16777216 and 16777218 there is no float.
TEST(ParseNumber, Ties_go_to_the_even_float) {
  EXPECT_EQ(number("16777217"), 16777216.0f);
  EXPECT_EQ(number("16777219"), 16777220.0f);
  EXPECT_EQ(number("16777217.0000000001"), 16777218.0f);  // a double would round this to the tie
  EXPECT_EQ(number("16777216.9999999999"), 16777216.0f);
  EXPECT_EQ(number("16777217.00000000000000000000000001"), 16777218.0f);
  EXPECT_EQ(number("1.00000005960464477539062500001"), std::nextafter(1.0f, 2.0f));
  EXPECT_EQ(number("1.000000059604644775390625"), 1.0f);
}

TEST(ParseNumber, Json_takes_less) {
  for (const char* text : {"+1", ".5", "1.", "01", "-01", "nan", "inf", "1e", "1e+", "1.e5", "-",
                           "", "1.5e-", "00.5", "00012345678"})
    EXPECT_TRUE(refused(text, true)) << text;
  for (const char* text : {"0", "-0", "0.5", "10", "1e5", "1E+05", "12345678901234567890"})
    EXPECT_FALSE(refused(text, true)) << text;
  for (const char* text : {"abc", "", "+", "-", "+-1", "--1", ".", "e5", "1e", "1.5.5", "1 2"})
    EXPECT_TRUE(refused(text, false)) << text;
}

// glibc's strtof rounds correctly.
TEST(ParseNumber, Agrees_with_strtof) {
  std::mt19937_64 random(20);
  for (int i = 0; i < 400'000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (!std::isfinite(value)) continue;
    char text[160];
    char* end = nullptr;
    switch (i % 4) {
      case 0:  // the middle to the next float, with a last digit that decides
        end = std::to_chars(text, text + sizeof text,
                            static_cast<double>(value) +
                                std::ldexp(1.0, std::max(std::ilogb(value), -126) - 24),
                            std::chars_format::fixed, 20)
                  .ptr;
        break;
      case 1:
        end = std::to_chars(text, text + sizeof text, value).ptr;
        break;
      case 2:
        end = std::to_chars(text, text + sizeof text, static_cast<double>(value)).ptr;
        break;
      default:
        end = std::to_chars(text, text + sizeof text,
                            std::ldexp(static_cast<double>(random() >> 11), -50),
                            std::chars_format::fixed, static_cast<int>(random() % 18))
                  .ptr;
    }
    if (end == text + sizeof text) continue;  // did not fit
    *end = '\0';
    float parsed = 0;
    ASSERT_EQ(parse_number(text, end, false, parsed), end) << text;
    ASSERT_EQ(std::bit_cast<std::uint32_t>(parsed),
              std::bit_cast<std::uint32_t>(std::strtof(text, nullptr)))
        << text;
  }
}

}  // namespace
}  // namespace tidemill::infer

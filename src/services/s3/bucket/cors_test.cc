#include "services/s3/bucket/cors.h"

#include <gtest/gtest.h>

namespace tidemill::services::s3 {
namespace {

TEST(CorsPatterns, Match_withAtMostOneStar) {
  EXPECT_TRUE(matches_cors_pattern("*", "http://a"));
  EXPECT_TRUE(matches_cors_pattern("http://*.example.com", "http://a.example.com"));
  EXPECT_TRUE(matches_cors_pattern("http://a", "http://a"));
  EXPECT_FALSE(matches_cors_pattern("http://a", "http://ab"));
  EXPECT_FALSE(matches_cors_pattern("http://*.example.com", "http://example.com"));
  EXPECT_FALSE(matches_cors_pattern("http://*.example.com", "http://a.example.com.evil"));
  // The text before the star and the text behind it may not overlap.
  EXPECT_FALSE(matches_cors_pattern("aba*aba", "ababa"));
}

}  // namespace
}  // namespace tidemill::services::s3

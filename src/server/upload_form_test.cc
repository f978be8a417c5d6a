#include "server/upload_form.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "server/post_policy.h"

namespace tidemill::server {
namespace {

// Gives few bytes at a time, so that every boundary comes in parts.
class Dribble final : public ByteSource {
 public:
  Dribble(std::string bytes, std::size_t at_once) : bytes_(std::move(bytes)), at_once_(at_once) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    const std::size_t count = std::min({at_once_, buffer.size(), bytes_.size() - at_});
    bytes_.copy(buffer.data(), count, at_);
    at_ += count;
    return count;
  }
  std::optional<std::uint64_t> size() const override { return std::nullopt; }

 private:
  const std::string bytes_;
  const std::size_t at_once_;
  std::size_t at_ = 0;
};

Result<UploadForm> read(const std::string& body, std::size_t at_once = 1) {
  return read_upload_form("multipart/form-data; boundary=\"xx\"",
                          std::make_unique<Dribble>(body, at_once));
}

std::string part(std::string_view name, std::string_view value) {
  return "\r\n--xx\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n" +
         std::string(value);
}

std::string file(std::string_view bytes) {
  return "\r\n--xx\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a "
         "\\\"b\\\".txt\"\r\n"
         "Content-Type: text/plain\r\n\r\n" +
         std::string(bytes) + "\r\n--xx--\r\n";
}

TEST(UploadForm, FieldsComeBeforeTheFileInPiecesOfAnySize) {
  const std::string bytes = "x\r\n--xy\r\n-\r\n--x\r\n";
  for (const std::size_t at_once : {1u, 2u, 7u, 1000u}) {
    auto form = read(part("kEy", "k\r\nl") + part("empty", "") + file(bytes), at_once);
    ASSERT_TRUE(form) << form.error().message;
    EXPECT_EQ(form->fields.get("key"), "k\r\nl");
    ASSERT_TRUE(form->fields.find("EMPTY"));
    EXPECT_FALSE(form->fields.find("other"));
    EXPECT_EQ(form->file_name, "a \"b\".txt");
    EXPECT_EQ(read_all(*form->file, 1000).value_or("?"), bytes);
  }
}

TEST(UploadForm, BrokenFormsAreNamed) {
  EXPECT_EQ(read("").error().code, "MalformedPOSTRequest");
  EXPECT_EQ(read(part("key", "k")).error().code, "MalformedPOSTRequest");
  EXPECT_EQ(read(part("key", "k") + "\r\n--xx--\r\n").error().code, "InvalidArgument");
  EXPECT_EQ(read(part("key", std::string(kFormFieldsBytesMax, 'k')) + file("x"), 1000).error().code,
            "MaxPostPreDataLengthExceededError");
  const std::string whole = part("key", "k") + file("bytes");
  auto cut = read(whole.substr(0, whole.find("bytes") + 7));
  ASSERT_TRUE(cut);
  EXPECT_EQ(read_all(*cut->file, 1000).error().code, "IncompleteBody");
  for (const auto& [least, most, code] :
       {std::tuple(0, 4, "EntityTooLarge"), {6, 9, "EntityTooSmall"}}) {
    auto bound = read(file("bytes"));
    ASSERT_TRUE(bound);
    *bound->bounds = {std::uint64_t(least), std::uint64_t(most)};
    EXPECT_EQ(read_all(*bound->file, 1000).error().code, code);
  }
}

TEST(UploadForm, AFieldComesOnce) {
  EXPECT_TRUE(read(part("key", "k") + part("acl", "private") + file("x")));
  for (const char* again : {"acl", "ACL"})
    EXPECT_EQ(read(part("acl", "private") + part(again, "public-read") + file("x")).error().code,
              "InvalidArgument");
}

TEST(PostPolicy, EveryConditionCounts) {
  const Timestamp now = parse_iso8601("2026-11-30T12:00:00Z").value();
  FormFields fields;
  fields.add("Key", "user/cat.jpg");
  fields.add("x-ignore-this", "x");
  fields.add("policy", "x");
  auto check = [&](const std::string& conditions,
                   std::string_view expires = "2026-12-01T00:00:00Z") {
    const auto bounds = check_post_policy(
        R"({"expiration":")" + std::string(expires) + R"(","conditions":[)" + conditions + "]}",
        fields, "photos", now);
    return bounds ? "" : bounds.error().code;
  };
  const std::string bucket = R"({"bucket":"photos"})";
  EXPECT_EQ(check(bucket + R"(,["starts-with","$key","user/"])"), "");
  EXPECT_EQ(check(bucket + R"(,["eq","\\$KEY","user/cat.jpg"])"), "");
  EXPECT_EQ(check(bucket + R"(,["starts-with","$key","other/"])"), "AccessDenied");
  EXPECT_EQ(check(bucket), "AccessDenied");                          // key is left over
  EXPECT_EQ(check(R"(["starts-with","$key",""])"), "AccessDenied");  // the bucket is
  EXPECT_EQ(check(R"({"bucket":"p"},["eq","$key","k"])"), "AccessDenied");
  EXPECT_EQ(check(bucket + R"(,["starts-with","$key",""])", "2026-11-30T11:59:59Z"),
            "AccessDenied");
  EXPECT_EQ(check(bucket + R"(,["starts-with","key",""])"), "InvalidPolicyDocument");
  EXPECT_EQ(check(bucket + R"(,["content-length-range",-1,5])"), "InvalidPolicyDocument");
  EXPECT_EQ(check(bucket + R"(,{"key":7})"), "InvalidPolicyDocument");
  EXPECT_EQ(check(bucket + R"(,["starts-with","$key",""])", "soon"), "InvalidPolicyDocument");
  const auto bounds = check_post_policy(
      R"({"expiration":"2026-12-01T00:00:00Z","conditions":[{"bucket":"photos"},
          ["starts-with","$key",""],["content-length-range",1,"9"],["content-length-range",0,20]]})",
      fields, "photos", now);
  ASSERT_TRUE(bounds);
  EXPECT_EQ(bounds->bytes_min, 1u);
  EXPECT_EQ(bounds->bytes_max, 9u);
}

}  // namespace
}  // namespace tidemill::server

// Journals, and recovery of what a killed server or a lost disk sector leaves.
#include "services/sagemaker_runtime/capture/journal.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "blobs/test_folder.h"
#include "services/sagemaker_runtime/capture/test_capture.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

constexpr const char* kUuid = "8f45e35c-fa44-40d2-8ed3-1bcab3a596f3";
const std::string kLine = R"({"captureData":{},"eventMetadata":{},"eventVersion":"0"})"
                          "\n";

class CaptureJournal : public testing::Test {
 protected:
  CaptureJournal() {
    settings_.region = "eu-central-1";
    settings_.prefix = "a \"quoted\" prefix";
    settings_.role_since = Timestamp{1'795'447'062'500'001};
  }
  std::unique_ptr<Journal> make() {
    auto made = Journal::create(folder_.path(), settings_,
                                *parse_iso8601("2026-01-02T03:04:05.006Z"), kUuid);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  void add_bytes(const std::string& path, std::string_view bytes) {
    std::ofstream(path, std::ios::app | std::ios::binary) << bytes;
  }

  blobs::TestFolder folder_;
  CaptureSettings settings_ = test_capture_settings();
};

TEST_F(CaptureJournal, is_read_back_with_its_destination) {
  auto journal = make();
  ASSERT_TRUE(journal->append(kLine + kLine, 2));
  ASSERT_TRUE(journal->unsynced());
  ASSERT_TRUE(journal->sync());
  EXPECT_FALSE(journal->unsynced());
  auto recovered = recover_journal(journal->facts().path);
  ASSERT_TRUE(recovered && recovered->journal);
  EXPECT_EQ(recovered->damaged, 0u);
  const ClosedJournal& found = *recovered->journal;
  EXPECT_EQ(found.records, 2u);
  EXPECT_EQ(found.bytes - found.header_bytes, 2 * kLine.size());
  EXPECT_EQ(found.bytes, std::filesystem::file_size(found.path));
  EXPECT_EQ(found.settings.account, "123456789012");
  EXPECT_EQ(found.settings.region, "eu-central-1");
  EXPECT_EQ(found.settings.bucket, "bucket");
  EXPECT_EQ(found.settings.role_since, Timestamp{1'795'447'062'500'001});
  EXPECT_EQ(capture_key(found.settings, found.name),
            "a \"quoted\" prefix/churn/A/2026/01/02/03/"
            "04-05-006-8f45e35c-fa44-40d2-8ed3-1bcab3a596f3.jsonl");
}

TEST_F(CaptureJournal, ends_before_a_torn_line) {
  auto journal = make();
  ASSERT_TRUE(journal->append(kLine, 1));
  add_bytes(journal->facts().path, std::string_view(kLine).substr(0, 20));
  auto recovered = recover_journal(journal->facts().path);
  ASSERT_TRUE(recovered && recovered->journal);
  EXPECT_EQ(recovered->damaged, 1u);
  EXPECT_EQ(recovered->journal->records, 1u);
  EXPECT_EQ(recovered->journal->bytes - recovered->journal->header_bytes, kLine.size());
}

TEST_F(CaptureJournal, ends_before_a_lost_block) {
  auto journal = make();
  ASSERT_TRUE(journal->append(kLine, 1));
  add_bytes(journal->facts().path, std::string(4096, '\0') + "\n" + kLine + "{}\n");
  auto recovered = recover_journal(journal->facts().path);
  ASSERT_TRUE(recovered && recovered->journal);
  EXPECT_EQ(recovered->damaged, 3u);
  EXPECT_EQ(recovered->journal->records, 1u);
}

TEST_F(CaptureJournal, holds_nothing_without_a_record) {
  auto journal = make();
  auto recovered = recover_journal(journal->facts().path);
  ASSERT_TRUE(recovered);
  EXPECT_FALSE(recovered->journal);
  EXPECT_EQ(recovered->damaged, 0u);
  std::filesystem::resize_file(journal->facts().path, 10);  // shorter than its first line
  recovered = recover_journal(journal->facts().path);
  ASSERT_TRUE(recovered);
  EXPECT_FALSE(recovered->journal);
  std::filesystem::resize_file(journal->facts().path, 0);
  recovered = recover_journal(journal->facts().path);
  ASSERT_TRUE(recovered);
  EXPECT_FALSE(recovered->journal);
}

TEST_F(CaptureJournal, without_a_destination_is_corrupt) {
  auto journal = make();
  std::ofstream(journal->facts().path, std::ios::trunc) << "{}\n" << kLine;
  auto recovered = recover_journal(journal->facts().path);
  ASSERT_FALSE(recovered);
  EXPECT_EQ(recovered.error().code, codes::kCorrupt);
  std::ofstream(journal->facts().path, std::ios::trunc) << "\xff\xfe\n" << kLine;
  recovered = recover_journal(journal->facts().path);
  ASSERT_FALSE(recovered);
  EXPECT_EQ(recovered.error().code, codes::kCorrupt);
}

TEST_F(CaptureJournal, is_not_made_over_another) {
  auto journal = make();
  auto again =
      Journal::create(folder_.path(), settings_, *parse_iso8601("2026-01-02T03:04:05.006Z"), kUuid);
  EXPECT_FALSE(again);
}

}  // namespace
}  // namespace tidemill::services::sagemaker_runtime

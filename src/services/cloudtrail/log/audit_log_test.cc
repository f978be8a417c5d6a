#include "services/cloudtrail/log/audit_log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <sstream>

#include "base/test_eventually.h"
#include "services/cloudtrail/cloudtrail_service.h"
#include "services/cloudtrail/log/signing_key.h"
#include "services/cloudtrail/log/verify.h"
#include "store/fault/fault_store.h"
#include "store/memory/memory_store.h"
#include "store/position_key.h"

namespace tidemill::services::cloudtrail {
namespace {

platform::AuditRecord record(const std::string& name, std::int64_t second = 1'796'000'000) {
  return {"123456789012", "us-east-1", Timestamp{second * 1'000'000},
          R"({"eventName":")" + name + R"("})", false};
}

class AuditLogTest : public ::testing::Test {
 protected:
  void append(AuditLog& log, const std::string& name, std::int64_t second = 1'796'000'000) {
    std::atomic<bool> done = false;
    log.append(record(name, second), [&] { done = true; });
    ASSERT_TRUE(eventually([&] { return done.load(); }));
  }
  VerifyReport verify() { return *verify_chain(*chain_of(*store_)); }
  std::vector<std::string> faults() {
    std::vector<std::string> texts;
    for (const Finding& finding : verify().findings) texts.push_back(finding.text);
    return texts;
  }
  StoredEvent stored(std::uint64_t position) {
    return (*events_table().get(*store_, store::position_key(position)))->record;
  }
  void overwrite(std::uint64_t position, const StoredEvent& event) {
    store::Transaction transaction;
    events_table().put(transaction, store::position_key(position), event, std::nullopt);
    ASSERT_TRUE(store_->commit(std::move(transaction)));
  }
  void erase(std::uint64_t position) {
    store::Transaction transaction;
    events_table().erase(transaction, store::position_key(position), std::nullopt);
    ASSERT_TRUE(store_->commit(std::move(transaction)));
  }
  void write(int count) {
    AuditLog log(*store_);
    ASSERT_TRUE(log.start());
    for (int i = 1; i <= count; ++i) append(log, "Event" + std::to_string(i));
  }

  std::unique_ptr<store::Store> store_ = store::make_memory_store(CloudTrailService::tables());
};

TEST_F(AuditLogTest, A_log_goes_on_where_it_ended) {
  write(3);
  write(2);
  const VerifyReport report = verify();
  EXPECT_EQ(report.records, 5u);
  EXPECT_EQ(report.first, 1u);
  EXPECT_EQ(report.last, 5u);
  EXPECT_TRUE(report.findings.empty());
  EXPECT_EQ(stored(4).previous, stored(3).hash);
  EXPECT_EQ(stored(1).previous, kFirstHash);
  EXPECT_EQ(stored(5).text, R"({"eventName":"Event2"})");
}

// Modules that stop later still call operations, and wait for their answers.
TEST_F(AuditLogTest, A_log_that_has_stopped_writes_on_its_callers_thread) {
  AuditLog log(*store_);
  ASSERT_TRUE(log.start());
  append(log, "Before");
  log.stop();
  bool done = false;
  log.append(record("After", 1'796'000'000), [&] { done = true; });
  EXPECT_TRUE(done);
  log.append(record("Unasked", 1'796'000'000), nullptr);
  EXPECT_EQ(verify().records, 3u);
  EXPECT_TRUE(verify().findings.empty());
  EXPECT_EQ(stored(2).text, R"({"eventName":"After"})");
}

TEST_F(AuditLogTest, An_altered_record_is_named) {
  write(5);
  StoredEvent event = stored(3);
  event.text = R"({"eventName":"Harmless"})";
  overwrite(3, event);
  EXPECT_EQ(faults(),
            std::vector<std::string>{"record 3 (Harmless, 2026-11-30T00:53:20Z) was altered"});
  // When its hash fits, the next record does not.
  event.hash = chain_hash(event.previous, 3, event);
  overwrite(3, event);
  ASSERT_EQ(faults().size(), 1u);
  EXPECT_TRUE(faults()[0].starts_with("record 4 (Event4, "));
  EXPECT_TRUE(faults()[0].contains("does not follow the record before it"));
}

TEST_F(AuditLogTest, Who_acted_cannot_be_changed_without_the_hash) {
  write(2);
  StoredEvent event = stored(1);
  event.account = "999999999999";
  overwrite(1, event);
  EXPECT_EQ(faults().size(), 1u);
}

TEST_F(AuditLogTest, Removed_records_are_named_in_the_middle_and_at_the_end) {
  write(6);
  erase(2);
  erase(3);
  EXPECT_EQ(faults(), std::vector<std::string>{"records 2 to 3 were removed"});
  erase(6);
  EXPECT_EQ(faults(), (std::vector<std::string>{"records 2 to 3 were removed",
                                                "record 6 was removed from the end"}));
}

TEST_F(AuditLogTest, Moved_records_are_named) {
  write(4);
  const StoredEvent second = stored(2), third = stored(3);
  overwrite(2, third);
  overwrite(3, second);
  // Both say that they stood elsewhere, and the fourth does not follow.
  const std::vector<std::string> found = faults();
  ASSERT_EQ(found.size(), 3u);
  EXPECT_TRUE(found[0].starts_with("record 2 (Event3"));
  EXPECT_TRUE(found[1].starts_with("record 3 (Event2"));
}

TEST_F(AuditLogTest, A_rewritten_chain_is_caught_by_the_checkpoint) {
  ManualClock clock(Timestamp{1'796'000'000'000'000});
  std::unique_ptr<Random> random = make_seeded_random(7);
  {
    CloudTrailService service({*store_, clock, *random, "us-east-1", {}, {}});
    ASSERT_TRUE(service.start());
    for (int i = 1; i <= 3; ++i) append(service.log(), "Event" + std::to_string(i));
    ASSERT_TRUE(service.add_checkpoint());
    ASSERT_TRUE(service.add_checkpoint());  // nothing new: not a second one
  }
  EXPECT_EQ(verify().checkpoints, 1u);
  EXPECT_TRUE(verify().findings.empty());
  // Every hash is made again, and the head.
  StoredEvent event = stored(2);
  event.text = R"({"eventName":"Harmless"})";
  event.hash = chain_hash(event.previous, 2, event);
  overwrite(2, event);
  StoredEvent last = stored(3);
  last.previous = event.hash;
  last.hash = chain_hash(last.previous, 3, last);
  overwrite(3, last);
  store::Transaction transaction;
  heads_table().put(transaction, std::string(kHeadKey), ChainHead{3, last.hash, 0, {}},
                    std::nullopt);
  ASSERT_TRUE(store_->commit(std::move(transaction)));
  const std::vector<std::string> found = faults();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].contains("is not the record that was signed at 2026-11-30T00:53:20Z"));
}

TEST_F(AuditLogTest, Retention_leaves_a_chain_that_verifies) {
  {
    AuditLog log(*store_);
    ASSERT_TRUE(log.start());
    for (int i = 1; i <= 6; ++i) append(log, "Event" + std::to_string(i), 1'000 * i);
    EXPECT_EQ(log.delete_before(Timestamp{3'500'000'000}, 2), 2u);  // not more at once
    EXPECT_EQ(log.delete_before(Timestamp{3'500'000'000}, 100), 1u);
    EXPECT_EQ(log.delete_before(Timestamp{3'500'000'000}, 100), 0u);
    append(log, "Event7", 7'000);
  }
  const VerifyReport report = verify();
  EXPECT_EQ(report.first, 4u);
  EXPECT_EQ(report.last, 7u);
  EXPECT_TRUE(report.findings.empty());
  erase(4);
  EXPECT_EQ(faults(), std::vector<std::string>{"record 4 was removed"});
}

TEST_F(AuditLogTest, Retention_deletes_the_checkpoints_of_deleted_records) {
  ManualClock clock(Timestamp{1'796'000'000'000'000});
  std::unique_ptr<Random> random = make_seeded_random(7);
  CloudTrailService service({*store_, clock, *random, "us-east-1", {}, {}, {}});
  ASSERT_TRUE(service.start());
  for (int i = 1; i <= 3; ++i) {
    append(service.log(), "Event" + std::to_string(i), 1'000 * i);
    ASSERT_TRUE(service.add_checkpoint());
  }
  const auto kept = [&](std::uint64_t position) {
    return checkpoints_table().get(*store_, store::position_key(position))->has_value();
  };
  ASSERT_TRUE(kept(1) && kept(2) && kept(3));
  EXPECT_EQ(service.log().delete_before(Timestamp{2'500'000'000}, 100), 2u);
  EXPECT_FALSE(kept(1) || kept(2));
  EXPECT_TRUE(kept(3));
  EXPECT_TRUE(verify().findings.empty());
}

TEST_F(AuditLogTest, An_export_verifies_elsewhere_and_shows_what_was_changed_in_it) {
  write(3);
  std::stringstream file;
  EXPECT_EQ(export_chain(*chain_of(*store_), file), 3u);
  std::string text = file.str();
  EXPECT_TRUE(verify_chain(*chain_of_file(file))->findings.empty());
  const std::size_t at = text.find("Event2");
  text.replace(at, 6, "Event9");
  std::stringstream changed(text);
  const VerifyReport report = *verify_chain(*chain_of_file(changed));
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].position, 2u);
  std::stringstream other("{}\n");
  EXPECT_EQ(chain_of_file(other).error().code, codes::kInvalid);
}

TEST_F(AuditLogTest, A_store_that_fails_answers_the_caller_and_keeps_the_record) {
  std::atomic<bool> full = true;
  std::unique_ptr<store::Store> failing =
      store::make_fault_store(*store_, [&](const store::FaultPoint& point) -> store::Fault {
        if (point.call != store::FaultPoint::Call::commit || !full) return {};
        return {store::FaultKind::storage_full};
      });
  AuditLog log(*failing);
  ASSERT_TRUE(log.start());
  append(log, "Event1");  // waits until it is answered
  append(log, "Event2");  // comes while the first is tried again
  EXPECT_EQ(verify().records, 0u);
  EXPECT_GE(log.counters().failed_commits, 1u);
  full = false;
  ASSERT_TRUE(eventually([&] { return log.counters().written == 2; }));
  EXPECT_EQ(verify().records, 2u);
  EXPECT_TRUE(verify().findings.empty());
}

TEST_F(AuditLogTest, A_commit_that_failed_although_it_was_written_is_not_repeated) {
  std::unique_ptr<store::Store> failing = store::make_fault_store(
      *store_, store::faults_at_commits({{1, store::FaultKind::fail_after}}));
  AuditLog log(*failing);
  ASSERT_TRUE(log.start());
  append(log, "Event1");
  append(log, "Event2");
  EXPECT_EQ(verify().records, 2u);
  EXPECT_TRUE(verify().findings.empty());
}

TEST_F(AuditLogTest, Records_that_do_not_wait_are_written_before_the_log_stops) {
  int answered = 0;
  {
    AuditLog log(*store_);
    ASSERT_TRUE(log.start());
    for (int i = 0; i < 2'000; ++i) {
      platform::AuditRecord read = record("Read");
      read.answer_first = true;
      log.append(std::move(read), [&] { ++answered; });
    }
    EXPECT_EQ(answered, 2'000);  // on this thread, at once
  }
  EXPECT_EQ(verify().records, 2'000u);
}

TEST(SigningKey, Signatures_hold_for_their_text_alone) {
  const SigningKeyRecord key = *make_signing_key();
  const std::string signature = *sign(key, "text");
  EXPECT_TRUE(verify_signature(key.public_key_der, "text", signature));
  EXPECT_FALSE(verify_signature(key.public_key_der, "Text", signature));
  EXPECT_FALSE(verify_signature(key.public_key_der, "text", signature.substr(2)));
  EXPECT_FALSE(verify_signature(key.public_key_der, "text", ""));
  EXPECT_FALSE(verify_signature(make_signing_key()->public_key_der, "text", signature));
}

}  // namespace
}  // namespace tidemill::services::cloudtrail

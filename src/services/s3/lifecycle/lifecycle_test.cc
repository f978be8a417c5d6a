#include "services/s3/lifecycle/lifecycle.h"

#include "api/s3/listing.h"
#include "api/s3/multipart.h"
#include "services/s3/object/storage_class.h"
#include "services/s3/testing/object_fixture.h"

namespace tidemill::services::s3 {
namespace {

using namespace std::chrono_literals;
constexpr auto kDay = 24h;

class LifecycleTest : public ObjectTest {
 protected:
  using Rule = model::LifecycleRule;

  static Rule rule_for(const std::string& prefix) {
    Rule rule;
    rule.status = "Enabled";
    rule.filter.ensure().prefix = prefix;
    return rule;
  }
  static Rule expire(const std::string& prefix, std::int64_t days) {
    Rule rule = rule_for(prefix);
    rule.expiration.ensure().days = days;
    return rule;
  }
  std::string configure(std::vector<Rule> rules) {
    model::PutBucketLifecycleConfigurationRequest request;
    request.bucket = "data";
    request.lifecycle_configuration.ensure().rules = std::move(rules);
    return error_of<op::PutBucketLifecycleConfiguration>(request);
  }
  void set_versioning() {
    model::PutBucketVersioningRequest request;
    request.bucket = "data";
    request.versioning_configuration.ensure().status = "Enabled";
    EXPECT_OK(call<op::PutBucketVersioning>(request));
  }
  // Goes on day by day, as a server does.
  void pass_days(int days) {
    for (int day = 0; day < days; ++day) {
      clock_.advance(kDay);
      EXPECT_OK(service_->run_lifecycle(clock_.now()));
    }
  }
  bool there(const std::string& key) { return get(key).status == 200; }
  std::size_t count(std::string table) {
    store::Scan scan{.table = std::move(table)};
    scan.limit = store::kScanLimitMax;
    return store_->scan(scan)->rows.size();
  }
};

TEST_F(LifecycleTest, Objects_expireAtTheMidnightAfterTheirDays) {
  ASSERT_EQ(configure({expire("logs/", 3)}), "");
  EXPECT_OK(put("logs/a", "x"));
  EXPECT_OK(put("kept", "x"));
  pass_days(3);
  // Three whole days have passed, but not yet the midnight after them.
  EXPECT_TRUE(there("logs/a"));
  pass_days(1);
  EXPECT_FALSE(there("logs/a"));
  EXPECT_TRUE(there("kept"));
}

TEST_F(LifecycleTest, Objects_thatWereWrittenAgainStay) {
  ASSERT_EQ(configure({expire("", 3)}), "");
  EXPECT_OK(put("k", "x"));
  pass_days(3);
  EXPECT_OK(put("k", "y"));
  pass_days(3);
  EXPECT_TRUE(there("k"));
  pass_days(1);
  EXPECT_FALSE(there("k"));
}

TEST_F(LifecycleTest, Filters_chooseBySizeAndTag) {
  Rule large = rule_for("");
  large.filter->prefix.reset();
  large.filter->object_size_greater_than = 10;
  large.expiration.ensure().days = 1;
  Rule tagged = rule_for("");
  tagged.filter->prefix.reset();
  tagged.filter->tag.ensure() = {"temporary", "yes"};
  tagged.expiration.ensure().days = 1;
  Rule off = expire("", 1);
  off.status = "Disabled";
  ASSERT_EQ(configure({large, tagged, off}), "");
  EXPECT_OK(put("large", std::string(11, 'x')));
  EXPECT_OK(put("ten", std::string(10, 'x')));
  model::PutObjectRequest request = to("tagged");
  request.tagging = "temporary=yes&other=1";
  EXPECT_OK(put(request, "x"));
  pass_days(2);
  EXPECT_FALSE(there("large"));
  EXPECT_FALSE(there("tagged"));
  EXPECT_TRUE(there("ten"));
}

TEST_F(LifecycleTest, Date_expiresEverythingFromThenOn) {
  Rule rule = rule_for("");
  rule.expiration.ensure().date =
      Timestamp{(clock_.now().microseconds / 86'400'000'000 + 2) * 86'400'000'000};
  ASSERT_EQ(configure({rule}), "");
  EXPECT_OK(put("k", "x"));
  pass_days(1);
  EXPECT_TRUE(there("k"));
  pass_days(1);
  EXPECT_FALSE(there("k"));
}

TEST_F(LifecycleTest, Versions_becomeOldFromTheDayOfTheirSuccessor) {
  set_versioning();
  Rule rule = rule_for("");
  rule.noncurrent_version_expiration.ensure().noncurrent_days = 2;
  rule.noncurrent_version_expiration->newer_noncurrent_versions = 1;
  ASSERT_EQ(configure({rule}), "");
  for (int i = 0; i < 4; ++i) {
    EXPECT_OK(put("k", std::to_string(i)));
    clock_.advance(1s);
  }
  pass_days(2);
  EXPECT_EQ(count(version_table().name()), 3u);
  pass_days(1);
  EXPECT_EQ(count(version_table().name()), 1u) << "one noncurrent version is kept";
  EXPECT_EQ(get("k").body, "3");
}

TEST_F(LifecycleTest, Expiration_inAVersionedBucketLeavesAMarkerThatGoesLater) {
  set_versioning();
  Rule rule = expire("", 1);
  rule.noncurrent_version_expiration.ensure().noncurrent_days = 1;
  ASSERT_EQ(configure({rule}), "");
  EXPECT_OK(put("k", "x"));
  pass_days(2);
  EXPECT_FALSE(there("k"));
  EXPECT_EQ(count(version_table().name()), 2u) << "the object's version and a delete marker";
  pass_days(4);
  EXPECT_EQ(count(version_table().name()), 0u);
}

TEST_F(LifecycleTest, Locked_versionsStay) {
  set_versioning();
  model::PutObjectLockConfigurationRequest lock;
  lock.bucket = "data";
  lock.object_lock_configuration.ensure().object_lock_enabled = "Enabled";
  lock.object_lock_configuration->rule.ensure().default_retention.ensure().mode = "COMPLIANCE";
  lock.object_lock_configuration->rule->default_retention->days = 10;
  EXPECT_OK(call<op::PutObjectLockConfiguration>(lock));
  Rule rule = rule_for("");
  rule.noncurrent_version_expiration.ensure().noncurrent_days = 1;
  ASSERT_EQ(configure({rule}), "");
  EXPECT_OK(put("k", "1"));
  EXPECT_OK(put("k", "2"));
  pass_days(9);
  EXPECT_EQ(count(version_table().name()), 1u);
  pass_days(2);
  EXPECT_EQ(count(version_table().name()), 0u);
}

TEST_F(LifecycleTest, Uploads_areAborted) {
  Rule rule = rule_for("big/");
  rule.abort_incomplete_multipart_upload.ensure().days_after_initiation = 2;
  ASSERT_EQ(configure({rule}), "");
  for (const char* key : {"big/a", "other"}) {
    model::CreateMultipartUploadRequest request;
    request.bucket = "data";
    request.key = key;
    EXPECT_OK(call<op::CreateMultipartUpload>(request));
  }
  pass_days(2);
  EXPECT_EQ(count(upload_table().name()), 2u);
  pass_days(1);
  EXPECT_EQ(count(upload_table().name()), 1u);
}

TEST_F(LifecycleTest, AYear_passesInASecond) {
  ASSERT_EQ(configure({expire("", 300)}), "");
  for (int day = 0; day < 365; ++day) {
    StringSource body("");
    ASSERT_TRUE(service_->put_object(kAccount, "data", "day-" + std::to_string(day), body, {}));
    pass_days(1);
  }
  EXPECT_EQ(count(object_table().name()), 300u);
}

TEST_F(LifecycleTest, Configurations_thatMakeNoSenseAreRefused) {
  EXPECT_EQ(configure({}), "MalformedXML");
  EXPECT_EQ(configure({rule_for("")}), "InvalidRequest");
  EXPECT_EQ(configure({expire("", 0)}), "InvalidArgument");
  Rule rule = expire("", 1);
  rule.status = "enabled";
  EXPECT_EQ(configure({rule}), "MalformedXML");
  rule = expire("", 1);
  rule.prefix = "twice";
  EXPECT_EQ(configure({rule}), "MalformedXML");
  rule = expire("", 1);
  rule.id = "one";
  EXPECT_EQ(configure({rule, rule}), "InvalidArgument");
  rule.id = std::string(256, 'x');
  EXPECT_EQ(configure({rule}), "InvalidArgument");
  rule = expire("", 1);
  rule.expiration->date = Timestamp{86'400'000'000};
  EXPECT_EQ(configure({rule}), "MalformedXML");
  rule.expiration->days.reset();
  EXPECT_EQ(configure({rule}), "");
  rule.expiration->date = Timestamp{1};
  EXPECT_EQ(configure({rule}), "InvalidArgument");
  rule = rule_for("");
  rule.transitions.emplace().push_back({std::nullopt, 29, "STANDARD_IA"});
  EXPECT_EQ(configure({rule}), "InvalidArgument");
  rule.transitions->front().days = 30;
  EXPECT_EQ(configure({rule}), "");
  rule.transitions->push_back({std::nullopt, 60, "STANDARD_IA"});
  EXPECT_EQ(configure({rule}), "InvalidRequest");
  rule.transitions->back() = {Timestamp{0}, std::nullopt, "GLACIER"};
  EXPECT_EQ(configure({rule}), "InvalidRequest");
  rule.transitions->back() = {Timestamp{0}, 60, "GLACIER"};
  EXPECT_EQ(configure({rule}), "MalformedXML");
  rule.transitions->back() = {std::nullopt, -1, "GLACIER"};
  EXPECT_EQ(configure({rule}), "InvalidArgument");
  rule.transitions->back() = {std::nullopt, 60, "STANDARD"};
  EXPECT_EQ(configure({rule}), "MalformedXML");
  rule.transitions->back() = {std::nullopt, 60, "GLACIER"};
  rule.expiration.ensure().days = 60;
  EXPECT_EQ(configure({rule}), "InvalidArgument");
  rule.expiration->days = 61;
  EXPECT_EQ(configure({rule}), "");
  rule = rule_for("");
  rule.filter->tag.ensure() = {"a", "b"};
  rule.filter->prefix.reset();
  rule.abort_incomplete_multipart_upload.ensure().days_after_initiation = 1;
  EXPECT_EQ(configure({rule}), "InvalidRequest");
}

TEST_F(LifecycleTest, Objects_becomeColderAndNeverWarmer) {
  Rule rule = rule_for("logs/");
  rule.transitions.emplace().push_back({std::nullopt, 90, "GLACIER"});
  rule.transitions->push_back({std::nullopt, 30, "STANDARD_IA"});
  ASSERT_EQ(configure({rule}), "");
  const std::string large(200 << 10, 'x');
  EXPECT_OK(put("logs/large", large));
  EXPECT_OK(put("logs/small", "x"));
  EXPECT_OK(put("other", large));
  model::PutObjectRequest deep = to("logs/deep");
  deep.storage_class = "DEEP_ARCHIVE";
  EXPECT_OK(put(deep, large));
  auto class_of = [&](const std::string& key) {
    model::HeadObjectRequest wanted;
    wanted.bucket = "data";
    wanted.key = key;
    auto head = call<op::HeadObject>(wanted);
    return head ? head->storage_class.value_or("STANDARD") : head.error().code;
  };
  pass_days(30);
  EXPECT_EQ(class_of("logs/large"), "STANDARD");
  pass_days(1);
  EXPECT_EQ(class_of("logs/large"), "STANDARD_IA");
  EXPECT_EQ(get("logs/large").body, large);
  pass_days(60);
  EXPECT_EQ(class_of("logs/large"), "GLACIER");
  EXPECT_EQ(get("logs/large").error.code, "InvalidObjectState");
  EXPECT_EQ(class_of("logs/small"), "STANDARD");
  EXPECT_EQ(class_of("other"), "STANDARD");
  EXPECT_EQ(class_of("logs/deep"), "DEEP_ARCHIVE");
}

TEST_F(LifecycleTest, Noncurrent_versionsBecomeColderByThemselves) {
  set_versioning();
  Rule rule = rule_for("");
  rule.noncurrent_version_transitions.emplace().push_back({10, "GLACIER_IR", std::nullopt});
  ASSERT_EQ(configure({rule}), "");
  const std::string large(200 << 10, 'x');
  const std::string old = put("k", large)->version_id.value_or("");
  EXPECT_OK(put("k", large + "y"));
  pass_days(11);
  model::GetObjectRequest request = of("k");
  EXPECT_FALSE(get(request).output.storage_class);
  request.version_id = old;
  EXPECT_EQ(get(request).output.storage_class, "GLACIER_IR");
  EXPECT_EQ(get(request).body, large);
}

TEST_F(LifecycleTest, Restored_objectsAreReadUntilTheirDaysHavePassed) {
  model::PutObjectRequest request = to("cold");
  request.storage_class = "GLACIER";
  EXPECT_OK(put(request, "frozen"));
  model::RestoreObjectRequest restore;
  restore.bucket = "data";
  restore.key = "cold";
  restore.restore_request.ensure().days = 2;
  EXPECT_EQ(get("cold").error.code, "InvalidObjectState");
  EXPECT_OK(call<op::RestoreObject>(restore));
  EXPECT_EQ(get("cold").body, "frozen");
  clock_.advance(2 * kDay);
  EXPECT_EQ(get("cold").body, "frozen");
  clock_.advance(kDay);
  EXPECT_EQ(get("cold").error.code, "InvalidObjectState");
  EXPECT_OK(put("warm", "x"));
  restore.key = "warm";
  EXPECT_EQ(error_of<op::RestoreObject>(restore), "InvalidObjectState");
}

TEST_F(LifecycleTest, Days_ofAnyNumberAreInTheFuture) {
  const Timestamp now = clock_.now();
  for (const std::int64_t days : {150'000'000l, 2'147'483'647l, INT64_MAX}) {
    EXPECT_GT(midnight_after(now, days), now);
    EXPECT_EQ(format_iso8601(midnight_after(now, days)).substr(0, 10), "9999-12-31");
    ASSERT_EQ(configure({expire("", days)}), "");
    EXPECT_OK(put("kept", "x"));
    pass_days(2);
    EXPECT_TRUE(there("kept"));
  }
}

TEST_F(LifecycleTest, Configuration_survivesARestartWithItsDates) {
  Rule rule = rule_for("");
  rule.expiration.ensure().date =
      Timestamp{2'000'000'000'000'000 / 86'400'000'000 * 86'400'000'000};
  ASSERT_EQ(configure({rule, expire("x/", 7)}), "");
  restart();
  auto kept = call<op::GetBucketLifecycleConfiguration>({"data"});
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->rules->size(), 2u);
  EXPECT_EQ(kept->rules->at(0).expiration->date, rule.expiration->date);
  EXPECT_EQ(kept->rules->at(1).expiration->days, 7);
  EXPECT_TRUE(kept->rules->at(0).id);
  EXPECT_OK(call<op::DeleteBucketLifecycle>({"data"}));
  EXPECT_EQ(error_of<op::GetBucketLifecycleConfiguration>({"data"}),
            "NoSuchLifecycleConfiguration");
}

}  // namespace
}  // namespace tidemill::services::s3

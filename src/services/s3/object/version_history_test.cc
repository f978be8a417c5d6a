// Random histories of a versioned bucket, against a model that keeps each key's versions in a list.
#include <algorithm>
#include <map>
#include <random>

#include "api/s3/listing.h"
#include "services/s3/testing/object_fixture.h"

namespace tidemill::services::s3 {
namespace {

struct ModelVersion {
  std::string id;
  bool marker = false;
  std::string mark;  // metadata that tells the objects apart
  auto operator<=>(const ModelVersion&) const = default;
};

struct ModelBucket {
  std::string status;                                         // "", Enabled, Suspended
  std::map<std::string, std::vector<ModelVersion>> versions;  // newest first

  void drop_null(const std::string& key) {
    std::erase_if(versions[key], [](const ModelVersion& version) { return version.id == "null"; });
  }
  void add(const std::string& key, ModelVersion version) {
    if (version.id == "null") drop_null(key);
    versions[key].insert(versions[key].begin(), std::move(version));
  }
  const ModelVersion* current(const std::string& key) {
    const auto& all = versions[key];
    return all.empty() || all.front().marker ? nullptr : &all.front();
  }
};

struct Listed {
  std::string key;
  std::string id;
  bool marker = false;
  bool latest = false;
  auto operator<=>(const Listed&) const = default;
};

class VersionHistoryTest : public ObjectTest {
 protected:
  // Bytes that sort before, beside and behind the separators of row keys.
  const std::vector<std::string> keys_ = {"a", std::string("a\x01") + "b", "a\x1f", "a/b", "b/1"};

  void begin(const std::string& bucket) {
    bucket_ = bucket;
    model_ = {};
    model::CreateBucketRequest request;
    request.bucket = bucket;
    ASSERT_TRUE(call<op::CreateBucket>(request));
  }
  int below(int end) { return int(random_numbers_() % unsigned(end)); }
  std::string some_key() { return keys_[std::size_t(below(int(keys_.size())))]; }
  std::string some_version_of(const std::string& key) {
    const auto& all = model_.versions[key];
    if (all.empty() || below(8) == 0) return below(2) ? "null" : std::string(32, 'f');
    return all[std::size_t(below(int(all.size())))].id;
  }

  void set_versioning() {
    model::PutBucketVersioningRequest request;
    request.bucket = bucket_;
    model_.status = below(3) ? "Enabled" : "Suspended";
    request.versioning_configuration.ensure().status = model_.status;
    ASSERT_TRUE(call<op::PutBucketVersioning>(request));
  }
  void put() {
    model::PutObjectRequest request = to(some_key());
    request.bucket = bucket_;
    const std::string mark = std::to_string(++marks_);
    request.metadata = {{"mark", mark}};
    auto output = ObjectTest::put(request, "");
    ASSERT_TRUE(output);
    ASSERT_EQ(output->version_id.has_value(), !model_.status.empty());
    ASSERT_EQ(output->version_id == "null", model_.status == "Suspended");
    model_.add(request.key, {output->version_id.value_or("null"), false, mark});
  }
  void remove() {
    model::DeleteObjectRequest request;
    request.bucket = bucket_;
    request.key = some_key();
    auto output = call<op::DeleteObject>(request);
    ASSERT_TRUE(output);
    ASSERT_EQ(output->delete_marker.value_or(false), !model_.status.empty());
    if (model_.status.empty())
      model_.drop_null(request.key);
    else
      model_.add(request.key, {output->version_id.value_or("?"), true, ""});
  }
  void remove_version() {
    model::DeleteObjectRequest request;
    request.bucket = bucket_;
    request.key = some_key();
    request.version_id = some_version_of(request.key);
    auto& all = model_.versions[request.key];
    const auto found = std::ranges::find(all, *request.version_id, &ModelVersion::id);
    auto output = call<op::DeleteObject>(request);
    ASSERT_TRUE(output);
    ASSERT_EQ(output->version_id, request.version_id);
    ASSERT_EQ(output->delete_marker.value_or(false), found != all.end() && found->marker);
    if (found != all.end()) all.erase(found);
  }
  void remove_several() {
    model::DeleteObjectsRequest request;
    request.bucket = bucket_;
    std::map<std::string, std::vector<std::string>> named;
    for (int i = 0; i < 4; ++i) {
      model::ObjectIdentifier identifier;
      identifier.key = some_key();
      identifier.version_id = some_version_of(identifier.key);
      named[identifier.key].push_back(*identifier.version_id);
      request.delete_.ensure().objects.push_back(identifier);
    }
    auto output = call<op::DeleteObjects>(request);
    ASSERT_TRUE(output);
    ASSERT_FALSE(output->errors_);
    for (const auto& [key, ids] : named)
      std::erase_if(model_.versions[key], [&](const ModelVersion& version) {
        return std::ranges::find(ids, version.id) != ids.end();
      });
  }
  void tag() {
    model::PutObjectTaggingRequest request;
    request.bucket = bucket_;
    request.key = some_key();
    request.version_id = some_version_of(request.key);
    request.tagging.ensure().tag_set.push_back({"tagged", "yes"});
    const auto& all = model_.versions[request.key];
    const auto found = std::ranges::find(all, *request.version_id, &ModelVersion::id);
    const std::string expected = found == all.end() ? "NoSuchVersion"
                                 : found->marker    ? "MethodNotAllowed"
                                                    : "";
    ASSERT_EQ(error_of<op::PutObjectTagging>(request), expected);
  }
  void change() {
    switch (below(9)) {
      case 0:
        return set_versioning();
      case 1:
        return remove();
      case 2:
      case 3:
        return remove_version();
      case 4:
        return remove_several();
      case 5:
        return tag();
      default:
        return put();
    }
  }

  std::vector<Listed> list_versions(std::int64_t page, const std::string& delimiter = "") {
    model::ListObjectVersionsRequest request;
    request.bucket = bucket_;
    request.max_keys = page;
    if (!delimiter.empty()) request.delimiter = delimiter;
    std::vector<Listed> found;
    for (int pages = 0; pages < 1000; ++pages) {
      auto output = call<op::ListObjectVersions>(request);
      EXPECT_TRUE(output) << output.error().message;
      if (!output) return found;
      std::vector<Listed> here;
      for (const auto& version : output->versions.value_or(std::vector<model::ObjectVersion>()))
        here.push_back({unescaped(*version.key), *version.version_id, false, *version.is_latest});
      for (const auto& marker :
           output->delete_markers.value_or(std::vector<model::DeleteMarkerEntry>()))
        here.push_back({unescaped(*marker.key), *marker.version_id, true, *marker.is_latest});
      for (const auto& prefix :
           output->common_prefixes.value_or(std::vector<model::CommonPrefix>()))
        here.push_back({*prefix.prefix + "*"});
      EXPECT_LE(std::int64_t(here.size()), page);
      found.insert(found.end(), here.begin(), here.end());
      if (!output->is_truncated.value_or(false)) return found;
      request.key_marker = unescaped(*output->next_key_marker);
      request.version_id_marker = output->next_version_id_marker;
    }
    ADD_FAILURE() << "the listing has no end";
    return found;
  }
  // Keys that XML cannot hold come encoded.
  static std::string unescaped(std::string key) {
    if (auto at = key.find("%01"); at != key.npos) key.replace(at, 3, "\x01");
    if (auto at = key.find("%1F"); at != key.npos) key.replace(at, 3, "\x1f");
    return key;
  }

  void check() {
    std::vector<Listed> expected;
    std::vector<std::string> current;
    for (const auto& [key, all] : model_.versions) {
      for (const ModelVersion& version : all)
        expected.push_back({key, version.id, version.marker, &version == &all.front()});
      if (model_.current(key)) current.push_back(key);
    }
    const int page = 1 + below(5);
    const std::vector<Listed> listed = list_versions(page);
    auto sorted = [](std::vector<Listed> entries) {
      std::ranges::sort(entries);
      return entries;
    };
    // Larger pages list versions and delete markers separately.
    if (page == 1) ASSERT_EQ(listed, expected);
    ASSERT_EQ(sorted(listed), sorted(expected));
    check_current(current);
    const std::string key = some_key();
    check_reads(key);
  }
  void check_current(const std::vector<std::string>& expected) {
    model::ListObjectsV2Request request;
    request.bucket = bucket_;
    auto output = call<op::ListObjectsV2>(request);
    ASSERT_TRUE(output);
    std::vector<std::string> keys;
    for (const auto& object : output->contents.value_or(std::vector<model::Object>()))
      keys.push_back(unescaped(*object.key));
    ASSERT_EQ(keys, expected);
  }
  void check_reads(const std::string& key) {
    model::GetObjectRequest request = of(key);
    request.bucket = bucket_;
    const ModelVersion* current = model_.current(key);
    Got got = get(request);
    ASSERT_EQ(got.error.code, current ? "" : "NoSuchKey");
    if (current) ASSERT_EQ(got.output.metadata->at("mark"), current->mark);
    for (const ModelVersion& version : model_.versions[key]) {
      request.version_id = version.id;
      got = get(request);
      ASSERT_EQ(got.error.code, version.marker ? "MethodNotAllowed" : "");
      if (!version.marker) ASSERT_EQ(got.output.metadata->at("mark"), version.mark);
    }
  }
  // The bucket can be deleted when its last version is gone, and not before.
  void empty_and_delete() {
    for (const auto& [key, all] : model_.versions)
      for (const ModelVersion& version : all) {
        ASSERT_EQ(error_of<op::DeleteBucket>({bucket_}), "BucketNotEmpty");
        model::DeleteObjectRequest request;
        request.bucket = bucket_;
        request.key = key;
        request.version_id = version.id;
        ASSERT_TRUE(call<op::DeleteObject>(request));
      }
    ASSERT_EQ(error_of<op::DeleteBucket>({bucket_}), "");
    for (const auto& table : {object_table().name(), version_table().name()}) {
      store::Scan scan{.table = table};
      ASSERT_TRUE(store_->scan(scan)->rows.empty());
    }
  }

  std::string bucket_;
  ModelBucket model_;
  std::mt19937 random_numbers_{20261130};
  int marks_ = 0;
};

TEST_F(VersionHistoryTest, Versions_areThoseOfTheModelAfterAnyHistory) {
  constexpr int kHistories = 2000;
  constexpr int kChanges = 24;
  for (int history = 0; history < kHistories; ++history) {
    SCOPED_TRACE("history " + std::to_string(history));
    begin("history-" + std::to_string(history));
    const int unversioned = below(4);
    for (int step = 0; step < kChanges; ++step) {
      if (step == unversioned) set_versioning();
      if (below(3) == 0) clock_.advance(std::chrono::milliseconds(below(3)));
      change();
      if (HasFatalFailure()) return;
      if (below(4) == 0) check();
      if (HasFatalFailure()) return;
    }
    check();
    if (HasFatalFailure()) return;
    empty_and_delete();
    if (HasFatalFailure()) return;
  }
}

TEST_F(VersionHistoryTest, Versions_surviveARestartWithTheirBytes) {
  begin("restarted");
  for (int i = 0; i < 60; ++i) {
    if (i == 3) set_versioning();
    change();
    ASSERT_FALSE(HasFatalFailure());
  }
  restart();  // collects what no record names
  check();
  for (const std::string& key : keys_) check_reads(key);
}

}  // namespace
}  // namespace tidemill::services::s3

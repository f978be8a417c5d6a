// For tests: S3 in memory, which can be told to refuse or to wait.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "services/s3/interface.h"

namespace tidemill::services::sagemaker_runtime {

// Thread-safe.
class TestS3 final : public s3::S3Interface {
 public:
  explicit TestS3(std::set<std::string> buckets) : buckets_(std::move(buckets)) {}

  void add_bucket(const std::string& bucket) {
    std::lock_guard lock(mutex_);
    buckets_.insert(bucket);
  }
  void hold(bool held) {
    std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  // "bucket/key" -> bytes
  std::map<std::string, std::string> objects() const {
    std::lock_guard lock(mutex_);
    return objects_;
  }
  std::map<std::string, std::string> content_types() const {
    std::lock_guard lock(mutex_);
    return content_types_;
  }
  int puts() const { return puts_; }

  bool bucket_exists(std::string_view, std::string_view bucket) override {
    std::lock_guard lock(mutex_);
    return buckets_.contains(std::string(bucket));
  }
  Result<void> ensure_bucket(std::string_view, std::string_view, std::string_view bucket) override {
    add_bucket(std::string(bucket));
    return {};
  }
  Result<s3::ObjectInfo> head_object(std::string_view, std::string_view bucket,
                                     std::string_view key) override {
    std::lock_guard lock(mutex_);
    auto found = objects_.find(path(bucket, key));
    if (found == objects_.end()) return fail("NoSuchKey", "The specified key does not exist.");
    return info(bucket, key, found->second);
  }
  Result<s3::ObjectBody> get_object(std::string_view, std::string_view bucket,
                                    std::string_view key) override {
    std::lock_guard lock(mutex_);
    if (!buckets_.contains(std::string(bucket)))
      return fail("NoSuchBucket", "The specified bucket does not exist");
    auto found = objects_.find(path(bucket, key));
    if (found == objects_.end()) return fail("NoSuchKey", "The specified key does not exist.");
    return s3::ObjectBody{info(bucket, key, found->second),
                          std::make_unique<StringSource>(found->second)};
  }
  Result<s3::ObjectInfo> get_object_to_file(std::string_view, std::string_view, std::string_view,
                                            const std::string&) override {
    return fail("NotImplemented", "not in tests");
  }
  Result<s3::ObjectInfo> put_object(std::string_view, std::string_view bucket, std::string_view key,
                                    ByteSource& bytes, const s3::PutOptions& options) override {
    ++puts_;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !held_; });
    if (!buckets_.contains(std::string(bucket)))
      return fail("NoSuchBucket", "The specified bucket does not exist");
    std::string all = TRY(read_all(bytes, 1u << 30));
    objects_[path(bucket, key)] = all;
    content_types_[path(bucket, key)] = options.content_type;
    return info(bucket, key, all);
  }
  Result<s3::ObjectInfo> put_object_from_file(std::string_view, std::string_view, std::string_view,
                                              const std::string&, const s3::PutOptions&) override {
    return fail("NotImplemented", "not in tests");
  }
  Result<s3::ObjectPage> list_objects(std::string_view, std::string_view, std::string_view,
                                      std::string_view, std::size_t) override {
    return fail("NotImplemented", "not in tests");
  }
  Result<void> delete_object(std::string_view, std::string_view bucket,
                             std::string_view key) override {
    std::lock_guard lock(mutex_);
    objects_.erase(path(bucket, key));
    return {};
  }

 private:
  static std::string path(std::string_view bucket, std::string_view key) {
    return std::string(bucket) + "/" + std::string(key);
  }
  s3::ObjectInfo info(std::string_view bucket, std::string_view key,
                      const std::string& bytes) const {
    return {std::string(key), bytes.size(), "etag", {}, content_types_.at(path(bucket, key)), {}};
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> buckets_;
  std::map<std::string, std::string> objects_, content_types_;
  bool held_ = false;
  std::atomic<int> puts_ = 0;
};

}  // namespace tidemill::services::sagemaker_runtime

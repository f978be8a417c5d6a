// For tests of other services: S3 in memory, which can be told to refuse or to wait.
#pragma once

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "services/s3/interface.h"

namespace tidemill::services::s3 {

// Thread-safe. Objects are named "bucket/key" where tests look at them.
class TestS3 final : public S3Interface {
 public:
  explicit TestS3(std::set<std::string> buckets) : buckets_(std::move(buckets)) {}

  void add_bucket(const std::string& bucket) {
    std::lock_guard lock(mutex_);
    buckets_.insert(bucket);
  }
  // Puts wait meanwhile.
  void hold(bool held) {
    std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  void put(const std::string& path, std::string bytes) {
    std::lock_guard lock(mutex_);
    objects_[path] = std::move(bytes);
  }
  // These and no others.
  void replace(std::map<std::string, std::string> objects) {
    std::lock_guard lock(mutex_);
    objects_ = std::move(objects);
  }
  std::map<std::string, std::string> objects() const {
    std::lock_guard lock(mutex_);
    return objects_;
  }
  bool has(const std::string& path) const { return objects().contains(path); }
  // "" when there is none.
  std::string object(const std::string& path) const { return objects()[path]; }
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
  Result<ObjectInfo> head_object(std::string_view account, std::string_view bucket,
                                 std::string_view key) override {
    return TRY(get_object(account, bucket, key)).info;
  }
  Result<ObjectBody> get_object(std::string_view, std::string_view bucket,
                                std::string_view key) override {
    std::lock_guard lock(mutex_);
    TRY(check_bucket(bucket));
    auto found = objects_.find(path_of(bucket, key));
    if (found == objects_.end()) return fail("NoSuchKey", "The specified key does not exist.");
    return ObjectBody{info(found->first, key), std::make_unique<StringSource>(found->second)};
  }
  Result<ObjectInfo> get_object_to_file(std::string_view account, std::string_view bucket,
                                        std::string_view key, const std::string& path) override {
    const ObjectBody body = TRY(get_object(account, bucket, key));
    std::ofstream file(path, std::ios::binary);
    file << TRY(read_all(*body.bytes, kBytesMax));
    if (!file.flush()) return fail(codes::kIo, "cannot write " + path);
    return body.info;
  }
  Result<ObjectInfo> put_object(std::string_view, std::string_view bucket, std::string_view key,
                                ByteSource& bytes, const PutOptions& options) override {
    ++puts_;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !held_; });
    TRY(check_bucket(bucket));
    lock.unlock();  // a source may itself read from here
    std::string all = TRY(read_all(bytes, kBytesMax));
    lock.lock();
    const std::string path = path_of(bucket, key);
    objects_[path] = std::move(all);
    content_types_[path] = options.content_type;
    return info(path, key);
  }
  Result<ObjectInfo> put_object_from_file(std::string_view account, std::string_view bucket,
                                          std::string_view key, const std::string& path,
                                          const PutOptions& options) override {
    std::ifstream file(path, std::ios::binary);
    if (!file) return fail(codes::kIo, "cannot read " + path);
    StringSource source(std::string(std::istreambuf_iterator<char>(file), {}));
    return put_object(account, bucket, key, source, options);
  }
  Result<ObjectPage> list_objects(std::string_view, std::string_view bucket,
                                  std::string_view prefix, std::string_view after,
                                  std::size_t) override {
    constexpr std::size_t kPageObjects = 2;  // small pages, to test them
    std::lock_guard lock(mutex_);
    TRY(check_bucket(bucket));
    ObjectPage page;
    for (const auto& [path, bytes] : objects_) {
      if (!path.starts_with(path_of(bucket, prefix))) continue;
      const std::string key = path.substr(bucket.size() + 1);
      if (key <= after) continue;
      if (page.objects.size() == kPageObjects) {
        page.next = page.objects.back().key;
        break;
      }
      page.objects.push_back(info(path, key));
    }
    return page;
  }
  Result<void> delete_object(std::string_view, std::string_view bucket,
                             std::string_view key) override {
    std::lock_guard lock(mutex_);
    objects_.erase(path_of(bucket, key));
    return {};
  }

 private:
  static constexpr std::size_t kBytesMax = std::size_t(1) << 30;

  static std::string path_of(std::string_view bucket, std::string_view key) {
    return std::string(bucket) + "/" + std::string(key);
  }
  // The rest with mutex_ held.
  Result<void> check_bucket(std::string_view bucket) const {
    if (buckets_.contains(std::string(bucket))) return {};
    return fail("NoSuchBucket", "The specified bucket does not exist");
  }
  ObjectInfo info(const std::string& path, std::string_view key) const {
    auto type = content_types_.find(path);
    return {std::string(key),
            objects_.at(path).size(),
            "etag",
            {},
            type == content_types_.end() ? "" : type->second,
            {}};
  }

  mutable std::mutex mutex_;  // guards everything below but puts_
  std::condition_variable changed_;
  std::set<std::string> buckets_;
  std::map<std::string, std::string> objects_, content_types_;
  bool held_ = false;
  std::atomic<int> puts_ = 0;
};

// The same S3 for every role; a test may refuse what a role puts. Thread-safe.
class TestRoles final : public S3Roles {
 public:
  // Called before each put with the object as "bucket/key".
  using Check = std::function<Result<void>(const RoleSession& session, const std::string& object)>;
  explicit TestRoles(S3Interface& s3, Check check = {}) : s3_(s3), check_(std::move(check)) {}
  std::unique_ptr<S3Interface> as_role(const RoleSession& session) override {
    return std::make_unique<Client>(*this, session);
  }

 private:
  struct Client final : S3Interface {
    Client(TestRoles& of, RoleSession as) : roles(of), session(std::move(as)) {}
    bool bucket_exists(std::string_view a, std::string_view b) override {
      return roles.s3_.bucket_exists(a, b);
    }
    Result<void> ensure_bucket(std::string_view a, std::string_view r,
                               std::string_view b) override {
      return roles.s3_.ensure_bucket(a, r, b);
    }
    Result<ObjectInfo> head_object(std::string_view a, std::string_view b,
                                   std::string_view k) override {
      return roles.s3_.head_object(a, b, k);
    }
    Result<ObjectBody> get_object(std::string_view a, std::string_view b,
                                  std::string_view k) override {
      return roles.s3_.get_object(a, b, k);
    }
    Result<ObjectInfo> get_object_to_file(std::string_view a, std::string_view b,
                                          std::string_view k, const std::string& path) override {
      return roles.s3_.get_object_to_file(a, b, k, path);
    }
    Result<ObjectInfo> put_object(std::string_view a, std::string_view b, std::string_view k,
                                  ByteSource& bytes, const PutOptions& options) override {
      if (roles.check_) TRY(roles.check_(session, std::string(b) + "/" + std::string(k)));
      return roles.s3_.put_object(a, b, k, bytes, options);
    }
    Result<ObjectInfo> put_object_from_file(std::string_view a, std::string_view b,
                                            std::string_view k, const std::string& path,
                                            const PutOptions& options) override {
      return roles.s3_.put_object_from_file(a, b, k, path, options);
    }
    Result<ObjectPage> list_objects(std::string_view a, std::string_view b, std::string_view prefix,
                                    std::string_view after, std::size_t limit) override {
      return roles.s3_.list_objects(a, b, prefix, after, limit);
    }
    Result<void> delete_object(std::string_view a, std::string_view b,
                               std::string_view k) override {
      return roles.s3_.delete_object(a, b, k);
    }
    TestRoles& roles;
    const RoleSession session;
  };

  S3Interface& s3_;
  const Check check_;
};

}  // namespace tidemill::services::s3

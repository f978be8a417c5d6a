// Small stand-ins for S3, CloudWatch Logs and IAM, for tests of SageMaker's resources.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "services/iam/interface.h"
#include "services/logs/interface.h"
#include "services/s3/interface.h"
#include "services/sagemaker/archive.h"

namespace tidemill::services::sagemaker {

// Knows one bucket, "b".
class FakeS3 final : public s3::S3Interface {
 public:
  std::map<std::string, std::string> objects;  // "bucket/key"
  bool bucket_exists(std::string_view, std::string_view bucket) override { return bucket == "b"; }
  Result<void> ensure_bucket(std::string_view, std::string_view, std::string_view) override {
    return {};
  }
  Result<s3::ObjectInfo> head_object(std::string_view, std::string_view,
                                     std::string_view) override {
    return fail("NoSuchKey", "not in this fake");
  }
  Result<s3::ObjectBody> get_object(std::string_view, std::string_view bucket,
                                    std::string_view key) override {
    std::lock_guard lock(mutex_);
    auto found = objects.find(std::string(bucket) + "/" + std::string(key));
    if (found == objects.end()) return fail("NoSuchKey", "The specified key does not exist.");
    return s3::ObjectBody{{}, std::make_unique<StringSource>(found->second)};
  }
  Result<s3::ObjectInfo> get_object_to_file(std::string_view account, std::string_view bucket,
                                            std::string_view key,
                                            const std::string& path) override {
    s3::ObjectBody body = TRY(get_object(account, bucket, key));
    TRY(write_file(path, *body.bytes));
    return s3::ObjectInfo{};
  }
  Result<s3::ObjectInfo> put_object(std::string_view, std::string_view bucket, std::string_view key,
                                    ByteSource& bytes, const s3::PutOptions&) override {
    if (bucket != "b") return fail("NoSuchBucket", "The specified bucket does not exist");
    std::string text = TRY(read_all(bytes, 1 << 30));
    std::lock_guard lock(mutex_);
    objects[std::string(bucket) + "/" + std::string(key)] = std::move(text);
    return s3::ObjectInfo{};
  }
  Result<s3::ObjectInfo> put_object_from_file(std::string_view account, std::string_view bucket,
                                              std::string_view key, const std::string& path,
                                              const s3::PutOptions& options) override {
    std::unique_ptr<ByteSource> source = TRY(open_file_source(path));
    return put_object(account, bucket, key, *source, options);
  }
  Result<s3::ObjectPage> list_objects(std::string_view, std::string_view bucket,
                                      std::string_view prefix, std::string_view after,
                                      std::size_t) override {
    if (bucket != "b") return fail("NoSuchBucket", "The specified bucket does not exist");
    std::lock_guard lock(mutex_);
    s3::ObjectPage page;
    for (const auto& [name, text] : objects) {
      const std::string key = name.substr(2);
      if (!key.starts_with(prefix) || key <= after) continue;
      if (page.objects.size() == 2) {  // small pages, to test them
        page.next = page.objects.back().key;
        break;
      }
      page.objects.push_back({.key = key, .size_bytes = text.size()});
    }
    return page;
  }
  Result<void> delete_object(std::string_view, std::string_view, std::string_view) override {
    return {};
  }

 private:
  std::mutex mutex_;
};

class FakeLogs final : public logs::LogsInterface {
 public:
  Result<void> append(std::string_view, std::string_view, std::string_view group,
                      std::string_view stream, std::vector<logs::LogEvent> events) override {
    std::lock_guard lock(mutex_);
    for (logs::LogEvent& event : events)
      lines_[std::string(group) + ":" + std::string(stream)].push_back(std::move(event.message));
    return {};
  }
  Result<std::vector<logs::LogEvent>> tail(std::string_view, std::string_view, std::string_view,
                                           std::string_view, std::size_t) override {
    return std::vector<logs::LogEvent>();
  }
  std::vector<std::string> lines(const std::string& name) {
    std::lock_guard lock(mutex_);
    return lines_[name];
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<std::string>> lines_;
};

class FakeIam : public iam::IamInterface {
 public:
  Result<void> check_pass_role(const Context&, std::string_view role, std::string_view) override {
    if (role.ends_with("/forbidden")) return fail("AccessDeniedException", "not this role");
    return {};
  }
  Result<iam::TemporaryCredentials> issue_role_credentials(std::string_view, std::string_view,
                                                           std::chrono::seconds) override {
    return iam::TemporaryCredentials{
        .access_key_id = "AKID", .secret_access_key = "SECRET", .session_token = "TOKEN"};
  }
  Result<std::string> grant_role(const iam::RoleGrant& grant) override {
    std::lock_guard lock(mutex_);
    grants_[grant.holder] = grant.role_arn;
    return "token-of-" + grant.holder;
  }
  Result<void> revoke_role(std::string_view holder) override {
    std::lock_guard lock(mutex_);
    grants_.erase(std::string(holder));
    return {};
  }
  Result<iam::TemporaryCredentials> granted_credentials(std::string_view,
                                                        std::string_view) override {
    return fail("AccessDenied", "not in this fake");
  }
  // Of roles whose names end with "-without-" and what of S3 they may not do.
  Result<void> authorize_role(std::string_view role, std::string_view, std::string_view action,
                              std::string_view resource,
                              const iam::ConditionContext& conditions) override {
    std::lock_guard lock(mutex_);
    std::string asked = std::string(action) + " " + std::string(resource);
    for (const auto& [name, values] : conditions) asked += " " + name + "=" + values.at(0);
    asked_.insert(std::move(asked));
    if (role.ends_with("-without-" + std::string(action.substr(action.find(':') + 1))))
      return fail("AccessDeniedException", "not this role", 403);
    return {};
  }
  Result<void> authorize(const Principal&, std::string_view, std::string_view,
                         const iam::ConditionContext&) override {
    return {};
  }
  std::size_t grants() {
    std::lock_guard lock(mutex_);
    return grants_.size();
  }
  // "s3:GetObject arn:aws:s3:::b/k", each once.
  std::set<std::string> asked() {
    std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> grants_;
  std::set<std::string> asked_;
};

}  // namespace tidemill::services::sagemaker

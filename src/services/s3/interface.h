// S3 for the other services: training channels, model artifacts, captured data. No signatures, no
// HTTP, the same bytes and rules as for clients.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/value.h"

namespace tidemill::services::s3 {

// "s3://bucket/some/key"; the key may be empty. Tidemill.Invalid when it is no such URI.
struct S3Uri {
  std::string bucket;
  std::string key;
  std::string text() const { return "s3://" + bucket + "/" + key; }
};
Result<S3Uri> parse_s3_uri(std::string_view text);

struct ObjectInfo {
  std::string key;
  std::uint64_t size_bytes = 0;
  std::string etag;  // without quotes
  Timestamp modified;
  std::string content_type;
  std::map<std::string, std::string> metadata;
};

struct ObjectBody {
  ObjectInfo info;
  // Must not outlive the service.
  std::unique_ptr<ByteSource> bytes;
};

struct PutOptions {
  std::string content_type = {};
  std::map<std::string, std::string> metadata = {};
};

struct ObjectPage {
  std::vector<ObjectInfo> objects;
  // Pass as `after` to go on; empty at the end.
  std::string next;
};

// Thread-safe; calls block. `account` is who asks: NoSuchBucket, NoSuchKey and AccessDenied are as
// clients see them, all other errors too (InsufficientStorage, InternalError, ...).
class S3Interface {
 public:
  virtual ~S3Interface() = default;
  virtual bool bucket_exists(std::string_view account, std::string_view bucket) = 0;
  // Succeeds when the account has it already.
  virtual Result<void> ensure_bucket(std::string_view account, std::string_view region,
                                     std::string_view bucket) = 0;
  virtual Result<ObjectInfo> head_object(std::string_view account, std::string_view bucket,
                                         std::string_view key) = 0;
  virtual Result<ObjectBody> get_object(std::string_view account, std::string_view bucket,
                                        std::string_view key) = 0;
  // Into a file that is made or replaced; its folder must be there.
  virtual Result<ObjectInfo> get_object_to_file(std::string_view account, std::string_view bucket,
                                                std::string_view key, const std::string& path) = 0;
  // Durable when it returns.
  virtual Result<ObjectInfo> put_object(std::string_view account, std::string_view bucket,
                                        std::string_view key, ByteSource& bytes,
                                        const PutOptions& options = {}) = 0;
  virtual Result<ObjectInfo> put_object_from_file(std::string_view account, std::string_view bucket,
                                                  std::string_view key, const std::string& path,
                                                  const PutOptions& options = {}) = 0;
  // In the order of keys, at most 1,000 at a time.
  virtual Result<ObjectPage> list_objects(std::string_view account, std::string_view bucket,
                                          std::string_view prefix, std::string_view after = {},
                                          std::size_t limit = 1000) = 0;
  // Succeeds when there is none.
  virtual Result<void> delete_object(std::string_view account, std::string_view bucket,
                                     std::string_view key) = 0;
};

// A session of a role, and where the holder of the role works.
struct RoleSession {
  std::string role_arn, session_name, account, region;
  // The time since when the role is held, as in iam::RoleGrant: a role that was created later under
  // the same name is another role.
  Timestamp since = {};
};

// S3 for what the server does on behalf of a role. Thread-safe.
class S3Roles {
 public:
  virtual ~S3Roles() = default;
  // Each call goes through the dispatcher, so the role's policies of that moment decide. The
  // `account` of the calls is not used.
  virtual std::unique_ptr<S3Interface> as_role(const RoleSession& session) = 0;
};

// S3 for what a service does in an account's name. Thread-safe.
class S3Accounts {
 public:
  virtual ~S3Accounts() = default;
  // Each call goes through the dispatcher with the rights of the account's root. `service` is the
  // caller's user id there ("cloudtrail.amazonaws.com").
  virtual std::unique_ptr<S3Interface> in_account(std::string_view account, std::string_view region,
                                                  std::string_view service) = 0;
};

}  // namespace tidemill::services::s3

// What the SageMaker resources need of other services, in their own words. The server adapts the
// other services' interfaces to these, so that resources are tested against small fakes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "base/clock.h"
#include "base/error.h"
#include "services/service.h"

namespace tidemill::services::sagemaker {

// Whose bytes and logs: every call is within one account and region.
struct Place {
  std::string account;
  std::string region;
};

struct ObjectSummary {
  std::string key;
  std::uint64_t size_bytes = 0;
};

// S3. Thread-safe. Errors carry S3's codes (NoSuchBucket, NoSuchKey, AccessDenied).
class ObjectPort {
 public:
  virtual ~ObjectPort() = default;
  // Every object whose key begins with the prefix, ordered by key.
  virtual Result<std::vector<ObjectSummary>> list(const Place& place, const std::string& bucket,
                                                  const std::string& prefix) = 0;
  virtual Result<std::unique_ptr<ByteSource>> get(const Place& place, const std::string& bucket,
                                                  const std::string& key) = 0;
  virtual Result<void> put(const Place& place, const std::string& bucket, const std::string& key,
                           std::unique_ptr<ByteSource> body) = 0;
};

struct LogEntry {
  Timestamp time;
  std::string text;
};

// CloudWatch Logs. Thread-safe.
class LogPort {
 public:
  virtual ~LogPort() = default;
  // Makes the group and the stream when they are not there. In order, durable when it returns.
  virtual Result<void> put(const Place& place, const std::string& group, const std::string& stream,
                           const std::vector<LogEntry>& entries) = 0;
};

struct RoleCredentials {
  std::string access_key_id, secret_access_key, session_token;
};

// IAM and STS. Thread-safe.
class RolePort {
 public:
  virtual ~RolePort() = default;
  // The caller may pass the role to SageMaker, and the role trusts it. Else ValidationException or
  // AccessDeniedException.
  virtual Result<void> check_pass_role(const Context& context, const std::string& role_arn) = 0;
  // Short-lived credentials of the role, for a job.
  virtual Result<RoleCredentials> credentials(const std::string& role_arn,
                                              const std::string& session_name) = 0;
};

}  // namespace tidemill::services::sagemaker

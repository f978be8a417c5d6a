// The interface of delivery drivers; each service registers one for its kind of target ARN.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "base/error.h"

namespace tidemill::services::platform {

// One attempt to deliver a payload.
struct Attempt {
  std::string delivery_id;
  std::string account, region;
  std::string target;  // an ARN or a URL
  std::string payload;
  std::string content_type;
  // Sent along with the payload: message attributes, HTTP headers; in a dead letter, the reason.
  std::map<std::string, std::string> attributes;
  std::string role_arn;  // "": none; its permission for this was checked
  std::int64_t number = 1;
};

struct AttemptResult {
  enum class Outcome {
    delivered,
    retry,    // may succeed later: busy, unreachable, a server error
    refused,  // can never succeed: no such target, malformed request
  } outcome = Outcome::delivered;
  std::string code;     // "SDK_CLIENT_ERROR", "503", "TIMEOUT"
  std::string message;  // for the log and the dead letter
  // The earliest next attempt that the target asked for.
  std::optional<std::chrono::seconds> retry_after = {};

  static AttemptResult delivered() { return {Outcome::delivered, "", ""}; }
  static AttemptResult retry(std::string code, std::string message) {
    return {Outcome::retry, std::move(code), std::move(message)};
  }
  static AttemptResult refused(std::string code, std::string message) {
    return {Outcome::refused, std::move(code), std::move(message)};
  }
};

// Thread-safe. An attempt ends within kAttemptTimeMax, and soon after `stop` is requested.
class DeliveryDriver {
 public:
  virtual ~DeliveryDriver() = default;
  // The action that the role needs on the target, such as "sqs:SendMessage"; "" for none.
  virtual std::string action() const = 0;
  virtual AttemptResult attempt(const Attempt& attempt, const std::stop_token& stop) = 0;
};

inline constexpr std::chrono::seconds kAttemptTimeMax{30};

}  // namespace tidemill::services::platform

// How one attempt to deliver reaches a target; a service registers a driver for its kind of ARNs.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "base/error.h"

namespace tidemill::services::platform {

// One attempt.
struct Attempt {
  std::string delivery_id;
  std::string account, region;
  std::string target;  // ARN, or URL
  std::string payload;
  std::string content_type;
  // Sent beside the payload: message attributes, HTTP headers. A dead letter has its reason here.
  std::map<std::string, std::string> attributes;
  std::string role_arn;  // "" none; its right to do this was checked
  std::int64_t number = 1;
};

struct AttemptResult {
  enum class Outcome {
    delivered,
    retry,    // may go well later: busy, unreachable, an error of the server
    refused,  // will never go well: no such target, malformed
  } outcome = Outcome::delivered;
  std::string code;     // "SDK_CLIENT_ERROR", "503", "TIMEOUT"
  std::string message;  // for the log and the dead letter
  // Not before; asked by the target.
  std::optional<std::chrono::seconds> retry_after = {};

  static AttemptResult delivered() { return {Outcome::delivered, "", ""}; }
  static AttemptResult retry(std::string code, std::string message) {
    return {Outcome::retry, std::move(code), std::move(message)};
  }
  static AttemptResult refused(std::string code, std::string message) {
    return {Outcome::refused, std::move(code), std::move(message)};
  }
};

// Thread-safe. An attempt ends within kAttemptTimeMax, and soon after `stop`.
class DeliveryDriver {
 public:
  virtual ~DeliveryDriver() = default;
  // The action that the role needs on the target, such as "sqs:SendMessage"; "" if it needs none.
  virtual std::string action() const = 0;
  virtual AttemptResult attempt(const Attempt& attempt, const std::stop_token& stop) = 0;
};

inline constexpr std::chrono::seconds kAttemptTimeMax{30};

}  // namespace tidemill::services::platform

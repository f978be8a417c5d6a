// A parameterised test suite that every delivery driver must pass (driver_contract_test.cc). A
// driver's own test file adds
//
//   INSTANTIATE_TEST_SUITE_P(Http, DeliveryDriverContract, testing::Values(&make_http_harness));
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "services/platform/delivery/driver.h"

namespace tidemill::services::platform {

// A driver, and a target whose behaviour the test chooses.
class DriverHarness {
 public:
  enum class Behaviour {
    accept,
    busy,    // throttles or fails, but only for a while
    refuse,  // reports that the target does not exist or rejects the payload
    hang,    // takes the delivery and never answers
    flood,   // accepts, with an endless response
    vanish,  // closes the connection midway
    absent,  // nothing listens
  };
  virtual ~DriverHarness() = default;
  virtual DeliveryDriver& driver() = 0;
  virtual std::string target() = 0;
  virtual void behave(Behaviour behaviour) = 0;
  // The payloads that the target accepted, in order.
  virtual std::vector<std::string> accepted() = 0;
};

class DeliveryDriverContract
    : public testing::TestWithParam<std::function<std::unique_ptr<DriverHarness>()>> {
 protected:
  DeliveryDriverContract() : harness_(GetParam()()) {}
  AttemptResult attempt(const std::string& payload, const std::stop_token& stop = {}) {
    Attempt attempt;
    attempt.delivery_id = "d-1";
    attempt.account = "123456789012";
    attempt.region = "us-east-1";
    attempt.target = harness_->target();
    attempt.payload = payload;
    attempt.content_type = "application/json";
    return harness_->driver().attempt(attempt, stop);
  }
  std::unique_ptr<DriverHarness> harness_;
};

}  // namespace tidemill::services::platform

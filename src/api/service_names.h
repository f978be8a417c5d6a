// The common name of every AWS service, implemented or not, for messages.
#pragma once

#include <span>
#include <string_view>

namespace tidemill::api {

struct ServiceName {
  std::string_view name;           // "Application Auto Scaling"
  std::string_view target_prefix;  // X-Amz-Target prefix: "AnyScaleFrontendService"; may be empty
  std::string_view signing_name;   // "application-autoscaling"
};

// Does not change while the program runs; ordered by name.
std::span<const ServiceName> service_names();

// Finds a service by its name in a request: the target's prefix or the signing name. "" when there
// is none.
std::string_view service_called(std::string_view in_request);

}  // namespace tidemill::api

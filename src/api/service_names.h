// What people call every AWS service, here or not, for messages.
#pragma once

#include <span>
#include <string_view>

namespace tidemill::api {

struct ServiceName {
  std::string_view name;           // "Application Auto Scaling"
  std::string_view target_prefix;  // of X-Amz-Target: "AnyScaleFrontendService"; may be empty
  std::string_view signing_name;   // "application-autoscaling"
};

// Constant for the whole run, ordered by name.
std::span<const ServiceName> service_names();

// The name of the service that a request calls so: by its target's prefix, or by what it is signed
// for. "" when no service is called so.
std::string_view service_called(std::string_view in_request);

}  // namespace tidemill::api

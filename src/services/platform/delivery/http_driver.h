// Delivery over HTTP and HTTPS: endpoints of subscriptions, API destinations.
#pragma once

#include <functional>
#include <memory>

#include "services/platform/delivery/driver.h"

namespace tidemill::services::platform {

struct HttpTarget {
  std::string url;  // http:// or https://
  std::string method = "POST";
  std::map<std::string, std::string> headers;
};

struct HttpDriverOptions {
  // Turns an attempt's target into a URL and headers; by default the target is the URL.
  std::function<Result<HttpTarget>(const Attempt&)> resolve;
  std::string action;  // that the role needs: "events:InvokeApiDestination"
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds timeout{5'000};  // of one attempt; the same as EventBridge's
  // No more than this is read of a response; the status decides how the attempt ended.
  std::size_t response_bytes_max = 64u << 10;
  // A file of trusted certificate authorities; "": the system's.
  std::string authorities;
  // Connections kept open for later attempts, each usable for the target it was made for.
  std::size_t connections_idle_max = 32;
};

// Verifies certificates and host names. Redirects are not followed: a 3xx counts as refused. A 2xx
// status is delivered; 408, 409, 425, 429, 5xx and network failures are retried; everything else is
// refused. Any address may be a target, including those of this host and its network: the server
// serves its owner, and whoever may create targets is trusted with everything that the server can
// reach (docs/security.md).
std::unique_ptr<DeliveryDriver> make_http_driver(HttpDriverOptions options = {});

}  // namespace tidemill::services::platform

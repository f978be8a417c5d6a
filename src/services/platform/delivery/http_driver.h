// Delivery over HTTP and HTTPS: subscriptions' endpoints, API destinations.
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
  // Translates an attempt's target to a URL and headers; by default the target is the URL.
  std::function<Result<HttpTarget>(const Attempt&)> resolve;
  std::string action;  // of the role: "events:InvokeApiDestination"
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds timeout{5'000};  // of an attempt; EventBridge's
  // More of an answer than this is not read; the attempt counts as its status says.
  std::size_t response_bytes_max = 64u << 10;
  // File of certificate authorities to trust; "": the system's.
  std::string authorities;
  // Connections that are kept open for the next attempts, each to the target it was made for.
  std::size_t connections_idle_max = 32;
};

// Certificates and host names are verified. Redirects are not followed: a 3xx is refused. Statuses
// 2xx are delivered; 408, 409, 425, 429 and 5xx are retried, as are failures of the network; the
// others are refused. Any address may be a target, those of this host and its network included: the
// server is its owner's, and whoever may make targets is trusted with what it reaches
// (docs/security.md).
std::unique_ptr<DeliveryDriver> make_http_driver(HttpDriverOptions options = {});

}  // namespace tidemill::services::platform

// Tidemill's own paths, besides the services' paths: /_tidemill/health, /_tidemill/metrics, and
// /_tidemill/credentials/<holder>, where jobs and model servers fetch their role's credentials.
#pragma once

#include <functional>
#include <string>

#include "runtime/worker_pool.h"
#include "services/iam/interface.h"
#include "services/platform/metrics/metrics.h"
#include "wire/http.h"

namespace tidemill::server {

struct OwnPathsParts {
  const services::platform::MetricRegistry& metrics;
  services::iam::IamInterface& iam;
  runtime::WorkerPool& workers;
  // Why the server cannot store anything, "" when it can; an empty function: it always can.
  std::function<std::string()> trouble = {};
};

// Thread-safe.
class OwnPaths {
 public:
  // Borrowed parts must outlive this object.
  explicit OwnPaths(OwnPathsParts parts) : parts_(std::move(parts)) {}

  static bool takes(const wire::HttpRequest& request) {
    return request.path.starts_with("/_tidemill/");
  }
  // Call on an event-loop thread; answers at once or from a worker.
  void handle(const wire::HttpRequest& request, wire::HttpHandler::Respond respond);

 private:
  wire::HttpResponse health() const;
  void give_credentials(const wire::HttpRequest& request, wire::HttpHandler::Respond respond);

  OwnPathsParts parts_;
};

}  // namespace tidemill::server

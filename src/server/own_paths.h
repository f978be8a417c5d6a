// Tidemill's own paths, beside those of the services: /_tidemill/health, /_tidemill/metrics, and
// /_tidemill/credentials/<holder>, where jobs and model servers fetch their role's credentials.
#pragma once

#include <functional>
#include <string>

#include "runtime/worker_pool.h"
#include "server/metrics.h"
#include "services/iam/interface.h"
#include "wire/http.h"

namespace tidemill::server {

struct OwnPathsParts {
  Metrics& metrics;
  services::iam::IamInterface& iam;
  runtime::WorkerPool& workers;
  // Text after the metrics of requests; empty: none.
  std::function<std::string()> further_metrics;
  // Why the server can store nothing any more, "" when it can; empty: it always can.
  std::function<std::string()> trouble = {};
};

// Thread-safe.
class OwnPaths {
 public:
  // What is borrowed outlives this.
  explicit OwnPaths(OwnPathsParts parts) : parts_(std::move(parts)) {}

  static bool takes(const wire::HttpRequest& request) {
    return request.path.starts_with("/_tidemill/");
  }
  // On an event-loop thread; answers now or from a worker.
  void handle(const wire::HttpRequest& request, wire::HttpHandler::Respond respond);

 private:
  wire::HttpResponse health() const;
  void give_credentials(const wire::HttpRequest& request, wire::HttpHandler::Respond respond);

  OwnPathsParts parts_;
};

}  // namespace tidemill::server

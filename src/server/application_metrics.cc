// What the parts of the server count, as text of /_tidemill/metrics.
#include "server/application_parts.h"

namespace tidemill::server {

std::string Application::Parts::further_metrics() const {
  const wire::HttpServerCounters& counters = http->counters();
  auto gauge = [](const char* name, const char* kind, std::uint64_t value) {
    return std::string("# TYPE ") + name + " " + kind + "\n" + name + " " + std::to_string(value) +
           "\n";
  };
  const blobs::BlobStatistics stored = blobs->statistics();
  return gauge("tidemill_blobs_quarantine_files", "gauge", stored.quarantine_files) +
         gauge("tidemill_blobs_quarantine_bytes", "gauge", stored.quarantine_bytes) +
         gauge("tidemill_blobs_foreign", "gauge", blobs->why_not_collected().empty() ? 0 : 1) +
         gauge("tidemill_blobs_damaged_collections", "gauge", stored.damaged_collections) +
         gauge("tidemill_http_connections_accepted_total", "counter",
               counters.connections_accepted) +
         gauge("tidemill_http_connections_refused_total", "counter", counters.connections_refused) +
         gauge("tidemill_http_connections_shed_total", "counter", counters.connections_shed) +
         gauge("tidemill_http_connections_active", "gauge", counters.connections_active) +
         gauge("tidemill_http_bad_requests_total", "counter", counters.requests_bad) +
         gauge("tidemill_http_received_bytes_total", "counter", counters.bytes_received) +
         gauge("tidemill_http_sent_bytes_total", "counter", counters.bytes_sent) +
         gauge("tidemill_workers_running", "gauge", workers->running()) +
         gauge("tidemill_workers_waiting", "gauge", workers->waiting()) +
         gauge("tidemill_workers_rejected_total", "counter", workers->rejected()) +
         gauge("tidemill_held_answers", "gauge", held->held()) + tunnels->metrics_text() +
         inference->counters().metrics_text() + recorder->metrics_text() +
         asynchronous->metrics_text() + health->counters.metrics_text() +
         transform_jobs->counters().metrics_text() + outbox->metrics_text() +
         training_counts->metrics_text() + deliveries->metrics_text() + schedules->metrics_text();
}

}  // namespace tidemill::server

// Registers what the server's parts below the services count.
#include "server/application_parts.h"

namespace tidemill::server {
namespace {

using services::platform::MetricKind;
using services::platform::MetricRegistry;
using services::platform::MetricSample;
using services::platform::MetricSpec;

void add_connections(MetricRegistry& metrics, const wire::HttpServerCounters& counters) {
  using services::platform::reading;
  metrics.add({.name = "tidemill_http_connections_accepted_total", .help = "Connections taken."},
              reading(counters.connections_accepted));
  metrics.add(
      {.name = "tidemill_http_connections_refused_total", .help = "Connections beyond the limit."},
      reading(counters.connections_refused));
  metrics.add({.name = "tidemill_http_connections_shed_total",
               .help = "Idle connections closed to make room."},
              reading(counters.connections_shed));
  metrics.add({.name = "tidemill_http_connections_active",
               .kind = MetricKind::gauge,
               .help = "Open connections."},
              reading(counters.connections_active));
  metrics.add({.name = "tidemill_http_bad_requests_total", .help = "Messages that are not HTTP."},
              reading(counters.requests_bad));
  metrics.add({.name = "tidemill_http_received_bytes_total", .help = "Bytes from clients."},
              reading(counters.bytes_received));
  metrics.add({.name = "tidemill_http_sent_bytes_total", .help = "Bytes to clients."},
              reading(counters.bytes_sent));
}

void add_blobs(MetricRegistry& metrics, const blobs::BlobOwners& blobs) {
  const auto gauge = [&](const char* name, const char* help,
                         std::function<double(const blobs::BlobStatistics&)> read) {
    metrics.add({.name = name, .kind = MetricKind::gauge, .help = help},
                [&blobs, read = std::move(read)] { return read(blobs.statistics()); });
  };
  using Statistics = blobs::BlobStatistics;
  gauge("tidemill_blobs_quarantine_files", "Garbage that is kept for a while.",
        [](const Statistics& now) { return double(now.quarantine_files); });
  gauge("tidemill_blobs_quarantine_bytes", "The size of that garbage.",
        [](const Statistics& now) { return double(now.quarantine_bytes); });
  metrics.add({.name = "tidemill_blobs_foreign",
               .kind = MetricKind::gauge,
               .help = "1 when blobs are not collected, since they may be another database's."},
              [&blobs] { return blobs.why_not_collected().empty() ? 0.0 : 1.0; });
  gauge("tidemill_blobs_damaged_collections", "Collections given up because of damaged records.",
        [](const Statistics& now) { return double(now.damaged_collections); });
}

void add_workers(MetricRegistry& metrics, const runtime::WorkerPool& workers) {
  metrics.add({.name = "tidemill_workers_running",
               .kind = MetricKind::gauge,
               .help = "Threads that run handlers."},
              [&workers] { return double(workers.running()); });
  metrics.add({.name = "tidemill_workers_waiting",
               .kind = MetricKind::gauge,
               .help = "Requests that wait for a thread that runs handlers."},
              [&workers] { return double(workers.waiting()); });
  metrics.add({.name = "tidemill_workers_rejected_total",
               .help = "Requests refused because too many waited for a thread."},
              [&workers] { return double(workers.rejected()); });
}

void add_tunnels(MetricRegistry& metrics, const std::unique_ptr<wire::Tunnels>& tunnels) {
  using wire::TunnelCounts;
  const auto add = [&](MetricSpec spec, std::uint64_t TunnelCounts::* member) {
    metrics.add(spec, [&tunnels, member] { return double(tunnels->counts().*member); });
  };
  add({.name = "tidemill_tunnels_active",
       .kind = MetricKind::gauge,
       .help = "Tunnels to other hosts."},
      &TunnelCounts::active);
  add({.name = "tidemill_tunnels_opened_total", .help = "Tunnels opened."}, &TunnelCounts::opened);
  add({.name = "tidemill_tunnels_refused_total", .help = "Tunnels refused."},
      &TunnelCounts::refused);
  add({.name = "tidemill_tunnels_bytes_total", .help = "Bytes that went through tunnels."},
      &TunnelCounts::bytes);
}

void add_events(MetricRegistry& metrics, const engine::Outbox& outbox) {
  using State = engine::Outbox::ReaderState;
  metrics.add(
      {.name = "tidemill_events_published_total", .help = "Events committed to the outbox."},
      [&outbox] { return double(outbox.state().published); });
  const auto rows = [&](MetricSpec spec, std::uint64_t State::* member) {
    metrics.add_family(spec, [&outbox, member] {
      std::vector<MetricSample> samples;
      for (const State& reader : outbox.state().readers)
        samples.push_back({{{"reader", reader.name}}, double(reader.*member)});
      return samples;
    });
  };
  rows({.name = "tidemill_event_reader_lag",
        .kind = MetricKind::gauge,
        .help = "Events that a reader has not taken yet."},
       &State::lag);
  rows({.name = "tidemill_event_reader_taken_total", .help = "Events that a reader has taken."},
       &State::taken);
  rows({.name = "tidemill_event_reader_lost_total",
        .help = "Events removed unread because the reader lagged too far behind."},
       &State::lost);
  rows({.name = "tidemill_event_reader_failures_total", .help = "Failed attempts of a reader."},
       &State::failures);
}

void add_turns(MetricRegistry& metrics, const services::platform::Sweeps& sweeps) {
  using State = services::platform::Sweeps::State;
  const auto rows = [&](MetricSpec spec, std::function<double(const State&)> read) {
    metrics.add_family(spec, [&sweeps, read = std::move(read)] {
      std::vector<MetricSample> samples;
      for (const State& sweep : sweeps.states())
        samples.push_back({{{"sweep", sweep.name}}, read(sweep)});
      return samples;
    });
  };
  rows({.name = "tidemill_sweep_runs_total", .help = "Turns of periodic work."},
       [](const State& sweep) { return double(sweep.runs); });
  rows({.name = "tidemill_sweep_failures_total", .help = "Turns of periodic work that failed."},
       [](const State& sweep) { return double(sweep.failures); });
  rows({.name = "tidemill_sweep_seconds_total",
        .help = "The time that turns of periodic work took."},
       [](const State& sweep) { return double(sweep.took.count()) / 1e9; });
}

}  // namespace

void Application::Parts::add_metrics() {
  add_blobs(metrics, *blobs);
  add_connections(metrics, http->counters());
  add_workers(metrics, *workers);
  metrics.add({.name = "tidemill_held_answers",
               .kind = MetricKind::gauge,
               .help = "Answers that wait for a change."},
              [this] { return double(held->held()); });
  add_tunnels(metrics, tunnels);
  add_events(metrics, *outbox);
  deliveries->add_to(metrics);
  schedules->add_to(metrics);
  add_turns(metrics, *sweeps);
}

}  // namespace tidemill::server

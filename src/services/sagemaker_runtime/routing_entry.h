// A route with the counters that balance its load, as invocations use it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "services/sagemaker_runtime/instance_load.h"
#include "services/sagemaker_runtime/interface.h"

namespace tidemill::services::sagemaker_runtime {

struct RoutingTable::Entry {
  // Continues the counters of `before`, the entry that this one replaces; null: none.
  explicit Entry(EndpointRoute from, const Entry* before = nullptr);

  struct Variant {
    const VariantRoute* route;
    // For a production variant, the end of its part of the cumulative shares; for a shadow, the
    // share of requests it gets copies of. In (0, 1].
    double share;
    // Both are shared with the previous and the next entry, so that requests in progress count in
    // whichever entry they began.
    std::vector<std::shared_ptr<InstanceLoad>> instances;
    std::shared_ptr<std::atomic<int>> in_flight_total;
    mutable std::atomic<std::uint64_t> turn = 0;
    Variant(const VariantRoute& from, double of_shares);
    Variant(Variant&& other) noexcept;

    // -1 when no ready instance is left besides those in `except`.
    int least_busy(std::span<const int> except = {}) const;
    // Random; instances that refused a connection recently are left out.
    int by_chance() const;
    // The same instance for the same session while it exists (rendezvous hashing).
    int of_session(std::string_view session) const;
    int named(std::string_view log_stream) const;
    void take_over(const Variant& before);
  };

  // By weight; nullptr when all weights are 0.
  const Variant* choose() const;
  // By weight; the same variant for the same session.
  const Variant* of_session(std::string_view session) const;
  // By name; between two of the same name by weight.
  const Variant* find(std::string_view name) const;
  // An inference component by name; between two of the same name by weight.
  const Variant* find_component(std::string_view name) const;

  EndpointRoute endpoint;
  std::vector<Variant> variants;
  std::vector<Variant> components;
  std::vector<Variant> shadows;
  bool for_components = false;  // the variants have no models of their own
  mutable std::atomic<std::uint64_t> turn = 0;

 private:
  const Variant* at(double point) const;
  const Variant* among(const std::vector<Variant>& all, std::string VariantRoute::* title,
                       std::string_view wanted) const;
};

// In [0, 1): the next point of a low-discrepancy sequence, so that shares are nearly exact over any
// run.
double next_point(std::atomic<std::uint64_t>& turn);

}  // namespace tidemill::services::sagemaker_runtime

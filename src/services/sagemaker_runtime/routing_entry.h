// A route as invocations use it: with the counters that balance them.
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
  // Goes on counting where `before` is, the entry that this one replaces; null: none.
  explicit Entry(EndpointRoute from, const Entry* before = nullptr);

  struct Variant {
    const VariantRoute* route;
    // Of a production variant the end of its part of the cumulative shares, of a shadow the share
    // of requests that it gets a copy of; in (0, 1].
    double share;
    // Shared, both: with the entry before and the one after, so that what is under way counts on
    // whichever of them it began.
    std::vector<std::shared_ptr<InstanceLoad>> instances;
    std::shared_ptr<std::atomic<int>> in_flight_total;
    mutable std::atomic<std::uint64_t> turn = 0;
    Variant(const VariantRoute& from, double of_shares);
    Variant(Variant&& other) noexcept;

    // -1 when there is no instance that is ready and not among `except`.
    int least_busy(std::span<const int> except = {}) const;
    // Every instance that refused nothing a moment ago has its share.
    int by_chance() const;
    // The same for the same session while that instance is there (rendezvous hashing).
    int of_session(std::string_view session) const;
    int named(std::string_view log_stream) const;
    void take_over(const Variant& before);
  };

  // By weight; nullptr when every weight is 0.
  const Variant* choose() const;
  // By weight, the same for the same session.
  const Variant* of_session(std::string_view session) const;
  // By name; among two of that name by weight.
  const Variant* find(std::string_view name) const;
  // An inference component by name; among two of that name by weight.
  const Variant* find_component(std::string_view name) const;

  EndpointRoute endpoint;
  std::vector<Variant> variants;
  std::vector<Variant> components;
  std::vector<Variant> shadows;
  bool for_components = false;  // its variants have no models of their own
  mutable std::atomic<std::uint64_t> turn = 0;

 private:
  const Variant* at(double point) const;
  const Variant* among(const std::vector<Variant>& all, std::string VariantRoute::* title,
                       std::string_view wanted) const;
};

// In [0, 1): the next of a low-discrepancy sequence, so that shares are close to exact over any
// run.
double next_point(std::atomic<std::uint64_t>& turn);

}  // namespace tidemill::services::sagemaker_runtime

// A route as invocations use it: with the counters that balance them.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>
#include <vector>

#include "services/sagemaker_runtime/interface.h"

namespace tidemill::services::sagemaker_runtime {

struct RoutingTable::Entry {
  explicit Entry(EndpointRoute from);

  struct Variant {
    const VariantRoute* route;
    double share_end;                                 // of the cumulative shares, in (0, 1]
    mutable std::vector<std::atomic<int>> in_flight;  // one an instance
    Variant(const VariantRoute& from, double end);
  };

  // By weight; nullptr when every weight is 0.
  const Variant* choose() const;
  const Variant* find(std::string_view name) const;
  // The index of the instance with the fewest requests under way; -1 when there is none.
  static int least_busy(const Variant& variant);

  EndpointRoute endpoint;
  std::vector<Variant> variants;
  mutable std::atomic<std::uint64_t> turn = 0;
};

}  // namespace tidemill::services::sagemaker_runtime

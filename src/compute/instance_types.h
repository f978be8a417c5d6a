// The machine-learning instance types for jobs and endpoints, with their sizes and list prices, and
// how much of each this machine can grant.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tidemill::compute {

// Whether a price is SageMaker's own or derived from EC2's (see instance_types_data.cc).
enum class PriceBasis { unknown, listed, derived };

struct InstanceType {
  std::string_view name;  // "ml.m5.xlarge"
  int vcpus = 0;
  double memory_gib = 0;
  int gpus = 0;
  std::string_view gpu;         // "NVIDIA A10G", "" for none
  double usd_an_hour = 0;       // on demand, us-east-1; 0: not known
  double usd_an_hour_spot = 0;  // an estimate: there is no price list for managed spot
  PriceBasis price_basis = PriceBasis::unknown;
};

// Ordered by name.
std::span<const InstanceType> instance_types();
// nullptr when there is no type with that name.
const InstanceType* find_instance_type(std::string_view name);
// Tidemill.Invalid with a message that lists the nearest names.
Result<const InstanceType*> check_instance_type(std::string_view name);

// Resources that a job on this instance type may use here: those of the instance, or of this
// machine if they are smaller.
struct ResourceLimits {
  std::uint64_t memory_bytes_max = 0;
  double cpus_max = 0;
};
ResourceLimits limits_on_this_machine(const InstanceType& type);

}  // namespace tidemill::compute

#include "compute/instance_types.h"

#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace tidemill::compute {

namespace {

// Levenshtein distance.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

const InstanceType* find_instance_type(std::string_view name) {
  const auto all = instance_types();
  auto found = std::lower_bound(
      all.begin(), all.end(), name,
      [](const InstanceType& type, std::string_view wanted) { return type.name < wanted; });
  return found != all.end() && found->name == name ? &*found : nullptr;
}

Result<const InstanceType*> check_instance_type(std::string_view name) {
  if (const InstanceType* found = find_instance_type(name)) return found;
  std::vector<std::pair<std::size_t, std::string_view>> near;
  for (const InstanceType& type : instance_types())
    near.emplace_back(edit_distance(name, type.name), type.name);
  constexpr std::size_t kNamesListed = 5;
  std::partial_sort(near.begin(), near.begin() + kNamesListed, near.end());
  std::string message = "There is no instance type '" + std::string(name) + "' here. Near names: ";
  for (std::size_t i = 0; i < kNamesListed; ++i)
    message += (i ? ", " : "") + std::string(near[i].second);
  return fail(codes::kInvalid, message + ".");
}

ResourceLimits limits_on_this_machine(const InstanceType& type) {
  const double cpus = static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN));
  const double bytes =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  constexpr double kGib = 1024.0 * 1024 * 1024;
  return {static_cast<std::uint64_t>(std::min(bytes, type.memory_gib * kGib)),
          std::min(cpus, double(type.vcpus))};
}

}  // namespace tidemill::compute

#include "runtime/time_slice.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace tidemill::runtime {
namespace {

constexpr std::uint64_t kSliceNanoseconds = 100'000;

// The first version of the kernel's struct sched_attr; the C library's headers lack it.
struct SchedAttributes {
  std::uint32_t size, policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime, deadline, period;
};
static_assert(sizeof(SchedAttributes) == 48);

}  // namespace

void prefer_short_slices() {
  SchedAttributes attributes{};
  if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
  attributes.size = sizeof attributes;
  attributes.runtime = kSliceNanoseconds;
  // Only a hint: if it is refused, nothing changes.
  (void)::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace tidemill::runtime

// From a JobSpec, which names volumes and runtimes, to a ProcessSpec, which has this machine's
// paths.
#pragma once

#include <string>

#include "base/error.h"
#include "compute/process/process_compute.h"
#include "compute/process/process_spec.h"

namespace tidemill::compute {

// The inputs of a plan besides the spec.
struct PlanContext {
  const ProcessOptions& options;
  const Volumes& volumes;
  // Jobs see their mounts at their destinations. Otherwise they see the host's paths, and the plan
  // puts those in place of the destinations.
  bool own_view = false;
};

// Tidemill.Invalid, with its name, for what this driver cannot do.
Result<ProcessSpec> plan_process(const JobSpec& spec, const PlanContext& context);

// Makes the place in a volume at which another one is mounted below it: a folder, or without a view
// of the job's own a link to the other volume.
Result<void> make_mount_points(const JobSpec& spec, const PlanContext& context);

}  // namespace tidemill::compute

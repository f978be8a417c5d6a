#include "compute/compute.h"

namespace tidemill::compute {

TIDEMILL_RECORD_CODEC(Mount)
TIDEMILL_RECORD_CODEC(JobSpec)
TIDEMILL_RECORD_CODEC(JobExit)
TIDEMILL_RECORD_CODEC(Isolation)

}  // namespace tidemill::compute

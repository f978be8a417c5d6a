#include "compute/job.h"

namespace tidemill::compute {

TIDEMILL_RECORD_CODEC(JobExit)
TIDEMILL_RECORD_CODEC(Isolation)

}  // namespace tidemill::compute

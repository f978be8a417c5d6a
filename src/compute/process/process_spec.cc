#include "compute/process/process_spec.h"

namespace tidemill::compute {

TIDEMILL_RECORD_CODEC(Mount)
TIDEMILL_RECORD_CODEC(ProcessSpec)

}  // namespace tidemill::compute

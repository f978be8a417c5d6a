// Registers handlers with the errors of the layers below mapped to S3's.
#pragma once

#include "services/platform/handlers/handlers.h"
#include "services/s3/common/core.h"
#include "services/s3/common/errors.h"

namespace tidemill::services::s3 {

// handler: Result<Op::Output>(Core&, Context&, const Op::Input&)
template <class Op, class Handler>
void add(Registry& registry, Core& core, Handler handler) {
  registry.add<Op>(
      [&core, handler](Context& context,
                       const typename Op::Input& input) -> Result<typename Op::Output> {
        Result<typename Op::Output> output = handler(core, context, input);
        if (!output) return fail(to_s3_error(std::move(output).error()));
        return output;
      });
}

}  // namespace tidemill::services::s3

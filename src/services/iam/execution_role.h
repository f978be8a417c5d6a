// The role that notebooks and their jobs act as, made at the first start, so that
// get_execution_role() of SageMaker's SDKs has something to return.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "services/iam/state.h"

namespace tidemill::services::iam {

inline constexpr std::string_view kExecutionRolePath = "/service-role/";
inline constexpr std::string_view kExecutionRoleName = "AmazonSageMaker-ExecutionRole-Tidemill";

// The role's permissions: SageMaker, the data in S3, SageMaker's logs, metrics and images, network
// interfaces of jobs; of IAM only reading and passing itself.
std::string execution_role_policy(std::string_view account);

// Once in a data folder's life: a role that the user changed or deleted stays as the user left it.
// Durable before it returns.
Result<void> make_execution_role(State& state, std::string_view account);

}  // namespace tidemill::services::iam

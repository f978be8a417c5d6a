// The resources that the operations of a service name, as canonical ARNs.
#pragma once

#include "services/iam/authorization/authorize.h"

namespace tidemill::services::iam {

std::string text_member(const Value& input, std::string_view name);
std::string make_arn(std::string_view service, std::string_view region, std::string_view account,
                     std::string_view resource);

// By the rules of api/authorization.h. ValidationException for a foreign or malformed ARN.
Result<std::vector<RequiredAction>> sagemaker_actions(const OperationCall& call);
// InvalidParameterException, ResourceNotFoundException.
Result<std::vector<RequiredAction>> logs_actions(const OperationCall& call);
// CloudTrailARNInvalidException.
Result<std::vector<RequiredAction>> cloudtrail_actions(const OperationCall& call);
// InvalidInput.
Result<std::vector<RequiredAction>> iam_actions(const OperationCall& call,
                                                const EntityFinder& find_entity);

}  // namespace tidemill::services::iam

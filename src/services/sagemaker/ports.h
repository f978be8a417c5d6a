// Superseded: include services/sagemaker/dependencies.h and use s3::S3Interface, iam::IamInterface
// and logs::LogsInterface directly (list_objects pages; check_pass_role(context, arn,
// kServicePrincipal)).
#pragma once

#include "services/sagemaker/dependencies.h"

namespace tidemill::services::sagemaker {

using ObjectPort = s3::S3Interface;
using RolePort = iam::IamInterface;
using LogPort = logs::LogsInterface;

}  // namespace tidemill::services::sagemaker

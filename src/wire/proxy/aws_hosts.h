// Which host names are AWS's, so that a server that stands for AWS answers them itself.
#pragma once

#include <span>
#include <string_view>

namespace tidemill::wire {

// The domains below which AWS's APIs have their names: "amazonaws.com", "api.aws", ...
std::span<const std::string_view> aws_domains();
// "sts.amazonaws.com", "bucket.s3.us-east-1.amazonaws.com", "s3.us-east-1.api.aws"; without a port,
// in any case. Names that are no valid host names are not AWS's.
bool is_aws_host(std::string_view host);

}  // namespace tidemill::wire

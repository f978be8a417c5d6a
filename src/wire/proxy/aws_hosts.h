// Tells which host names are AWS's, so that the server can answer for them.
#pragma once

#include <span>
#include <string_view>

namespace tidemill::wire {

// The domains of AWS's APIs: "amazonaws.com", "api.aws", ...
std::span<const std::string_view> aws_domains();
// "sts.amazonaws.com", "bucket.s3.us-east-1.amazonaws.com", "s3.us-east-1.api.aws"; without a port,
// in any case. False for names that are not valid host names.
bool is_aws_host(std::string_view host);

}  // namespace tidemill::wire

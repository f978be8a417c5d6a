// Which names a bucket may have ("General purpose bucket naming rules").
#pragma once

#include <string_view>

namespace tidemill::services::s3 {

bool is_valid_bucket_name(std::string_view name);

}  // namespace tidemill::services::s3

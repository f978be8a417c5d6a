// `tidemill images`
#pragma once

#include <string>

namespace tidemill::server {

// Known repository names with what trains and serves each: a table for people, or JSON.
std::string images_text(bool as_json);

}  // namespace tidemill::server

// `tidemill images`
#pragma once

#include <string>

namespace tidemill::server {

// Each known repository name with what trains and what serves it: a table for people, or JSON.
std::string images_text(bool as_json);

}  // namespace tidemill::server

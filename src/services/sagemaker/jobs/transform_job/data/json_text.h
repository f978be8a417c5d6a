// JSON documents as text: parts are found and handed on as they stand, so that numbers keep their
// digits and strings their escapes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tidemill::services::sagemaker::jobs {

// One document, white space around it allowed. Tidemill.Invalid says at which byte it goes wrong.
Result<void> check_json(std::string_view text);

// All below are for checked text.
bool is_json_object(std::string_view text);
bool is_json_array(std::string_view text);

struct JsonMember {
  std::string name;         // unescaped
  std::string_view quoted;  // as it stands
  std::string_view value;
};
std::vector<JsonMember> json_members(std::string_view object);
std::vector<std::string_view> json_elements(std::string_view array);

// Without the white space between tokens, so that it fits a line.
void append_compact_json(std::string_view text, std::string& out);

std::string_view trim_white_space(std::string_view text);

}  // namespace tidemill::services::sagemaker::jobs

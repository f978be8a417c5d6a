// Only the operator may see where the server keeps its files: messages to clients say "<data>", and
// the log has the path.
#pragma once

#include <string>
#include <string_view>

namespace tidemill {

// "open /srv/tidemill/blobs/1: ..." becomes "open <data>/blobs/1: ..." when the folder is
// "/srv/tidemill". An empty folder hides nothing.
inline std::string hide_folder(std::string text, std::string_view folder) {
  constexpr std::string_view kShown = "<data>";
  if (folder.empty() || folder == "/") return text;
  for (std::size_t at = 0; (at = text.find(folder, at)) != std::string::npos; at += kShown.size())
    text.replace(at, folder.size(), kShown);
  return text;
}

}  // namespace tidemill

// Folders that user code made: walked and removed however deep they are, without following links.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <functional>
#include <string>

#include "base/error.h"

namespace tidemill {

struct TreeEntry {
  int folder;               // an open descriptor of the folder that the entry lies in
  const char* name;         // in that folder, for the *at() system calls
  const std::string& path;  // below the root: "a/b/name"
  std::size_t depth;        // of an entry of the root itself: 1
  const struct stat& status;
};

// Visits everything below the folder, each folder before what lies in it. Entries that vanish
// meanwhile are left out. Tidemill.Conflict when a folder on the way is moved meanwhile. Paths may
// be longer than the system takes in one call; few descriptors are open whatever the depth.
Result<void> walk_tree(const std::string& root,
                       const std::function<Result<void>(const TreeEntry&)>& visit);

// Removes the folder (or file) with everything below it. Idempotent: nothing there is no error.
// Nobody else may write below it any more.
Result<void> remove_tree(const std::string& path);

}  // namespace tidemill

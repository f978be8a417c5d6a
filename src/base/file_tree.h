// Walks and removes folders made by user code, at any depth, without following links.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <functional>
#include <string>

#include "base/error.h"

namespace tidemill {

struct TreeEntry {
  int folder;               // open descriptor of the entry's folder
  const char* name;         // in that folder, for the *at() system calls
  const std::string& path;  // below the root: "a/b/name"
  std::size_t depth;        // 1 for an entry of the root itself
  const struct stat& status;
};

// Visits everything below the folder, each folder before its entries. Skips entries that vanish
// meanwhile. Tidemill.Conflict when a folder on the path is moved meanwhile. Paths may be longer
// than the system accepts in one call; few descriptors are open at any depth.
Result<void> walk_tree(const std::string& root,
                       const std::function<Result<void>(const TreeEntry&)>& visit);

// Removes the folder (or file) with everything below it. Idempotent: a missing path is not an
// error. Nobody else may write below it during the call.
Result<void> remove_tree(const std::string& path);

}  // namespace tidemill

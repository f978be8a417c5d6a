#include "store/invariant.h"

#include <cstdlib>

#include "base/log.h"
#include "store/table.h"

namespace tidemill::store {

void end_with_broken_invariant(std::string_view table, std::string_view key,
                               std::string_view reason) {
  std::string shown;
  for (const std::string& part : split_key(key)) shown += (shown.empty() ? "" : "/") + part;
  log::error("a record breaks its invariant: the server ends before it is stored",
             {{"table", table}, {"record", shown}, {"reason", reason}});
  std::abort();
}

}  // namespace tidemill::store

// Handles records that cannot be read.
#include "base/log.h"
#include "store/table.h"

namespace tidemill::store {

namespace {
constexpr std::size_t kShownKeyBytesMax = 300;

std::string shown(std::string_view key) {
  std::string text(key.substr(0, kShownKeyBytesMax));
  for (char& byte : text)
    if (byte == '\x1f') byte = '/';
  return text;
}
}  // namespace

Error damaged_record(std::string_view table, std::string_view key, const Error& reason) {
  std::string message = "The record ";
  if (!key.empty()) message += "'" + shown(key) + "' ";
  message.append("of table ").append(table).append(" in the state database is damaged: ");
  message += reason.message + ". Bring state/ back from a backup, or delete what it describes.";
  return {codes::kCorrupt, std::move(message), 500};
}

void log_skipped_record(const Error& damaged) {
  log::error("a damaged record was left out", {{"reason", damaged.message}});
}

}  // namespace tidemill::store

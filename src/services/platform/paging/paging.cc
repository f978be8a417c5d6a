#include "services/platform/paging/paging.h"

#include "base/encoding.h"

namespace tidemill::services::platform {

std::string page_token(std::string_view position) { return encode_base64(position); }

Result<std::string> page_position(const std::optional<std::string>& token,
                                  const std::unexpected<Error>& refusal) {
  if (!token) return std::string();
  Result<std::string> position = decode_base64(*token);
  if (!position || position->empty()) return refusal;
  return position;
}

}  // namespace tidemill::services::platform

#include "base/describe.h"

#include "base/encoding.h"

namespace tidemill {

Result<void> from_value(const Value& in, Blob& out) {
  if (const Blob* blob = in.get_if<Blob>()) {
    out = *blob;
    return {};
  }
  const std::string* text = in.as_string();
  if (!text) return detail::wrong_kind("base64 text");
  out.bytes = TRY(decode_base64(*text));
  return {};
}

}  // namespace tidemill

// Times as S3 shows them.
#pragma once

#include "base/value.h"

namespace tidemill::services::s3 {

// Documents have whole seconds, as the Last-Modified header does; so both compare equal.
inline Timestamp whole_seconds(Timestamp time) {
  constexpr std::int64_t kSecondMicroseconds = 1'000'000;
  return {time.microseconds / kSecondMicroseconds * kSecondMicroseconds};
}

}  // namespace tidemill::services::s3

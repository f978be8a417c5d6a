// Small helpers around OpenSSL's C interface, for .cc files that include its headers themselves.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tidemill {

// Calls OpenSSL's own function: OpenSslFree<EVP_PKEY_free>.
template <auto Free>
struct OpenSslFree {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <class T, auto Free>
using OpenSslPointer = std::unique_ptr<T, OpenSslFree<Free>>;

// Tidemill.Io. `deed` continues "OpenSSL cannot ": "sign".
inline std::unexpected<Error> openssl_error(std::string_view deed) {
  return fail(codes::kIo, "OpenSSL cannot " + std::string(deed));
}

inline const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
inline unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

}  // namespace tidemill

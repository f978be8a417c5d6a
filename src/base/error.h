// What went wrong, in the terms of the caller's protocol, and Result<T>, which every fallible
// function returns. Exceptions are caught where third-party code enters and become an Error.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <utility>

namespace tidemill {

// Its special members are out of line: every TRY destroys one.
struct Error {
  Error();
  Error(std::string code, std::string message, int http_status = 0);
  Error(std::string code, std::string message, int http_status,
        std::map<std::string, std::string> details);
  Error(const Error&);
  Error(Error&&) noexcept;
  Error& operator=(const Error&);
  Error& operator=(Error&&) noexcept;
  ~Error();

  // The AWS error code a client sees: "ValidationException", "NoSuchBucket". Codes that start with
  // "Tidemill." never leave the process: the caller must map them.
  std::string code;
  // One or two sentences: the thing, the reason, the next step.
  std::string message;
  // 0: taken from the service model's error shape, else 400.
  int http_status = 0;
  // Further members of the error's body, by their wire name: {"BucketName", "b"}.
  std::map<std::string, std::string> details;
};

// std::expected, with [[nodiscard]] on the type.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

std::unexpected<Error> fail(std::string code, std::string message, int http_status = 0);
std::unexpected<Error> fail(Error error);

// Codes of the layers below the services. Services map them to codes of their own.
namespace codes {
inline constexpr const char* kConflict = "Tidemill.Conflict";  // an optimistic version moved on
inline constexpr const char* kNotFound = "Tidemill.NotFound";  // no such record, blob, job
inline constexpr const char* kCorrupt = "Tidemill.Corrupt";    // a checksum does not match
inline constexpr const char* kStorageFull = "Tidemill.StorageFull";  // ENOSPC, EDQUOT
inline constexpr const char* kIo = "Tidemill.Io";                  // another operating-system error
inline constexpr const char* kCancelled = "Tidemill.Cancelled";    // stop requested
inline constexpr const char* kTimeout = "Tidemill.Timeout";        // a deadline passed
inline constexpr const char* kOverloaded = "Tidemill.Overloaded";  // a named limit is reached
inline constexpr const char* kInvalid = "Tidemill.Invalid";  // malformed input of a layer below
}  // namespace codes

}  // namespace tidemill

// auto job = TRY(load(name));  returns the error to the caller, else yields the value.
// Not inside co_await expressions or coroutines (a statement expression).
#define TRY(...)                                                                      \
  ({                                                                                  \
    auto tidemill_result_ = (__VA_ARGS__);                                            \
    if (!tidemill_result_.has_value())                                                \
      return std::unexpected<::tidemill::Error>(std::move(tidemill_result_).error()); \
    ::tidemill::detail::unwrap(std::move(tidemill_result_));                          \
  })

namespace tidemill::detail {
template <class T>
T unwrap(Result<T>&& result) {
  return std::move(result).value();
}
inline void unwrap(Result<void>&&) {}
}  // namespace tidemill::detail

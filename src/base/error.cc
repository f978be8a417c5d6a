#include "base/error.h"

namespace tidemill {

Error::Error() = default;
Error::Error(std::string code, std::string message, int http_status)
    : code(std::move(code)), message(std::move(message)), http_status(http_status) {}
Error::Error(std::string code, std::string message, int http_status,
             std::map<std::string, std::string> details)
    : code(std::move(code)),
      message(std::move(message)),
      http_status(http_status),
      details(std::move(details)) {}
Error::Error(const Error&) = default;
Error::Error(Error&&) noexcept = default;
Error& Error::operator=(const Error&) = default;
Error& Error::operator=(Error&&) noexcept = default;
Error::~Error() = default;

std::unexpected<Error> fail(std::string code, std::string message, int http_status) {
  return std::unexpected<Error>(std::in_place, std::move(code), std::move(message), http_status);
}
std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }

}  // namespace tidemill

#include "base/arn.h"

namespace tidemill {

std::string Arn::text() const {
  return "arn:" + partition + ":" + service + ":" + region + ":" + account + ":" + resource;
}

std::string_view Arn::resource_type() const {
  std::string_view whole = resource;
  return whole.substr(0, whole.find_first_of("/:"));
}

std::string_view Arn::resource_name() const {
  std::size_t separator = resource.find_first_of("/:");
  if (separator == std::string::npos) return {};
  return std::string_view(resource).substr(separator + 1);
}

Result<Arn> parse_arn(std::string_view text) {
  auto invalid = [&] { return fail(codes::kInvalid, "'" + std::string(text) + "' is not an ARN"); };
  if (!text.starts_with("arn:")) return invalid();
  Arn arn;
  std::string* const parts[] = {&arn.partition, &arn.service, &arn.region, &arn.account};
  std::size_t at = 4;
  for (std::string* part : parts) {
    std::size_t colon = text.find(':', at);
    if (colon == std::string_view::npos) return invalid();
    *part = text.substr(at, colon - at);
    at = colon + 1;
  }
  arn.resource = text.substr(at);
  if (arn.partition.empty() || arn.service.empty() || arn.resource.empty()) return invalid();
  return arn;
}

}  // namespace tidemill

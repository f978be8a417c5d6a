#include "wire/proxy/aws_hosts.h"

#include <algorithm>
#include <string>

#include "wire/http.h"

namespace tidemill::wire {
namespace {

// https://docs.aws.amazon.com/general/latest/gr/rande.html; api.aws has the dual-stack endpoints.
// Web sites for people (aws.amazon.com, *.aws.dev) are not included.
constexpr std::string_view kDomains[] = {"amazonaws.com", "amazonaws.com.cn", "amazonaws.eu",
                                         "api.aws",       "on.aws",           "sagemaker.aws"};
constexpr std::size_t kHostBytesMax = 253;  // RFC 1035
constexpr std::size_t kLabelBytesMax = 63;

bool is_host_name(std::string_view host) {
  if (host.empty() || host.size() > kHostBytesMax) return false;
  std::size_t label = 0;
  for (const char c : host) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_';
    if (c == '.' ? label == 0 : !plain) return false;
    label = c == '.' ? 0 : label + 1;
    if (label > kLabelBytesMax) return false;
  }
  return label > 0;
}

}  // namespace

std::span<const std::string_view> aws_domains() { return kDomains; }

bool is_aws_host(std::string_view host) {
  if (!is_host_name(host)) return false;
  const std::string name = lower_case(host);
  return std::ranges::any_of(kDomains, [&](std::string_view domain) {
    return name.size() > domain.size() + 1 && name.ends_with(domain) &&
           name[name.size() - domain.size() - 1] == '.';
  });
}

}  // namespace tidemill::wire

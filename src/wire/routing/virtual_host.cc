#include <algorithm>

#include "wire/routing/router.h"

namespace tidemill::wire {
namespace {

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

bool is_ip_address(std::string_view host) {
  return host.starts_with('[') ||
         std::ranges::all_of(host, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

// "s3", "s3-us-west-2", "s3-fips"
bool is_s3_label(std::string_view label) {
  return label == "s3" || (label.starts_with("s3-") && label != "s3-control");
}

// The bucket before ".<base>"; "" when the host is not below the base. "s3.<base>" and
// "<bucket>.s3.<base>" also count.
std::string_view bucket_below(std::string_view host, std::string_view base) {
  if (host.size() <= base.size() + 1 || !host.ends_with(base) ||
      host[host.size() - base.size() - 1] != '.')
    return {};
  std::string_view front = host.substr(0, host.size() - base.size() - 1);
  if (front == "s3") return {};
  if (front.ends_with(".s3")) front.remove_suffix(3);
  return front;
}

// "bucket.s3.amazonaws.com", "bucket.s3.us-west-2.amazonaws.com",
// "bucket.s3-us-west-2.amazonaws.com"; buckets may contain dots.
std::string_view bucket_of_aws_host(std::string_view host) {
  if (!host.ends_with(".amazonaws.com") && !host.ends_with(".amazonaws.com.cn")) return {};
  for (std::size_t dot = host.rfind('.'); dot != host.npos && dot > 0;
       dot = host.rfind('.', dot - 1)) {
    std::string_view rest = host.substr(dot + 1);
    if (is_s3_label(rest.substr(0, rest.find('.')))) return host.substr(0, dot);
  }
  return {};
}

}  // namespace

std::string_view bucket_of_host(std::string_view host, std::span<const std::string> base_hosts) {
  host = without_port(host);
  if (host.empty() || host == "localhost" || is_ip_address(host)) return {};
  for (const std::string& base : base_hosts) {
    if (host == base) return {};
    if (std::string_view bucket = bucket_below(host, base); !bucket.empty()) return bucket;
  }
  if (std::string_view bucket = bucket_below(host, "localhost"); !bucket.empty()) return bucket;
  return bucket_of_aws_host(host);
}

}  // namespace tidemill::wire

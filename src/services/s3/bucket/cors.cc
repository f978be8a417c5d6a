#include "services/s3/bucket/cors.h"

#include <algorithm>

#include "services/s3/bucket/bucket.h"
#include "services/s3/bucket/configurations.h"

namespace tidemill::services::s3 {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return out;
}

std::vector<std::string> names_in(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view one = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (!one.empty()) names.push_back(lower(one));
  }
  return names;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

bool allows_headers(const model::CORSRule& rule, const std::vector<std::string>& wanted) {
  return std::ranges::all_of(wanted, [&](const std::string& name) {
    return rule.allowed_headers &&
           std::ranges::any_of(*rule.allowed_headers, [&](const std::string& pattern) {
             return matches_cors_pattern(lower(pattern), name);
           });
  });
}

CorsHeaders headers_of(const model::CORSRule& rule, const CorsRequest& request,
                       const std::vector<std::string>& wanted) {
  const bool everybody = std::ranges::find(rule.allowed_origins, "*") != rule.allowed_origins.end();
  CorsHeaders headers;
  headers.emplace_back("Access-Control-Allow-Origin",
                       everybody ? "*" : std::string(request.origin));
  headers.emplace_back("Access-Control-Allow-Methods", joined(rule.allowed_methods));
  if (request.preflight && !wanted.empty())
    headers.emplace_back("Access-Control-Allow-Headers", joined(wanted));
  if (rule.expose_headers && !rule.expose_headers->empty())
    headers.emplace_back("Access-Control-Expose-Headers", joined(*rule.expose_headers));
  if (rule.max_age_seconds)
    headers.emplace_back("Access-Control-Max-Age", std::to_string(*rule.max_age_seconds));
  if (!everybody) headers.emplace_back("Access-Control-Allow-Credentials", "true");
  headers.emplace_back("Vary",
                       "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
  return headers;
}

}  // namespace

bool matches_cors_pattern(std::string_view pattern, std::string_view text) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  const std::string_view before = pattern.substr(0, star);
  const std::string_view after = pattern.substr(star + 1);
  return text.size() >= before.size() + after.size() && text.starts_with(before) &&
         text.ends_with(after);
}

bool BucketCors::may_be_public(std::string_view bucket) const {
  const std::shared_ptr<Bucket> found = core_.buckets.find(bucket);
  return found && found->open_to_others();
}

bool BucketCors::has_rules(std::string_view bucket) const {
  const std::shared_ptr<Bucket> found = core_.buckets.find(bucket);
  if (!found) return false;
  const auto record = core_.buckets.record(*found);
  return record->configurations && record->configurations->contains(std::string(kCors));
}

std::optional<CorsHeaders> BucketCors::allow(const CorsRequest& request) const {
  const std::shared_ptr<Bucket> bucket = core_.buckets.find(request.bucket);
  if (!bucket) return std::nullopt;
  const auto cors = configuration<model::CORSConfiguration>(core_, *bucket, kCors);
  if (!cors || !*cors) return std::nullopt;
  const std::vector<std::string> wanted = names_in(request.headers);
  for (const model::CORSRule& rule : (*cors)->cors_rules) {
    const bool origin = std::ranges::any_of(rule.allowed_origins, [&](const std::string& pattern) {
      return matches_cors_pattern(pattern, request.origin);
    });
    const bool method =
        std::ranges::find(rule.allowed_methods, request.method) != rule.allowed_methods.end();
    if (origin && method && allows_headers(rule, wanted)) return headers_of(rule, request, wanted);
  }
  return std::nullopt;
}

}  // namespace tidemill::services::s3

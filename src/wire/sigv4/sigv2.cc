#include "wire/sigv4/sigv2.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/encoding.h"
#include "wire/sigv4/canonical.h"
#include "wire/sigv4/errors.h"
#include "wire/sigv4/hash.h"

namespace tidemill::wire::sigv4 {
namespace {

// The query parameters that name a part of a resource, and so are signed. Ordered.
constexpr std::array<std::string_view, 36> kSubresources = {
    "accelerate",        "acl",         "analytics",      "cors",
    "defaultObjectAcl",  "delete",      "encryption",     "intelligent-tiering",
    "inventory",         "legal-hold",  "lifecycle",      "location",
    "logging",           "metrics",     "notification",   "object-lock",
    "ownershipControls", "partNumber",  "policy",         "policyStatus",
    "publicAccessBlock", "replication", "requestPayment", "restore",
    "retention",         "select",      "select-type",    "storageClass",
    "tagging",           "torrent",     "uploadId",       "uploads",
    "versionId",         "versioning",  "versions",       "website"};

bool is_signed_parameter(std::string_view name) {
  return std::ranges::binary_search(kSubresources, name) || name == "response-content-type" ||
         name == "response-content-language" || name == "response-expires" ||
         name == "response-cache-control" || name == "response-content-disposition" ||
         name == "response-content-encoding";
}

// A header, or in a presigned URL the parameter that stands for it.
std::string_view header_or_query(const HttpRequest& request, std::string_view name,
                                 bool presigned) {
  if (const std::string* value = request.headers.find(name)) return *value;
  if (!presigned) return {};
  for (const QueryParameter& parameter : request.query)
    if (equal_ignoring_case(parameter.name, name)) return parameter.value;
  return {};
}

void append_amz_headers(const HttpRequest& request, bool presigned, std::string& out) {
  std::map<std::string, std::string> headers;
  auto add = [&](std::string_view name, std::string_view value) {
    std::string lower = lower_case(name);
    if (!lower.starts_with("x-amz-")) return;
    auto [entry, fresh] = headers.try_emplace(std::move(lower));
    if (!fresh) entry->second += ',';
    append_trimmed(value, entry->second);
  };
  for (const auto& [name, value] : request.headers.fields()) add(name, value);
  if (presigned)
    for (const QueryParameter& parameter : request.query)
      if (!request.headers.find(parameter.name)) add(parameter.name, parameter.value);
  for (const auto& [name, value] : headers) out.append(name).append(":").append(value) += '\n';
}

void append_subresources(const HttpRequest& request, std::string& out) {
  std::vector<const QueryParameter*> parameters;
  for (const QueryParameter& parameter : request.query)
    if (is_signed_parameter(parameter.name)) parameters.push_back(&parameter);
  // By name, and parameters of one name in the order of the request. Not std::stable_sort, which
  // draws in a function that C++17 deprecated.
  std::ranges::sort(parameters, {}, [](const QueryParameter* parameter) {
    return std::pair<std::string_view, const QueryParameter*>(parameter->name, parameter);
  });
  char separator = '?';
  for (const QueryParameter* parameter : parameters) {
    out += separator;
    separator = '&';
    out += parameter->name;
    if (parameter->has_value) out.append("=").append(parameter->value);
  }
}

}  // namespace

Result<SignedRequestV2> parse_v2(const HttpRequest& request, bool presigned) {
  SignedRequestV2 out;
  out.presigned = presigned;
  if (presigned) {
    out.access_key_id = request.find_query("AWSAccessKeyId")->value;
    out.signature = request.find_query("Signature")->value;
    const QueryParameter* expires = request.find_query("Expires");
    std::int64_t seconds = 0;
    if (expires) {
      out.date = expires->value;
      const char* end = out.date.data() + out.date.size();
      auto [stop, code] = std::from_chars(out.date.data(), end, seconds);
      if (code != std::errc() || stop != end || out.date.size() > 12) expires = nullptr;
    }
    if (!expires || out.access_key_id.empty() || out.signature.empty())
      return fail("AccessDenied",
                  "Query-string authentication requires the Signature, Expires and AWSAccessKeyId "
                  "parameters",
                  403);
    out.time = {seconds * 1'000'000};
    return out;
  }
  std::string_view text = *request.headers.find("authorization");
  text.remove_prefix(std::string_view("AWS ").size());
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos || colon == 0 || colon + 1 == text.size())
    return fail(malformed_authorization(
        Dialect::s3, "expecting \"AWS AccessKeyId:Signature\" or an AWS4-HMAC-SHA256 header."));
  out.access_key_id = text.substr(0, colon);
  out.signature = text.substr(colon + 1);
  const std::string* amz_date = request.headers.find("x-amz-date");
  const std::string* date = amz_date ? amz_date : request.headers.find("date");
  if (!date) return fail(missing_date(Dialect::s3));
  if (!amz_date) out.date = *date;
  if (auto basic = parse_amz_date(*date)) {
    out.time = *basic;
  } else if (auto http = parse_http_date(*date)) {
    out.time = *http;
  } else {
    return fail(missing_date(Dialect::s3));
  }
  return out;
}

std::string string_to_sign_v2(const HttpRequest& request, const SignedRequestV2& signed_request,
                              std::string_view bucket, bool encode_path, bool slash) {
  const bool presigned = signed_request.presigned;
  std::string out = request.method + "\n";
  append_trimmed(header_or_query(request, "content-md5", presigned), out);
  out += '\n';
  append_trimmed(header_or_query(request, "content-type", presigned), out);
  out += '\n';
  out.append(signed_request.date) += '\n';
  append_amz_headers(request, presigned, out);
  if (!bucket.empty()) out.append("/").append(bucket);
  out += canonical_path(request.raw_path, encode_path ? PathForm::encoded_once : PathForm::as_sent);
  if (slash) out += '/';
  append_subresources(request, out);
  return out;
}

std::string signature_v2(std::string_view secret, std::string_view string_to_sign) {
  return encode_base64(hmac_sha1(secret, string_to_sign));
}

}  // namespace tidemill::wire::sigv4

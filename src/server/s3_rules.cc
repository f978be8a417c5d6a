#include "server/s3_rules.h"

#include <algorithm>
#include <array>

#include "base/checksum.h"
#include "base/encoding.h"

namespace tidemill::server {
namespace {

using schema::Location;
using schema::Member;

bool has_member(const schema::Operation& operation, Location location, std::string_view wire_name) {
  return operation.input &&
         std::ranges::any_of(operation.input->members, [&](const Member& member) {
           return member.location == location &&
                  wire::equal_ignoring_case(member.wire_name, wire_name);
         });
}

std::unexpected<Error> invalid_request(std::string message) {
  return fail("InvalidRequest", std::move(message), 400);
}

// "response-content-type" and the like; S3 refuses similar names that it does not know.
Result<void> check_overrides(const wire::HttpRequest& request, const schema::Operation& operation) {
  if (request.query.empty() ||
      !has_member(operation, Location::query_string, "response-content-type"))
    return {};
  for (const wire::QueryParameter& parameter : request.query) {
    if (!parameter.name.starts_with("response-") ||
        has_member(operation, Location::query_string, parameter.name))
      continue;
    return fail(Error{"InvalidArgument",
                      parameter.name +
                          " is not in the set of overridable response headers. Please refer to the "
                          "S3 API documentation for a complete list of overridable response "
                          "headers.",
                      400,
                      {{"ArgumentName", parameter.name}, {"ArgumentValue", parameter.value}}});
  }
  return {};
}

Result<void> check_md5(std::string_view header, std::string_view body) {
  Result<std::string> raw = decode_base64(header);
  if (!raw || raw->size() != checksum_size_bytes(ChecksumAlgorithm::md5))
    return fail("InvalidDigest", "The Content-MD5 you specified was invalid.", 400);
  if (*raw != checksum_of(ChecksumAlgorithm::md5, body))
    return fail("BadDigest", "The Content-MD5 you specified did not match what we received.", 400);
  return {};
}

Result<void> check_value(ChecksumAlgorithm algorithm, std::string_view header,
                         std::string_view body) {
  Result<std::string> raw = decode_base64(header);
  if (!raw || raw->size() != checksum_size_bytes(algorithm))
    return invalid_request("Value for " + std::string(checksum_header(algorithm)) +
                           " header is invalid.");
  if (*raw == checksum_of(algorithm, body)) return {};
  return fail("BadDigest",
              "The " + std::string(checksum_name(algorithm)) +
                  " you specified did not match the calculated checksum.",
              400);
}

// The model demands a checksum for these, too, but S3 takes them without one: s3cmd and older
// clients send none.
constexpr std::array<std::string_view, 7> kChecksumOptional{
    "PutBucketAcl",        "PutBucketLogging", "PutBucketPolicy", "PutBucketRequestPayment",
    "PutBucketVersioning", "PutBucketWebsite", "PutObjectAcl"};

// Trailing checksums were compared while the body was read.
Result<void> check_document(const wire::HttpRequest& request, bool required) {
  bool checked = request.headers.find("x-amz-trailer") != nullptr;
  for (const auto& [name, value] : request.headers.fields()) {
    if (wire::equal_ignoring_case(name, "content-md5")) {
      TRY(check_md5(value, request.body));
      checked = true;
    } else if (auto algorithm = checksum_by_header(wire::lower_case(name))) {
      TRY(check_value(*algorithm, value, request.body));
      checked = true;
    }
  }
  if (checked || !required) return {};
  return invalid_request(
      "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
}

}  // namespace

Result<void> check_s3_length(const wire::HttpRequest& request, const schema::Operation& operation) {
  if (request.method != "PUT" || request.headers.find("content-length") ||
      request.headers.find("transfer-encoding") ||
      has_member(operation, Location::header, "x-amz-copy-source"))
    return {};
  return fail("MissingContentLength", "You must provide the Content-Length HTTP header.", 411);
}

Result<void> check_s3_request(const wire::HttpRequest& request,
                              const schema::Operation& operation) {
  TRY(check_overrides(request, operation));
  constexpr std::string_view kAttributes = "x-amz-object-attributes";
  if (has_member(operation, Location::header, kAttributes) &&
      request.headers.get(kAttributes).empty())
    return invalid_request(
        "The x-amz-object-attributes header specifying the attributes to be retrieved is either "
        "missing or empty");
  if (!operation.http_checksum_required) return {};
  return check_document(
      request, std::ranges::find(kChecksumOptional, operation.name) == kChecksumOptional.end());
}

}  // namespace tidemill::server

#include "wire/protocols/errors.h"

#include <algorithm>

#include "base/encoding.h"
#include "wire/protocols/protocol.h"
#include "wire/protocols/scalar.h"

namespace tidemill::wire {
namespace {

using schema::Member;
using schema::Operation;
using schema::Service;
using schema::Shape;

bool is_called(const Shape& shape, std::string_view code) {
  return shape.name == code || (!shape.error_code.empty() && shape.error_code == code) ||
         (!shape.query_error_code.empty() && shape.query_error_code == code);
}

const Shape* find_among(std::span<const Shape* const> errors, std::string_view code) {
  for (const Shape* shape : errors)
    if (is_called(*shape, code)) return shape;
  return nullptr;
}

bool names_server_fault(std::string_view code) {
  return code == "InternalFailure" || code == "InternalError" || code == "InternalServerError" ||
         code == "InternalServerException" || code == "InternalServiceError" ||
         code == "InternalServiceException";
}

}  // namespace

const Shape* find_error_shape(const Service& service, const Operation* operation,
                              std::string_view code) {
  if (operation)
    if (const Shape* shape = find_among(operation->errors, code)) return shape;
  for (const Operation& other : service.operations)
    if (const Shape* shape = find_among(other.errors, code)) return shape;
  return nullptr;
}

int error_status(const Service& service, const Operation* operation, const Error& error) {
  if (error.http_status != 0) return error.http_status;
  const Shape* shape = find_error_shape(service, operation, error.code);
  if (shape && shape->error_http_status != 0) return shape->error_http_status;
  if (names_server_fault(error.code)) return 500;
  return 400;
}

std::string_view query_code(const Shape* shape, const Error& error) {
  if (shape && !shape->query_error_code.empty()) return shape->query_error_code;
  if (shape && !shape->error_code.empty()) return shape->error_code;
  return error.code;
}

bool sender_fault(const Shape* shape, int status) {
  return shape && shape->error_http_status != 0 ? shape->sender_fault : status < 500;
}

Value error_members(const Shape* shape, const Error& error) {
  ValueObject out;
  if (!shape) {
    out.append("message", error.message);
    return out;
  }
  bool has_message = false;
  for (const Member& member : shape->members) {
    if (equal_ignoring_case(member.name, "message")) {
      out.append(std::string(member.name), error.message);
      has_message = true;
      continue;
    }
    auto detail = error.details.find(std::string(member.wire_name));
    if (detail == error.details.end()) detail = error.details.find(std::string(member.name));
    if (detail == error.details.end()) continue;
    Result<Value> value =
        parse_scalar(*member.shape, detail->second, TimestampFormat::iso8601, member.name);
    if (value) out.append(std::string(member.name), std::move(*value));
  }
  if (!has_message) out.append("message", error.message);
  return out;
}

bool is_s3(const Service& service) { return service.signing_name == "s3"; }

std::string host_id(std::string_view request_id) {
  // Clients only pass it on to support, so a readable derivation is as good as a random id.
  std::string seed(request_id);
  seed.resize(57, 't');
  return encode_base64(seed);
}

void add_request_id(const Service& service, std::string_view request_id, HttpResponse& response) {
  if (is_s3(service)) {
    response.headers.set("x-amz-request-id", std::string(request_id));
    response.headers.set("x-amz-id-2", host_id(request_id));
  } else {
    response.headers.set("x-amzn-RequestId", std::string(request_id));
  }
}

void add_query_error(const Service& service, const Shape* shape, const Error& error,
                     HttpResponse& response) {
  if (!service.query_compatible) return;
  std::string text(query_code(shape, error));
  text += sender_fault(shape, response.status) ? ";Sender" : ";Receiver";
  response.headers.set("x-amzn-query-error", std::move(text));
}

void drop_body_of_head(const HttpRequest& request, HttpResponse& response) {
  if (request.method != "HEAD") return;
  response.head_content_length = response.body.size();
  response.body.clear();
}

}  // namespace tidemill::wire

#include "wire/protocols/rest_codec.h"

#include "wire/protocols/errors.h"
#include "wire/protocols/http_binding.h"

namespace tidemill::wire {

using schema::Member;
using schema::Operation;
using schema::Service;
using schema::Shape;
using schema::ShapeType;

namespace {

// Header fields of a usual answer; more of them only cost another allocation.
constexpr std::size_t kHeadersUsual = 8;

}  // namespace

Result<void> RestCodec::read_payload(const Operation& operation, const Member& payload,
                                     const HttpRequest& request, ValueObject& out) const {
  if (payload.streaming || payload.shape->event_stream) return {};
  if (payload.shape->type == ShapeType::blob) {
    out.set(payload.name, Value(Blob{request.body}));
    return {};
  }
  if (request.body.empty()) return {};
  if (payload.shape->type == ShapeType::string) {
    out.set(payload.name, Value(request.body));
    return {};
  }
  Value value = TRY(read_body(operation, *payload.shape, &payload, request.body));
  out.set(payload.name, std::move(value));
  return {};
}

Result<Value> RestCodec::decode_request(const Service& service, const Operation& operation,
                                        const HttpRequest& request, const UriLabels& labels) const {
  ValueObject out;
  if (!operation.input) return Value(std::move(out));
  const Shape& input = *operation.input;
  if (Result<void> bound = read_bindings(input, request, labels, out); !bound)
    return fail(binding_error(service, std::move(bound).error()));
  if (input.payload) {
    TRY(read_payload(operation, *input.payload, request, out));
  } else if (!request.body.empty() && has_body_members(input)) {
    Value body = TRY(read_body(operation, input, nullptr, request.body));
    for (auto& [name, value] : *body.as_object()) out.set(name, std::move(value));
  }
  return Value(std::move(out));
}

HttpResponse RestCodec::encode_response(const Service& service, const Operation& operation,
                                        const Value& output, std::string_view request_id) const {
  HttpResponse response;
  response.status = operation.http_status;
  response.headers.reserve(kHeadersUsual);
  add_request_id(service, request_id, response);
  if (!operation.output) return response;
  const Shape& shape = *operation.output;
  write_bindings(shape, output, response);
  const Member* payload = shape.payload;
  if (!payload) {
    if (operation.event_stream_output)
      response.headers.set("Content-Type", "application/vnd.amazon.eventstream");
    else if (has_body_members(shape))
      write_body(service, operation, shape, nullptr, output, response);
    return response;
  }
  if (payload->shape->event_stream) {
    response.headers.set("Content-Type", "application/vnd.amazon.eventstream");
    return response;
  }
  auto default_content_type = [&](const char* type) {
    if (!response.headers.find("Content-Type")) response.headers.add("Content-Type", type);
  };
  const Value* value = output.find(payload->name);
  if (payload->streaming || payload->shape->type == ShapeType::blob) {
    default_content_type(is_s3(service) ? "binary/octet-stream" : "application/octet-stream");
    if (payload->streaming || !value) return response;
    if (const Blob* blob = value->get_if<Blob>())
      response.body = blob->bytes;
    else if (const std::string* text = value->as_string())
      response.body = *text;
    return response;
  }
  if (!value || value->is_null()) return response;
  if (payload->shape->type == ShapeType::string) {
    default_content_type(is_s3(service) ? "application/json" : "text/plain");
    if (const std::string* text = value->as_string()) response.body = *text;
    return response;
  }
  write_body(service, operation, *payload->shape, payload, *value, response);
  return response;
}

}  // namespace tidemill::wire

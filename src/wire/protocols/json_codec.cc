// awsJson 1.0 and 1.1: one JSON object each way; a header names the operation.
#include "base/json.h"
#include "wire/protocols/codecs.h"
#include "wire/protocols/errors.h"
#include "wire/protocols/typed_value.h"

namespace tidemill::wire {
namespace {

using schema::Operation;
using schema::Service;
using schema::Shape;

class AwsJsonCodec final : public Codec {
 public:
  explicit AwsJsonCodec(bool version_1_0) : version_1_0_(version_1_0) {}

  Result<Value> decode_request(const Service&, const Operation& operation,
                               const HttpRequest& request, const UriLabels&) const override {
    if (!operation.input) return Value(ValueObject());
    return decode_json_body(*operation.input, request.body, false);
  }

  HttpResponse encode_response(const Service& service, const Operation& operation,
                               const Value& output, std::string_view request_id) const override {
    HttpResponse response;
    response.headers.add("Content-Type", content_type());
    add_request_id(service, request_id, response);
    if (operation.event_stream_output) {
      response.headers.set("Content-Type", "application/vnd.amazon.eventstream");
    } else if (operation.output) {
      write_typed_json(*operation.output, output, response.body);
    } else if (version_1_0_) {
      response.body = "{}";
    }
    return response;
  }

  HttpResponse encode_error(const Service& service, const Operation* operation, const Error& error,
                            std::string_view request_id,
                            const HttpRequest& request) const override {
    const Shape* shape = find_error_shape(service, operation, error.code);
    HttpResponse response;
    response.status = error_status(service, operation, error);
    response.headers.add("Content-Type", content_type());
    add_request_id(service, request_id, response);
    add_query_error(service, shape, error, response);
    response.body = "{\"__type\":";
    write_json_string(version_1_0_ ? qualified_error_name(service, shape, error)
                                   : std::string(shape ? shape->name : error.code),
                      response.body);
    append_error_members(shape, error, response.body);
    drop_body_of_head(request, response);
    return response;
  }

 private:
  const char* content_type() const {
    return version_1_0_ ? "application/x-amz-json-1.0" : "application/x-amz-json-1.1";
  }

  bool version_1_0_;
};

}  // namespace

Result<Value> decode_json_body(const Shape& shape, std::string_view body, bool body_only) {
  if (body.find_first_not_of(" \t\r\n") == body.npos) return Value(ValueObject());
  Result<Value> tree = parse_json(body);
  if (!tree) return serialization_error(std::move(tree).error());
  Result<Value> value = typed_value(shape, std::move(*tree), body_only);
  if (!value) return serialization_error(std::move(value).error());
  return value;
}

std::unexpected<Error> serialization_error(Error error) {
  return fail("SerializationException", std::move(error.message), 400);
}

void append_error_members(const Shape* shape, const Error& error, std::string& out) {
  Value members = error_members(shape, error);
  for (const auto& [name, value] : *members.as_object()) {
    const schema::Member* member = shape ? schema::find_member(*shape, name) : nullptr;
    if (member && member->location != schema::Location::body) continue;
    if (out.back() != '{') out += ',';
    write_json_string(member ? member->wire_name : std::string_view(name), out);
    out += ':';
    if (member)
      write_typed_json(*member->shape, value, out);
    else
      write_json(value, out);
  }
  out += '}';
}

std::string qualified_error_name(const Service& service, const Shape* shape, const Error& error) {
  if (shape)
    return "com.amazonaws." + std::string(service.signing_name) + "#" + std::string(shape->name);
  // Errors of AWS's framework, which are not in the models.
  if (error.code == "ValidationException") return "com.amazon.coral.validate#ValidationException";
  return "com.amazon.coral.service#" + error.code;
}

const Codec& aws_json_codec(bool version_1_0) {
  static const AwsJsonCodec kVersion10(true), kVersion11(false);
  return version_1_0 ? kVersion10 : kVersion11;
}

}  // namespace tidemill::wire

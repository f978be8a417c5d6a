// restJson1: bindings of HTTP, and a JSON body.
#include "base/json.h"
#include "wire/protocols/codecs.h"
#include "wire/protocols/errors.h"
#include "wire/protocols/event_stream.h"
#include "wire/protocols/http_binding.h"
#include "wire/protocols/rest_codec.h"
#include "wire/protocols/typed_value.h"

namespace tidemill::wire {
namespace {

using schema::Member;
using schema::Operation;
using schema::Service;
using schema::Shape;

class RestJsonCodec final : public RestCodec {
 public:
  HttpResponse encode_error(const Service& service, const Operation* operation, const Error& error,
                            std::string_view request_id,
                            const HttpRequest& request) const override {
    const Shape* shape = find_error_shape(service, operation, error.code);
    HttpResponse response;
    response.status = error_status(service, operation, error);
    if (shape) write_bindings(*shape, error_members(shape, error), response);
    response.headers.set("Content-Type", "application/json");
    response.headers.add("x-amzn-ErrorType", std::string(shape ? shape->name : error.code));
    add_request_id(service, request_id, response);
    response.body = "{";
    append_error_members(shape, error, response.body);
    drop_body_of_head(request, response);
    return response;
  }

  std::string encode_event(const Shape& stream, const Value& event) const override {
    return encode_json_event(stream, event);
  }

 protected:
  Result<Value> read_body(const Operation&, const Shape& shape, const Member* payload,
                          std::string_view body) const override {
    return decode_json_body(shape, body, payload == nullptr);
  }
  void write_body(const Service&, const Operation&, const Shape& shape, const Member* payload,
                  const Value& value, HttpResponse& response) const override {
    response.headers.set("Content-Type", "application/json");
    write_typed_json(shape, value, response.body, payload == nullptr);
  }
  Error binding_error(const Service&, Error error) const override {
    return serialization_error(std::move(error)).error();
  }
};

}  // namespace

const Codec& rest_json_codec() {
  static const RestJsonCodec kCodec;
  return kCodec;
}

}  // namespace tidemill::wire

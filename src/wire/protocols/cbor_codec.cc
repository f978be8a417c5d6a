// rpcv2Cbor: /service/<name>/operation/<Op> with CBOR maps both ways.
#include "wire/protocols/cbor.h"
#include "wire/protocols/codecs.h"
#include "wire/protocols/errors.h"
#include "wire/protocols/typed_value.h"

namespace tidemill::wire {
namespace {

using schema::Member;
using schema::Operation;
using schema::Service;
using schema::Shape;

class CborCodec final : public Codec {
 public:
  Result<Value> decode_request(const Service&, const Operation& operation,
                               const HttpRequest& request, const UriLabels&) const override {
    if (!operation.input || request.body.empty()) return Value(ValueObject());
    Result<Value> tree = parse_cbor(request.body);
    if (!tree) return serialization_error(std::move(tree).error());
    Result<Value> value = typed_value(*operation.input, std::move(*tree));
    if (!value) return serialization_error(std::move(value).error());
    return value;
  }

  HttpResponse encode_response(const Service& service, const Operation& operation,
                               const Value& output, std::string_view request_id) const override {
    HttpResponse response = start(service, request_id);
    if (operation.output) {
      response.headers.add("Content-Type", "application/cbor");
      write_typed_cbor(*operation.output, output, response.body);
    }
    return response;
  }

  HttpResponse encode_error(const Service& service, const Operation* operation, const Error& error,
                            std::string_view request_id,
                            const HttpRequest& request) const override {
    const Shape* shape = find_error_shape(service, operation, error.code);
    HttpResponse response = start(service, request_id);
    response.headers.add("Content-Type", "application/cbor");
    response.status = error_status(service, operation, error);
    add_query_error(service, shape, error, response);
    Value members = error_members(shape, error);
    const ValueObject& object = *members.as_object();
    write_cbor_map_head(object.size() + 1, response.body);
    write_cbor_text("__type", response.body);
    write_cbor_text(qualified_error_name(service, shape, error), response.body);
    for (const auto& [name, value] : object) {
      const Member* member = shape ? schema::find_member(*shape, name) : nullptr;
      write_cbor_text(member ? member->wire_name : std::string_view(name), response.body);
      if (member)
        write_typed_cbor(*member->shape, value, response.body);
      else
        write_cbor(value, response.body);
    }
    drop_body_of_head(request, response);
    return response;
  }

 private:
  static HttpResponse start(const Service& service, std::string_view request_id) {
    HttpResponse response;
    response.headers.add("smithy-protocol", "rpc-v2-cbor");
    add_request_id(service, request_id, response);
    return response;
  }
};

}  // namespace

const Codec& rpc_v2_cbor_codec() {
  static const CborCodec kCodec;
  return kCodec;
}

}  // namespace tidemill::wire

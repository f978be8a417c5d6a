// awsQuery and ec2Query: form parameters in, XML out.
#include "base/encoding.h"
#include "wire/protocols/codecs.h"
#include "wire/protocols/errors.h"
#include "wire/protocols/query_reader.h"
#include "wire/protocols/xml.h"

namespace tidemill::wire {
namespace {

using schema::Operation;
using schema::Service;
using schema::Shape;

class QueryCodec final : public Codec {
 public:
  explicit QueryCodec(bool ec2) : ec2_(ec2) {}

  Result<Value> decode_request(const Service&, const Operation& operation,
                               const HttpRequest& request, const UriLabels&) const override {
    if (!operation.input) return Value(ValueObject());
    Result<QueryParameters> parameters = QueryParameters::parse(request, ec2_);
    if (!parameters) return malformed(std::move(parameters).error());
    Result<Value> value = parameters->read(*operation.input);
    if (!value) return malformed(std::move(value).error());
    return value;
  }

  HttpResponse encode_response(const Service& service, const Operation& operation,
                               const Value& output, std::string_view request_id) const override {
    HttpResponse response;
    response.headers.add("Content-Type", "text/xml");
    add_request_id(service, request_id, response);
    std::string root = std::string(operation.name) + "Response";
    XmlWriter xml(response.body, false);
    xml.open(root, service.xml_namespace, {}, nullptr, nullptr);
    if (ec2_) {
      xml.element("requestId", request_id);
      if (operation.output) xml.members(*operation.output, output, false);
    } else {
      if (operation.output) {
        std::string wrapper = operation.output_wrapper.empty()
                                  ? std::string(operation.name) + "Result"
                                  : std::string(operation.output_wrapper);
        xml.open(wrapper, {}, {}, nullptr, nullptr);
        xml.members(*operation.output, output, false);
        xml.close(wrapper);
      }
      xml.open("ResponseMetadata", {}, {}, nullptr, nullptr);
      xml.element("RequestId", request_id);
      xml.close("ResponseMetadata");
    }
    xml.close(root);
    return response;
  }

  HttpResponse encode_error(const Service& service, const Operation* operation, const Error& error,
                            std::string_view request_id,
                            const HttpRequest& request) const override {
    const Shape* shape = find_error_shape(service, operation, error.code);
    HttpResponse response;
    response.status = error_status(service, operation, error);
    response.headers.add("Content-Type", "text/xml");
    add_request_id(service, request_id, response);
    XmlWriter xml(response.body, false);
    if (ec2_) {
      xml.open("Response", {}, {}, nullptr, nullptr);
      xml.open("Errors", {}, {}, nullptr, nullptr);
    } else {
      xml.open("ErrorResponse", service.xml_namespace, {}, nullptr, nullptr);
    }
    xml.open("Error", {}, {}, nullptr, nullptr);
    if (!ec2_) xml.element("Type", sender_fault(shape, response.status) ? "Sender" : "Receiver");
    xml.element("Code", query_code(shape, error));
    xml.element("Message", error.message);
    if (shape) {
      ValueObject details = *error_members(shape, error).as_object();
      details.erase("Message");
      details.erase("message");
      xml.members(*shape, Value(std::move(details)), false);
    }
    xml.close("Error");
    if (ec2_) xml.close("Errors");
    xml.element(ec2_ ? "RequestID" : "RequestId", request_id);
    xml.close(ec2_ ? "Response" : "ErrorResponse");
    drop_body_of_head(request, response);
    return response;
  }

 private:
  static std::unexpected<Error> malformed(Error error) {
    return fail("MalformedInput", std::move(error.message), 400);
  }

  bool ec2_;
};

}  // namespace

const Codec& aws_query_codec() {
  static const QueryCodec kCodec(false);
  return kCodec;
}

const Codec& ec2_query_codec() {
  static const QueryCodec kCodec(true);
  return kCodec;
}

}  // namespace tidemill::wire

// Shared by restJson1 and restXml: bindings, payload members, streaming. Internal here.
#pragma once

#include "wire/protocols/protocol.h"

namespace tidemill::wire {

class RestCodec : public Codec {
 public:
  Result<Value> decode_request(const schema::Service& service, const schema::Operation& operation,
                               const HttpRequest& request, const UriLabels& labels) const override;
  HttpResponse encode_response(const schema::Service& service, const schema::Operation& operation,
                               const Value& output, std::string_view request_id) const override;

 protected:
  // `payload` is nullptr when the body holds the input's body members.
  virtual Result<Value> read_body(const schema::Operation& operation, const schema::Shape& shape,
                                  const schema::Member* payload, std::string_view body) const = 0;
  virtual void write_body(const schema::Service& service, const schema::Operation& operation,
                          const schema::Shape& shape, const schema::Member* payload,
                          const Value& value, HttpResponse& response) const = 0;
  // Sets the code of an error in the URI, query string or headers.
  virtual Error binding_error(const schema::Service& service, Error error) const = 0;

 private:
  Result<void> read_payload(const schema::Operation& operation, const schema::Member& payload,
                            const HttpRequest& request, ValueObject& out) const;
};

}  // namespace tidemill::wire

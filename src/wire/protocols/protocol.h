// AWS wire protocols: converts HTTP messages to Values under a schema, and back. Tables of
// base/schema.h drive all codecs; keys of Values are the model's member names.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/schema.h"
#include "base/value.h"
#include "wire/http.h"

namespace tidemill::wire {

// Label names as in the operation's URI template, with values percent-decoded exactly once.
using UriLabels = std::vector<std::pair<std::string_view, std::string>>;

// Stateless and thread-safe.
//
// Bodies: decode_request reads `request.body`; a caller whose body came as a stream reads it into
// `body` first, except when the operation's input has a streaming payload (streaming_payload()),
// which never becomes part of the Value. Likewise encode_response leaves the body empty when the
// output has a streaming payload or an event stream: the caller attaches the stream.
class Codec {
 public:
  virtual ~Codec() = default;

  // Errors: SerializationException (JSON, CBOR), MalformedInput (query) or MalformedXML (restXml)
  // for malformed bodies and wrong types, always 400. Unknown members are ignored.
  virtual Result<Value> decode_request(const schema::Service& service,
                                       const schema::Operation& operation,
                                       const HttpRequest& request,
                                       const UriLabels& labels) const = 0;

  virtual HttpResponse encode_response(const schema::Service& service,
                                       const schema::Operation& operation, const Value& output,
                                       std::string_view request_id) const = 0;

  // `operation` is nullptr when it could not be resolved. A HEAD request gets no body.
  virtual HttpResponse encode_error(const schema::Service& service,
                                    const schema::Operation* operation, const Error& error,
                                    std::string_view request_id,
                                    const HttpRequest& request) const = 0;

  // One message of an output event stream: `event` is a union Value with one member set.
  // Empty when the protocol has no event streams.
  virtual std::string encode_event(const schema::Shape& stream, const Value& event) const;
  // The message that ends an event stream with an error.
  std::string encode_event_error(const schema::Shape& stream, const Error& error) const;
};

const Codec& codec_for(schema::Protocol protocol);

// The payload member whose bytes bypass Values, or nullptr.
const schema::Member* streaming_payload(const schema::Shape* shape);

// The status to send with an error: its own, else the model's, else 400, or 500 for codes of server
// faults.
int error_status(const schema::Service& service, const schema::Operation* operation,
                 const Error& error);

}  // namespace tidemill::wire

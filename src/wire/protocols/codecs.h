// The codecs behind codec_for() and helpers of the JSON-like ones. Internal to this folder.
#pragma once

#include "wire/protocols/protocol.h"

namespace tidemill::wire {

const Codec& aws_json_codec(bool version_1_0);
const Codec& rest_json_codec();
const Codec& rest_xml_codec();
const Codec& aws_query_codec();
const Codec& ec2_query_codec();
const Codec& rpc_v2_cbor_codec();

// Reads an empty body as an empty object.
Result<Value> decode_json_body(const schema::Shape& shape, std::string_view body, bool body_only);
std::unexpected<Error> serialization_error(Error error);
// Appends the error's members to the open object in `out` and closes it.
void append_error_members(const schema::Shape* shape, const Error& error, std::string& out);
// "com.amazonaws.sqs#QueueDoesNotExist"
std::string qualified_error_name(const schema::Service& service, const schema::Shape* shape,
                                 const Error& error);

}  // namespace tidemill::wire

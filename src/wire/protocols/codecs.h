// The codecs behind codec_for() and what the JSON-shaped ones share. Internal to this folder.
#pragma once

#include "wire/protocols/protocol.h"

namespace tidemill::wire {

const Codec& aws_json_codec(bool version_1_0);
const Codec& rest_json_codec();
const Codec& rest_xml_codec();
const Codec& aws_query_codec();
const Codec& ec2_query_codec();
const Codec& rpc_v2_cbor_codec();

// An empty body is an empty object.
Result<Value> decode_json_body(const schema::Shape& shape, std::string_view body, bool body_only);
std::unexpected<Error> serialization_error(Error error);
// Goes on after `out`'s open object with the error's members and closes it.
void append_error_members(const schema::Shape* shape, const Error& error, std::string& out);
// "com.amazonaws.sqs#QueueDoesNotExist"
std::string qualified_error_name(const schema::Service& service, const schema::Shape* shape,
                                 const Error& error);

}  // namespace tidemill::wire

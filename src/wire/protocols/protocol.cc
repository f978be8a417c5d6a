#include "wire/protocols/protocol.h"

#include "wire/protocols/codecs.h"

namespace tidemill::wire {

const Codec& codec_for(schema::Protocol protocol) {
  switch (protocol) {
    case schema::Protocol::aws_json_1_0:
      return aws_json_codec(true);
    case schema::Protocol::aws_json_1_1:
      return aws_json_codec(false);
    case schema::Protocol::rest_json_1:
      return rest_json_codec();
    case schema::Protocol::rest_xml:
      return rest_xml_codec();
    case schema::Protocol::aws_query:
      return aws_query_codec();
    case schema::Protocol::ec2_query:
      return ec2_query_codec();
    case schema::Protocol::rpc_v2_cbor:
      return rpc_v2_cbor_codec();
  }
  return aws_json_codec(false);
}

const schema::Member* streaming_payload(const schema::Shape* shape) {
  if (!shape || !shape->payload || !shape->payload->streaming) return nullptr;
  return shape->payload;
}

}  // namespace tidemill::wire

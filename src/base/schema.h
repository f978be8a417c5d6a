// Service models as pure data: botocore's JSON models as constant tables, generated at build time
// (codegen/). Protocol readers and writers, constraint checks, the router and the coverage page all
// work from these tables; nothing here depends on a particular service.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace tidemill::schema {

enum class ShapeType : std::uint8_t {
  boolean,
  integer,
  long_integer,
  float_number,
  double_number,
  string,
  blob,
  timestamp,
  structure,
  list,
  map,
  document,
};

enum class TimestampFormat : std::uint8_t { unspecified, iso8601, unix_timestamp, rfc822 };

enum class Location : std::uint8_t { body, header, headers, uri, query_string, status_code };

enum class Protocol : std::uint8_t {
  aws_json_1_0,
  aws_json_1_1,
  rest_json_1,
  rest_xml,
  aws_query,
  ec2_query,
  rpc_v2_cbor,
};

struct Shape;

struct Member {
  std::string_view name;       // the model's: "TrainingJobName"
  std::string_view wire_name;  // locationName, else name
  const Shape* shape = nullptr;
  Location location = Location::body;
  bool required = false;
  bool idempotency_token = false;
  bool xml_attribute = false;
  bool flattened = false;  // a list or map without its wrapping element
  bool streaming = false;  // the body is a stream of bytes, not a value
  bool event_payload = false;
  bool event_header = false;
  bool host_label = false;
  TimestampFormat timestamp_format = TimestampFormat::unspecified;
  std::string_view xml_namespace = {};
  std::string_view xml_prefix = {};
};

struct Shape {
  std::string_view name;
  ShapeType type = ShapeType::structure;
  std::span<const Member> members = {};  // structure
  const Member* element = nullptr;       // list: element->shape; map: the value
  const Member* key = nullptr;           // map
  const Member* payload = nullptr;       // structure: the member that is the whole body
  // Length of strings, blobs and collections; range of numbers. NaN: none.
  double minimum = std::numeric_limits<double>::quiet_NaN();
  double maximum = std::numeric_limits<double>::quiet_NaN();
  std::string_view pattern = {};
  std::span<const std::string_view> enumeration = {};
  TimestampFormat timestamp_format = TimestampFormat::unspecified;
  bool flattened = false;
  bool sensitive = false;
  bool is_union = false;
  bool event_stream = false;
  bool event = false;
  bool json_value = false;  // a header that holds base64 of JSON text
  std::string_view xml_namespace = {};
  std::string_view xml_prefix = {};
  std::string_view xml_name = {};  // locationName of the shape itself
  // Error shapes.
  bool exception = false;
  bool sender_fault = true;
  int error_http_status = 0;
  std::string_view error_code = {};        // the code on the wire, else name
  std::string_view query_error_code = {};  // awsQueryCompatible: the older code
};

struct Pagination {
  std::string_view input_token;
  std::string_view output_token;
  std::string_view limit_key;
  std::string_view result_key;
};

struct Operation {
  std::string_view name;
  std::string_view http_method = "POST";
  std::string_view http_uri = "/";  // template: "/{Bucket}/{Key+}?uploads"
  int http_status = 200;
  const Shape* input = nullptr;  // nullptr: none
  const Shape* output = nullptr;
  // Element that wraps a restXml body or an awsQuery result; empty: none.
  std::string_view input_wrapper = {};
  std::string_view output_wrapper = {};
  std::string_view input_xml_namespace = {};
  std::span<const Shape* const> errors = {};
  const Pagination* pagination = nullptr;
  bool unsigned_auth = false;  // authtype none
  bool http_checksum_required = false;
  std::string_view checksum_request_member = {};
  bool event_stream_input = false;
  bool event_stream_output = false;
  // The text of the only body member is the text of the wrapper itself, without its own element (S3
  // GetBucketLocation).
  bool output_unwrapped = false;
};

struct Service {
  std::string_view name;             // botocore's folder: "sagemaker-runtime"
  std::string_view service_id;       // "SageMaker Runtime"
  std::string_view signing_name;     // SigV4 scope: "sagemaker"
  std::string_view endpoint_prefix;  // "runtime.sagemaker"
  std::string_view target_prefix;    // X-Amz-Target: "SageMaker"
  std::string_view api_version;
  std::string_view xml_namespace;
  std::span<const Protocol> protocols;  // the first is the model's preferred one
  bool query_compatible = false;
  std::span<const Operation> operations;  // ordered by name
};

// nullptr when the service does not have the operation. Binary search.
const Operation* find_operation(const Service& service, std::string_view name);
// nullptr when the structure does not have the member.
const Member* find_member(const Shape& shape, std::string_view name);

}  // namespace tidemill::schema

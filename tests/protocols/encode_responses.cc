// Reads cases from standard input and writes the responses that the codecs make of them to standard
// output, for check_responses.py, which passes them to botocore's parsers.
#include <cstdio>
#include <iostream>
#include <sstream>

#include "api/all_services.h"
#include "base/encoding.h"
#include "base/json.h"
#include "wire/protocols/protocol.h"

namespace tidemill::wire {
namespace {

schema::Protocol protocol_named(std::string_view name, std::string_view json_version) {
  using enum schema::Protocol;
  if (name == "json") return json_version == "1.0" ? aws_json_1_0 : aws_json_1_1;
  if (name == "query") return aws_query;
  if (name == "rest-json") return rest_json_1;
  if (name == "rest-xml") return rest_xml;
  return rpc_v2_cbor;
}

Value plain(const Value& value) {
  if (const ValueList* list = value.as_list()) {
    ValueList out;
    for (const Value& item : *list) out.push_back(plain(item));
    return out;
  }
  const ValueObject* object = value.as_object();
  if (!object) return value;
  if (const Value* bytes = object->find("$bytes"))
    return Blob{decode_base64(*bytes->as_string()).value()};
  if (const Value* time = object->find("$time")) return Timestamp{*time->get_if<std::int64_t>()};
  ValueObject out;
  for (const auto& [name, item] : *object) out.append(name, plain(item));
  return out;
}

std::string text_of(const Value& value, std::string_view name) {
  const Value* found = value.find(name);
  return found && found->as_string() ? *found->as_string() : "";
}

Value encode(const Value& test_case) {
  const schema::Service* service = nullptr;
  for (const schema::Service* each : api::all_services())
    if (each->name == text_of(test_case, "service")) service = each;
  if (!service) return Value("no service");
  const schema::Operation* operation =
      schema::find_operation(*service, text_of(test_case, "operation"));
  if (!operation) return Value("no operation");
  const Codec& codec =
      codec_for(protocol_named(text_of(test_case, "protocol"), text_of(test_case, "json_version")));
  HttpResponse response;
  if (const Value* error = test_case.find("error")) {
    Error made{text_of(*error, "code"), text_of(*error, "message")};
    if (const Value* details = error->find("details"))
      for (const auto& [name, value] : *details->as_object())
        made.details[name] = *value.as_string();
    HttpRequest request;
    request.method = "POST";
    response = codec.encode_error(*service, operation, made, "request-1", request);
  } else {
    response =
        codec.encode_response(*service, *operation, plain(*test_case.find("output")), "request-1");
  }
  ValueObject headers;
  for (const auto& [name, value] : response.headers.fields()) headers.append(name, value);
  // Frames an answer to HEAD as the server does.
  if (response.head_content_length)
    headers.set("Content-Length", std::to_string(*response.head_content_length));
  ValueObject out;
  out.append("status", response.status);
  out.append("headers", std::move(headers));
  out.append("body", encode_base64(response.body));
  return out;
}

}  // namespace
}  // namespace tidemill::wire

int main() {
  std::ostringstream text;
  text << std::cin.rdbuf();
  tidemill::Result<tidemill::Value> cases = tidemill::parse_json(text.str());
  if (!cases || !cases->as_list()) {
    std::fprintf(stderr, "no list of cases on standard input\n");
    return 1;
  }
  tidemill::ValueList out;
  for (const tidemill::Value& test_case : *cases->as_list())
    out.push_back(tidemill::wire::encode(test_case));
  std::cout << tidemill::write_json(out) << "\n";
}

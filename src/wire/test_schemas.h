// Small hand-written models like AWS's, for tests and fuzzers of this folder, which cannot use the
// generated tables: api/ is above wire/.
#pragma once

#include "base/schema.h"

namespace tidemill::wire::test {

using namespace schema;

inline constexpr Shape kString{.name = "String", .type = ShapeType::string};
inline constexpr Shape kInteger{.name = "Integer", .type = ShapeType::integer};
inline constexpr Shape kLong{.name = "Long", .type = ShapeType::long_integer};
inline constexpr Shape kDouble{.name = "Double", .type = ShapeType::double_number};
inline constexpr Shape kFloat{.name = "Float", .type = ShapeType::float_number};
inline constexpr Shape kBoolean{.name = "Boolean", .type = ShapeType::boolean};
inline constexpr Shape kBlob{.name = "Blob", .type = ShapeType::blob};
inline constexpr Shape kTimestamp{.name = "Timestamp", .type = ShapeType::timestamp};
inline constexpr Shape kDocument{.name = "Document", .type = ShapeType::document};
inline constexpr Shape kJsonHeader{
    .name = "JsonHeader", .type = ShapeType::string, .json_value = true};

inline constexpr Member kElement{.name = "member", .wire_name = "member", .shape = &kString};
inline constexpr Shape kStringList{
    .name = "StringList", .type = ShapeType::list, .element = &kElement};
inline constexpr Member kIntegerElement{
    .name = "member", .wire_name = "member", .shape = &kInteger};
inline constexpr Shape kIntegerList{
    .name = "IntegerList", .type = ShapeType::list, .element = &kIntegerElement};
inline constexpr Member kTimestampElement{
    .name = "member", .wire_name = "member", .shape = &kTimestamp};
inline constexpr Shape kTimestampList{
    .name = "TimestampList", .type = ShapeType::list, .element = &kTimestampElement};
inline constexpr Member kMapKey{.name = "key", .wire_name = "key", .shape = &kString};
inline constexpr Member kMapValue{.name = "value", .wire_name = "value", .shape = &kString};
inline constexpr Shape kStringMap{
    .name = "StringMap", .type = ShapeType::map, .element = &kMapValue, .key = &kMapKey};
inline constexpr Member kListValue{.name = "value", .wire_name = "value", .shape = &kStringList};
inline constexpr Shape kListMap{
    .name = "ListMap", .type = ShapeType::map, .element = &kListValue, .key = &kMapKey};

inline constexpr Member kTagMembers[] = {
    {.name = "Key", .wire_name = "Key", .shape = &kString, .required = true},
    {.name = "Value", .wire_name = "Value", .shape = &kString},
};
inline constexpr Shape kTag{.name = "Tag", .members = kTagMembers};
inline constexpr Member kTagElement{.name = "member", .wire_name = "member", .shape = &kTag};
inline constexpr Shape kTagList{
    .name = "TagList", .type = ShapeType::list, .element = &kTagElement};
inline constexpr Member kNamedTagElement{.name = "member", .wire_name = "Tag", .shape = &kTag};
inline constexpr Shape kTagSet{
    .name = "TagSet", .type = ShapeType::list, .element = &kNamedTagElement};

// One member of each type; also contains itself.
extern const Shape kEverything;
inline constexpr Member kEverythingElement{
    .name = "member", .wire_name = "member", .shape = &kEverything};
inline constexpr Shape kEverythingList{
    .name = "EverythingList", .type = ShapeType::list, .element = &kEverythingElement};
inline constexpr Member kEverythingMembers[] = {
    {.name = "Text", .wire_name = "Text", .shape = &kString},
    {.name = "Count", .wire_name = "Count", .shape = &kInteger},
    {.name = "Big", .wire_name = "Big", .shape = &kLong},
    {.name = "Ratio", .wire_name = "Ratio", .shape = &kDouble},
    {.name = "Single", .wire_name = "Single", .shape = &kFloat},
    {.name = "Flag", .wire_name = "Flag", .shape = &kBoolean},
    {.name = "Bytes", .wire_name = "Bytes", .shape = &kBlob},
    {.name = "Time", .wire_name = "Time", .shape = &kTimestamp},
    {.name = "IsoTime",
     .wire_name = "IsoTime",
     .shape = &kTimestamp,
     .timestamp_format = TimestampFormat::iso8601},
    {.name = "Names", .wire_name = "Names", .shape = &kStringList},
    {.name = "FlatNames", .wire_name = "FlatName", .shape = &kStringList, .flattened = true},
    {.name = "Tags", .wire_name = "Tags", .shape = &kTagList},
    {.name = "FlatTags", .wire_name = "FlatTags", .shape = &kTagSet, .flattened = true},
    {.name = "Labels", .wire_name = "Labels", .shape = &kStringMap},
    {.name = "FlatLabels", .wire_name = "FlatLabel", .shape = &kStringMap, .flattened = true},
    {.name = "Anything", .wire_name = "Anything", .shape = &kDocument},
    {.name = "Renamed", .wire_name = "renamed_on_wire", .shape = &kString},
    {.name = "Kind", .wire_name = "xsi:type", .shape = &kString, .xml_attribute = true},
    {.name = "Nested", .wire_name = "Nested", .shape = &kEverything},
    {.name = "NestedList", .wire_name = "NestedList", .shape = &kEverythingList},
};
inline constexpr Shape kEverything{
    .name = "Everything", .type = ShapeType::structure, .members = kEverythingMembers};

// REST: members in every location.
inline constexpr Member kRestMembers[] = {
    {.name = "Name",
     .wire_name = "Name",
     .shape = &kString,
     .location = Location::uri,
     .required = true},
    {.name = "Rest", .wire_name = "Rest", .shape = &kString, .location = Location::uri},
    {.name = "Max", .wire_name = "max", .shape = &kInteger, .location = Location::query_string},
    {.name = "Since",
     .wire_name = "since",
     .shape = &kTimestamp,
     .location = Location::query_string},
    {.name = "Ids", .wire_name = "id", .shape = &kStringList, .location = Location::query_string},
    {.name = "Extra", .wire_name = "Extra", .shape = &kListMap, .location = Location::query_string},
    {.name = "Modified",
     .wire_name = "x-modified",
     .shape = &kTimestamp,
     .location = Location::header},
    {.name = "Times",
     .wire_name = "x-times",
     .shape = &kTimestampList,
     .location = Location::header},
    {.name = "Words", .wire_name = "x-words", .shape = &kStringList, .location = Location::header},
    {.name = "Json", .wire_name = "x-json", .shape = &kJsonHeader, .location = Location::header},
    {.name = "Meta", .wire_name = "x-meta-", .shape = &kStringMap, .location = Location::headers},
    {.name = "Status",
     .wire_name = "Status",
     .shape = &kInteger,
     .location = Location::status_code},
    {.name = "BodyText", .wire_name = "bodyText", .shape = &kString},
    {.name = "BodyTags", .wire_name = "BodyTags", .shape = &kTagSet},
};
inline constexpr Shape kRest{.name = "RestShape", .members = kRestMembers};

inline constexpr Member kPayloadMembers[] = {
    {.name = "Type", .wire_name = "Content-Type", .shape = &kString, .location = Location::header},
    {.name = "Body", .wire_name = "Body", .shape = &kBlob},
};
inline constexpr Shape kBlobPayload{
    .name = "BlobPayload", .members = kPayloadMembers, .payload = &kPayloadMembers[1]};
inline constexpr Member kStructPayloadMembers[] = {
    {.name = "Item", .wire_name = "ItemRoot", .shape = &kEverything},
};
inline constexpr Shape kStructPayload{.name = "StructPayload",
                                      .members = kStructPayloadMembers,
                                      .payload = &kStructPayloadMembers[0]};

inline constexpr Member kMessageMembers[] = {
    {.name = "Message", .wire_name = "Message", .shape = &kString},
    {.name = "OriginalStatusCode", .wire_name = "OriginalStatusCode", .shape = &kInteger},
    {.name = "OriginalMessage", .wire_name = "OriginalMessage", .shape = &kString},
};
inline constexpr Shape kModelError{
    .name = "ModelError", .members = kMessageMembers, .exception = true, .error_http_status = 424};
inline constexpr Shape kNoSuchThing{.name = "NoSuchThing",
                                    .exception = true,
                                    .sender_fault = true,
                                    .error_http_status = 404,
                                    .query_error_code = "AWS.Old.NoSuchThing"};
inline constexpr const Shape* kErrors[] = {&kModelError, &kNoSuchThing};

inline constexpr Operation kJsonOperations[] = {
    {.name = "Echo", .input = &kEverything, .output = &kEverything, .errors = kErrors},
};
inline constexpr Protocol kJsonProtocols[] = {Protocol::aws_json_1_1};
inline constexpr Service kJsonService{.name = "jsonish",
                                      .service_id = "Jsonish",
                                      .signing_name = "jsonish",
                                      .endpoint_prefix = "jsonish",
                                      .target_prefix = "Jsonish_20200101",
                                      .api_version = "2020-01-01",
                                      .protocols = kJsonProtocols,
                                      .operations = kJsonOperations};

inline constexpr Operation kQueryOperations[] = {
    {.name = "Echo",
     .input = &kEverything,
     .output = &kEverything,
     .output_wrapper = "EchoResult",
     .errors = kErrors},
    {.name = "Forget", .input = &kTag, .errors = kErrors},
};
inline constexpr Protocol kQueryProtocols[] = {Protocol::aws_query};
inline constexpr Service kQueryService{
    .name = "queryish",
    .service_id = "Queryish",
    .signing_name = "queryish",
    .endpoint_prefix = "queryish",
    .api_version = "2011-06-15",
    .xml_namespace = "https://queryish.amazonaws.com/doc/2011-06-15/",
    .protocols = kQueryProtocols,
    .operations = kQueryOperations};

inline constexpr Protocol kCborProtocols[] = {Protocol::rpc_v2_cbor, Protocol::aws_json_1_0,
                                              Protocol::aws_query};
inline constexpr Service kCborService{
    .name = "cborish",
    .service_id = "Cborish",
    .signing_name = "monitoring",
    .endpoint_prefix = "monitoring",
    .target_prefix = "GraniteServiceVersion20100801",
    .api_version = "2010-08-01",
    .xml_namespace = "http://monitoring.amazonaws.com/doc/2010-08-01/",
    .protocols = kCborProtocols,
    .query_compatible = true,
    .operations = kQueryOperations};

inline constexpr Operation kRestOperations[] = {
    {.name = "GetThing",
     .http_method = "GET",
     .http_uri = "/things/{Name}/{Rest+}",
     .input = &kRest,
     .output = &kRest,
     .errors = kErrors},
    {.name = "Invoke",
     .http_method = "POST",
     .http_uri = "/endpoints/{Name}/invocations",
     .input = &kBlobPayload,
     .output = &kBlobPayload,
     .errors = kErrors},
    {.name = "PutItem",
     .http_method = "PUT",
     .http_uri = "/items/{Name}",
     .input = &kStructPayload,
     .output = &kStructPayload,
     .errors = kErrors},
};
inline constexpr Protocol kRestJsonProtocols[] = {Protocol::rest_json_1};
inline constexpr Service kRestJsonService{.name = "restish",
                                          .service_id = "Restish",
                                          .signing_name = "jsonish",
                                          .endpoint_prefix = "runtime.restish",
                                          .api_version = "2020-01-01",
                                          .protocols = kRestJsonProtocols,
                                          .operations = kRestOperations};
inline constexpr Protocol kRestXmlProtocols[] = {Protocol::rest_xml};
inline constexpr Service kRestXmlService{
    .name = "restxmlish",
    .service_id = "Restxmlish",
    .signing_name = "restxmlish",
    .endpoint_prefix = "restxmlish",
    .api_version = "2020-01-01",
    .xml_namespace = "http://restxmlish.amazonaws.com/doc/2020-01-01/",
    .protocols = kRestXmlProtocols,
    .operations = kRestOperations};

}  // namespace tidemill::wire::test

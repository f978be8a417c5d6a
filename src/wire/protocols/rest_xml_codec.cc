// restXml: bindings of HTTP, and an XML body; S3 with its own root elements and errors.
#include <algorithm>

#include "base/encoding.h"
#include "wire/protocols/codecs.h"
#include "wire/protocols/errors.h"
#include "wire/protocols/http_binding.h"
#include "wire/protocols/rest_codec.h"
#include "wire/protocols/xml.h"

namespace tidemill::wire {
namespace {

using schema::Member;
using schema::Operation;
using schema::Service;
using schema::Shape;

constexpr std::string_view kDeclaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
constexpr std::string_view kMalformedXml =
    "The XML you provided was not well-formed or did not validate against our published schema";

// S3's root elements that the models do not name (from the S3 API reference).
constexpr std::pair<std::string_view, std::string_view> kS3Roots[] = {
    {"CompleteMultipartUpload", "CompleteMultipartUploadResult"},
    {"CreateMultipartUpload", "InitiateMultipartUploadResult"},
    {"DeleteObjects", "DeleteResult"},
    {"GetBucketAcl", "AccessControlPolicy"},
    {"GetBucketCors", "CORSConfiguration"},
    {"GetBucketLifecycleConfiguration", "LifecycleConfiguration"},
    {"GetBucketLogging", "BucketLoggingStatus"},
    {"GetBucketNotificationConfiguration", "NotificationConfiguration"},
    {"GetBucketRequestPayment", "RequestPaymentConfiguration"},
    {"GetBucketTagging", "Tagging"},
    {"GetBucketVersioning", "VersioningConfiguration"},
    {"GetBucketWebsite", "WebsiteConfiguration"},
    {"GetObjectAcl", "AccessControlPolicy"},
    {"GetObjectAttributes", "GetObjectAttributesResponse"},
    {"GetObjectTagging", "Tagging"},
    {"ListBuckets", "ListAllMyBucketsResult"},
    {"ListMultipartUploads", "ListMultipartUploadsResult"},
    {"ListObjectVersions", "ListVersionsResult"},
    {"ListObjects", "ListBucketResult"},
    {"ListObjectsV2", "ListBucketResult"},
    {"ListParts", "ListPartsResult"},
};

std::string root_name(const Service& service, const Operation& operation, const Shape& shape,
                      const Member* payload) {
  if (payload) return std::string(payload->wire_name);
  if (is_s3(service))
    for (const auto& [name, root] : kS3Roots)
      if (name == operation.name) return std::string(root);
  if (!operation.output_wrapper.empty()) return std::string(operation.output_wrapper);
  if (!shape.xml_name.empty()) return std::string(shape.xml_name);
  return std::string(operation.name) + "Result";
}

constexpr std::string_view kVersions = "Versions", kMarkers = "DeleteMarkers";

// Whether a version or delete marker is listed before another: by key, the newest first.
class ListedBefore {
 public:
  explicit ListedBefore(bool keys_are_encoded) : keys_are_encoded_(keys_are_encoded) {}
  bool operator()(const Value& a, const Value& b) const {
    const std::string key_a = key_of(a), key_b = key_of(b);
    if (key_a != key_b) return key_a < key_b;
    const Timestamp time_a = time_of(a), time_b = time_of(b);
    return time_a == time_b ? is_latest(a) && !is_latest(b) : time_a > time_b;
  }

 private:
  std::string key_of(const Value& entry) const {
    const Value* key = entry.find("Key");
    if (!key || !key->as_string()) return {};
    return keys_are_encoded_ ? percent_decode(*key->as_string(), true).value_or(*key->as_string())
                             : *key->as_string();
  }
  static Timestamp time_of(const Value& entry) {
    const Value* time = entry.find("LastModified");
    const Timestamp* known = time ? time->get_if<Timestamp>() : nullptr;
    return known ? *known : Timestamp{};
  }
  static bool is_latest(const Value& entry) {
    const Value* latest = entry.find("IsLatest");
    const bool* known = latest ? latest->get_if<bool>() : nullptr;
    return known && *known;
  }

  const bool keys_are_encoded_;
};

// S3 tells whole seconds, as the Last-Modified header does.
Value in_whole_seconds(Value entry) {
  constexpr std::int64_t kSecondMicroseconds = 1'000'000;
  ValueObject* members = entry.as_object();
  if (Value* time = members ? members->find("LastModified") : nullptr)
    if (Timestamp* known = time->get_if<Timestamp>())
      known->microseconds -= known->microseconds % kSecondMicroseconds;
  return entry;
}

// The model has versions and delete markers apart. S3 mixes them in the order of the listing, and
// clients that read one entry after the other depend on that.
void write_versions(const Shape& shape, const Value& value, XmlWriter& xml) {
  ValueObject rest;
  for (const auto& [name, member] : *value.as_object())
    if (name != kVersions && name != kMarkers) rest.append(name, member);
  const bool encoded = rest.find("EncodingType");
  xml.members(shape, Value(std::move(rest)), true);
  const auto list_of = [&](std::string_view name) {
    const Value* list = value.find(name);
    return list && list->as_list() ? *list->as_list() : ValueList();
  };
  const ValueList versions = list_of(kVersions), markers = list_of(kMarkers);
  const ListedBefore before(encoded);
  std::size_t version = 0, marker = 0;
  while (version < versions.size() || marker < markers.size()) {
    const bool is_marker = version == versions.size() ||
                           (marker < markers.size() && before(markers[marker], versions[version]));
    ValueObject one;
    one.append(std::string(is_marker ? kMarkers : kVersions),
               ValueList{in_whole_seconds(is_marker ? markers[marker++] : versions[version++])});
    xml.members(shape, Value(std::move(one)), true);
  }
}

class RestXmlCodec final : public RestCodec {
 public:
  HttpResponse encode_error(const Service& service, const Operation* operation, const Error& error,
                            std::string_view request_id,
                            const HttpRequest& request) const override {
    const Shape* shape = find_error_shape(service, operation, error.code);
    HttpResponse response;
    response.status = error_status(service, operation, error);
    if (shape) write_bindings(*shape, error_members(shape, error), response);
    add_request_id(service, request_id, response);
    // 304, 204 and 1xx never have a body.
    if (response.status == 304 || response.status == 204) return response;
    response.headers.set("Content-Type", "application/xml");
    response.body = kDeclaration;
    XmlWriter xml(response.body, true);
    if (is_s3(service))
      write_s3_error(error, request_id, xml);
    else
      write_error(service, shape, error, request_id, response.status, xml);
    drop_body_of_head(request, response);
    return response;
  }

 protected:
  Result<Value> read_body(const Operation& operation, const Shape& shape, const Member* payload,
                          std::string_view body) const override {
    std::string_view root = payload ? payload->wire_name : operation.input_wrapper;
    if (payload && !shape.xml_name.empty() && body.find(payload->wire_name) == body.npos)
      root = shape.xml_name;
    Result<Value> value = read_xml(shape, body, payload == nullptr, root);
    if (!value) {
      Error error{"MalformedXML", std::string(kMalformedXml), 400};
      error.message += " (" + value.error().message + ").";
      return fail(std::move(error));
    }
    return value;
  }

  void write_body(const Service& service, const Operation& operation, const Shape& shape,
                  const Member* payload, const Value& value,
                  HttpResponse& response) const override {
    response.headers.set("Content-Type", "application/xml");
    response.body = kDeclaration;
    XmlWriter xml(response.body, true);
    std::string_view xml_namespace = service.xml_namespace;
    if (is_s3(service) && xml_namespace.empty())
      xml_namespace = "http://s3.amazonaws.com/doc/2006-03-01/";
    if (is_s3(service) && operation.name == "GetBucketLocation") {
      // The only S3 answer whose single member is the root itself.
      const Value* location = value.find("LocationConstraint");
      xml.open("LocationConstraint", xml_namespace, {}, nullptr, nullptr);
      if (location && location->as_string()) write_xml_text(*location->as_string(), response.body);
      xml.close("LocationConstraint");
      return;
    }
    std::string root = root_name(service, operation, shape, payload);
    xml.open(root, xml_namespace, {}, &shape, &value);
    if (is_s3(service) && operation.name == "ListObjectVersions")
      write_versions(shape, value, xml);
    else
      xml.members(shape, value, payload == nullptr);
    xml.close(root);
  }

  Error binding_error(const Service& service, Error error) const override {
    error.code = is_s3(service) ? "InvalidArgument" : "SerializationException";
    error.http_status = 400;
    return error;
  }

 private:
  static void write_s3_error(const Error& error, std::string_view request_id, XmlWriter& xml) {
    xml.open("Error", {}, {}, nullptr, nullptr);
    xml.element("Code", error.code);
    xml.element("Message", error.message);
    for (const auto& [name, value] : error.details) xml.element(name, value);
    xml.element("RequestId", request_id);
    xml.element("HostId", host_id(request_id));
    xml.close("Error");
  }

  static void write_error(const Service& service, const Shape* shape, const Error& error,
                          std::string_view request_id, int status, XmlWriter& xml) {
    xml.open("ErrorResponse", service.xml_namespace, {}, nullptr, nullptr);
    xml.open("Error", {}, {}, nullptr, nullptr);
    xml.element("Type", sender_fault(shape, status) ? "Sender" : "Receiver");
    xml.element("Code",
                shape && shape->error_code.empty() ? shape->name : query_code(shape, error));
    xml.element("Message", error.message);
    if (shape) {
      ValueObject details = *error_members(shape, error).as_object();
      details.erase("Message");
      details.erase("message");
      xml.members(*shape, Value(std::move(details)), true);
    }
    xml.close("Error");
    xml.element("RequestId", request_id);
    xml.close("ErrorResponse");
  }
};

}  // namespace

const Codec& rest_xml_codec() {
  static const RestXmlCodec kCodec;
  return kCodec;
}

}  // namespace tidemill::wire

// Requests made by botocore's serializers (make_vectors.py): the router must find their operation
// and the codec must decode the original parameters.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "api/all_services.h"
#include "base/encoding.h"
#include "base/json.h"
#include "wire/protocols/protocol.h"
#include "wire/routing/router.h"

namespace tidemill::wire {
namespace {

Value load(const std::string& name) {
  std::ifstream file(std::string(TIDEMILL_TESTDATA) + "/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  Result<Value> value = parse_json(text.str());
  EXPECT_TRUE(value) << name;
  return value ? std::move(*value) : Value();
}

std::string text_of(const Value& value, std::string_view name) {
  const Value* found = value.find(name);
  return found && found->as_string() ? *found->as_string() : "";
}

// Turns {"$bytes"} and {"$time"} into their kinds; a whole number may stand for a double.
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

// Ignores the order of members; returns where the first difference is.
std::string difference(const Value& expected, const Value& actual, const std::string& path) {
  if (const ValueObject* object = expected.as_object()) {
    const ValueObject* other = actual.as_object();
    if (!other) return path + ": no object";
    if (object->size() != other->size())
      return path + ": " + write_json(expected) + " but read " + write_json(actual);
    for (const auto& [name, item] : *object) {
      const Value* found = other->find(name);
      if (!found) return path + "." + name + ": missing";
      if (std::string text = difference(item, *found, path + "." + name); !text.empty())
        return text;
    }
    return "";
  }
  if (const ValueList* list = expected.as_list()) {
    const ValueList* other = actual.as_list();
    if (!other || list->size() != other->size()) return path + ": another length";
    for (std::size_t i = 0; i < list->size(); ++i)
      if (std::string text =
              difference((*list)[i], (*other)[i], path + "[" + std::to_string(i) + "]");
          !text.empty())
        return text;
    return "";
  }
  return expected == actual
             ? ""
             : path + ": " + write_json(expected) + " but read " + write_json(actual);
}

TEST(RequestVectors, Decode_to_the_parameters_they_were_made_from) {
  Router router(api::all_services());
  Value vectors = load("requests.json");
  const Value* requests = vectors.find("requests");
  ASSERT_TRUE(requests && requests->as_list());
  EXPECT_GT(requests->as_list()->size(), 20u);
  for (const Value& vector : *requests->as_list()) {
    SCOPED_TRACE(text_of(vector, "service") + " " + text_of(vector, "operation") + " " +
                 text_of(vector, "protocol"));
    HttpRequest request;
    request.method = text_of(vector, "method");
    request.target = text_of(vector, "target");
    ASSERT_TRUE(parse_target(request)) << request.target;
    request.headers.add("Host", "localhost:4566");
    for (const auto& [name, value] : *vector.find("headers")->as_object())
      request.headers.add(name, *value.as_string());
    request.body = decode_base64(text_of(vector, "body")).value();
    Result<Route> route = router.resolve(request, text_of(vector, "signing_name"));
    ASSERT_TRUE(route) << route.error().message;
    EXPECT_EQ(route->operation->name, text_of(vector, "operation"));
    const Codec& codec = codec_for(route->protocol);
    Result<Value> decoded =
        codec.decode_request(*route->service, *route->operation, request, route->labels);
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(difference(plain(*vector.find("parameters")), *decoded, ""), "");
  }
}

}  // namespace
}  // namespace tidemill::wire

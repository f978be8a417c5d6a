// Events of modelled streams: union members to event stream messages.
#include "base/json.h"
#include "wire/protocols/event_stream.h"
#include "wire/protocols/protocol.h"
#include "wire/protocols/typed_value.h"

namespace tidemill::wire {
namespace {

using schema::Member;
using schema::Shape;
using schema::ShapeType;

const Member* payload_of(const Shape& event) {
  for (const Member& member : event.members)
    if (member.event_payload) return &member;
  return nullptr;
}

void add_event_header(const Member& member, const Value& value, EventMessage& message) {
  std::string name(member.wire_name);
  if (const std::string* text = value.as_string()) {
    message.headers.emplace_back(std::move(name), *text);
  } else if (const bool* boolean = value.get_if<bool>()) {
    message.headers.emplace_back(std::move(name), *boolean);
  } else if (const std::int64_t* number = value.get_if<std::int64_t>()) {
    if (member.shape->type == ShapeType::integer)
      message.headers.emplace_back(std::move(name), std::int32_t(*number));
    else
      message.headers.emplace_back(std::move(name), *number);
  } else if (const Timestamp* time = value.get_if<Timestamp>()) {
    message.headers.emplace_back(std::move(name), *time);
  } else if (const Blob* blob = value.get_if<Blob>()) {
    message.headers.emplace_back(std::move(name), *blob);
  }
}

void add_payload(const Shape& shape, const Value& value, EventMessage& message) {
  const char* type = "application/json";
  if (shape.type == ShapeType::blob) {
    type = "application/octet-stream";
    if (const Blob* blob = value.get_if<Blob>())
      message.payload = blob->bytes;
    else if (const std::string* text = value.as_string())
      message.payload = *text;
  } else if (shape.type == ShapeType::string) {
    type = "text/plain";
    if (const std::string* text = value.as_string()) message.payload = *text;
  } else {
    write_typed_json(shape, value, message.payload);
  }
  message.headers.emplace_back(":content-type", std::string(type));
}

}  // namespace

std::string encode_blob_event(std::string_view event_type, std::string_view bytes) {
  EventMessage message;
  message.headers.reserve(3);
  message.headers.emplace_back(":message-type", std::string("event"));
  message.headers.emplace_back(":event-type", std::string(event_type));
  message.headers.emplace_back(":content-type", std::string("application/octet-stream"));
  message.payload = bytes;
  return encode_event_message(message);
}

std::string encode_json_event(const Shape& stream, const Value& event) {
  const ValueObject* object = event.as_object();
  if (!object || object->empty()) return "";
  const auto& [name, value] = *object->begin();
  const Member* member = schema::find_member(stream, name);
  if (!member) return "";
  const Shape& shape = *member->shape;
  EventMessage message;
  bool exception = shape.exception;
  message.headers.emplace_back(":message-type", std::string(exception ? "exception" : "event"));
  message.headers.emplace_back(exception ? ":exception-type" : ":event-type",
                               std::string(member->wire_name));
  ValueObject rest;
  for (const Member& each : shape.members) {
    const Value* item = value.find(each.name);
    if (!item || item->is_null()) continue;
    if (each.event_header)
      add_event_header(each, *item, message);
    else if (!each.event_payload)
      rest.append(std::string(each.name), *item);
  }
  if (const Member* payload = payload_of(shape)) {
    const Value* item = value.find(payload->name);
    add_payload(*payload->shape, item ? *item : Value(), message);
  } else {
    add_payload(shape, Value(std::move(rest)), message);
  }
  return encode_event_message(message);
}

std::string Codec::encode_event(const Shape&, const Value&) const { return ""; }

std::string Codec::encode_event_error(const Shape& stream, const Error& error) const {
  // A modelled error is an exception event; others end the stream with an error message.
  for (const Member& member : stream.members) {
    if (!member.shape->exception || (member.shape->name != error.code && member.name != error.code))
      continue;
    ValueObject fields;
    for (const Member& each : member.shape->members) {
      if (equal_ignoring_case(each.name, "message"))
        fields.append(std::string(each.name), error.message);
      else if (auto detail = error.details.find(std::string(each.wire_name));
               detail != error.details.end())
        fields.append(std::string(each.name), detail->second);
    }
    ValueObject event;
    event.append(std::string(member.name), std::move(fields));
    return encode_json_event(stream, Value(std::move(event)));
  }
  EventMessage message;
  message.headers.emplace_back(":message-type", std::string("error"));
  message.headers.emplace_back(":error-code", error.code);
  message.headers.emplace_back(":error-message", error.message);
  return encode_event_message(message);
}

}  // namespace tidemill::wire

#include <bit>
#include <cmath>

#include "wire/protocols/cbor.h"

namespace tidemill::wire {
namespace {

using schema::Member;
using schema::Shape;
using schema::ShapeType;

void write_head(unsigned major, std::uint64_t argument, std::string& out) {
  auto first = [&](unsigned info) { out += char(major << 5 | info); };
  int bytes = 0;
  if (argument < 24) return first(unsigned(argument));
  if (argument <= 0xff)
    first(24), bytes = 1;
  else if (argument <= 0xffff)
    first(25), bytes = 2;
  else if (argument <= 0xffff'ffff)
    first(26), bytes = 4;
  else
    first(27), bytes = 8;
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += char(argument >> shift & 255);
}

void write_integer(std::int64_t number, std::string& out) {
  if (number >= 0)
    write_head(0, std::uint64_t(number), out);
  else
    write_head(1, std::uint64_t(-1 - number), out);
}

void write_bits(unsigned char head, std::uint64_t bits, int bytes, std::string& out) {
  out += char(head);
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += char(bits >> shift & 255);
}

void write_double(double number, std::string& out) {
  // The shorter form if it is exact.
  if (double(float(number)) == number || std::isnan(number))
    write_bits(0xfa, std::bit_cast<std::uint32_t>(float(number)), 4, out);
  else
    write_bits(0xfb, std::bit_cast<std::uint64_t>(number), 8, out);
}

void write_timestamp(Timestamp time, std::string& out) {
  write_head(6, 1, out);
  std::int64_t milliseconds = time.microseconds / 1000;
  if (time.microseconds % 1000 < 0) --milliseconds;
  if (milliseconds % 1000 == 0)
    write_integer(milliseconds / 1000, out);
  else
    write_bits(0xfb, std::bit_cast<std::uint64_t>(double(milliseconds) / 1000.0), 8, out);
}

void write_bytes(std::string_view bytes, std::string& out) {
  write_head(2, bytes.size(), out);
  out += bytes;
}

struct Writer {
  std::string& out;
  void operator()(std::monostate) { out += char(0xf6); }
  void operator()(bool value) { out += char(value ? 0xf5 : 0xf4); }
  void operator()(std::int64_t value) { write_integer(value, out); }
  void operator()(double value) { write_double(value, out); }
  void operator()(const std::string& value) { write_cbor_text(value, out); }
  void operator()(const Blob& value) { write_bytes(value.bytes, out); }
  void operator()(Timestamp value) { write_timestamp(value, out); }
  void operator()(const ValueList& list) {
    write_head(4, list.size(), out);
    for (const Value& item : list) write_cbor(item, out);
  }
  void operator()(const ValueObject& object) {
    write_head(5, object.size(), out);
    for (const auto& [name, item] : object) {
      write_cbor_text(name, out);
      write_cbor(item, out);
    }
  }
};

void write_typed_structure(const Shape& shape, const ValueObject& object, std::string& out) {
  std::size_t count = 0;
  for (const auto& [name, item] : object)
    if (!item.is_null() && schema::find_member(shape, name)) ++count;
  write_head(5, count, out);
  for (const auto& [name, item] : object) {
    const Member* member = item.is_null() ? nullptr : schema::find_member(shape, name);
    if (!member) continue;
    write_cbor_text(member->wire_name, out);
    write_typed_cbor(*member->shape, item, out);
  }
}

}  // namespace

void write_cbor_text(std::string_view text, std::string& out) {
  write_head(3, text.size(), out);
  out += text;
}

void write_cbor_map_head(std::size_t count, std::string& out) { write_head(5, count, out); }

void write_cbor(const Value& value, std::string& out) { std::visit(Writer{out}, value.storage()); }

void write_typed_cbor(const Shape& shape, const Value& value, std::string& out) {
  if (shape.type == ShapeType::structure && value.as_object())
    return write_typed_structure(shape, *value.as_object(), out);
  if (shape.type == ShapeType::list && value.as_list()) {
    write_head(4, value.as_list()->size(), out);
    for (const Value& item : *value.as_list()) write_typed_cbor(*shape.element->shape, item, out);
    return;
  }
  if (shape.type == ShapeType::map && value.as_object()) {
    write_head(5, value.as_object()->size(), out);
    for (const auto& [name, item] : *value.as_object()) {
      write_cbor_text(name, out);
      write_typed_cbor(*shape.element->shape, item, out);
    }
    return;
  }
  bool real = shape.type == ShapeType::double_number || shape.type == ShapeType::float_number;
  if (const std::int64_t* whole = value.get_if<std::int64_t>(); real && whole)
    return write_double(double(*whole), out);
  if (const double* number = value.get_if<double>();
      number && shape.type == ShapeType::float_number)
    return write_bits(0xfa, std::bit_cast<std::uint32_t>(float(*number)), 4, out);
  if (const std::string* text = value.as_string(); text && shape.type == ShapeType::blob)
    return write_bytes(*text, out);
  write_cbor(value, out);
}

}  // namespace tidemill::wire

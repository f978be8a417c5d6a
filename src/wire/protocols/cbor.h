// CBOR (RFC 8949), as much as the rpcv2Cbor protocol needs.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/schema.h"
#include "base/value.h"

namespace tidemill::wire {

inline constexpr int cbor_depth_max = 128;

// Reads exactly one data item. Definite and indefinite lengths, half to double floats; tag 1
// becomes a Timestamp, other tags are ignored; undefined reads as null. Map keys must be text.
// Tidemill.Invalid on malformed input, with the position of the byte.
Result<Value> parse_cbor(std::string_view bytes);

// Definite lengths; timestamps as tag 1 of a double (or integer when whole).
void write_cbor(const Value& value, std::string& out);
// Under a schema: integers for integer shapes, floats for number shapes, bytes for blobs.
void write_typed_cbor(const schema::Shape& shape, const Value& value, std::string& out);
void write_cbor_text(std::string_view text, std::string& out);
void write_cbor_map_head(std::size_t count, std::string& out);

}  // namespace tidemill::wire

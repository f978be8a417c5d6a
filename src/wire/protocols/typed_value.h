// Self-describing trees (JSON, CBOR) to Values under a schema, and Values to JSON text.
#pragma once

#include <string>

#include "base/error.h"
#include "base/schema.h"
#include "base/value.h"

namespace tidemill::wire {

// Checks and converts a parsed tree: timestamps from numbers, blobs from base64; drops nulls and
// members that the schema lacks. Takes the tree apart instead of copying it. With `body_only`,
// ignores members bound to headers, URI and query string at the top level. Tidemill.Invalid names
// the member and both types.
Result<Value> typed_value(const schema::Shape& shape, Value tree, bool body_only = false);

// JSON text of the value. A member whose Value is null is left out.
void write_typed_json(const schema::Shape& shape, const Value& value, std::string& out,
                      bool body_only = false);

}  // namespace tidemill::wire

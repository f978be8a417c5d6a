// Members of REST protocols outside the body: URI labels, query string, headers, status code.
#pragma once

#include "base/error.h"
#include "base/schema.h"
#include "base/value.h"
#include "wire/http.h"
#include "wire/protocols/protocol.h"

namespace tidemill::wire {

// Adds the input's bound members to `out`. Tidemill.Invalid for values of the wrong type.
Result<void> read_bindings(const schema::Shape& shape, const HttpRequest& request,
                           const UriLabels& labels, ValueObject& out);

// Sets headers and status from bound output members (also of error shapes).
void write_bindings(const schema::Shape& shape, const Value& output, HttpResponse& response);

// Whether members make up the body of a shape without a payload member.
bool has_body_members(const schema::Shape& shape);

}  // namespace tidemill::wire

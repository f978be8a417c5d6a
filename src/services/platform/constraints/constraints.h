// The model's constraints on a request, so that no handler repeats them: required, length, range,
// pattern and enum, at every level.
#pragma once

#include "base/error.h"
#include "base/schema.h"
#include "base/value.h"

namespace tidemill::services {

// ValidationException in AWS's wording, with every violation (up to a limit):
//   2 validation errors detected: Value null at 'roleArn' failed to satisfy constraint: Member must
//   not be null; Value '' at 'tags.1.member.key' failed to satisfy constraint: ...
// Sensitive values are not printed. Members unknown to the model and values of another kind than
// the model's are passed over: the protocol readers decide on those. Streaming members are not
// looked at.
Result<void> check_constraints(const schema::Shape& input, const Value& value);

// The same under the code that the operation's service uses: ValidationException, ValidationError
// (query services, sagemaker-runtime), InvalidParameterException (logs); S3 answers
// InvalidArgument for parameters and MalformedXML for bodies. Operations without input pass.
Result<void> check_constraints(const schema::Service& service, const schema::Operation& operation,
                               const Value& value);

}  // namespace tidemill::services

// Helpers that the protocols' error encoders share.
#pragma once

#include "base/error.h"
#include "base/schema.h"
#include "base/value.h"
#include "wire/http.h"

namespace tidemill::wire {

// The error's shape: searches the operation's errors, then all of the service's, by shape name,
// wire code and older query code. nullptr when the model lacks it.
const schema::Shape* find_error_shape(const schema::Service& service,
                                      const schema::Operation* operation, std::string_view code);

// The older protocol's code ("AWS.SimpleQueueService.NonExistentQueue"), else the wire code.
std::string_view query_code(const schema::Shape* shape, const Error& error);
// True when the caller is at fault.
bool sender_fault(const schema::Shape* shape, int status);

// Builds the error shape's members from Error.message and Error.details with the shape's types;
// skips details that the shape lacks. Without a shape: {"message": ...}.
Value error_members(const schema::Shape* shape, const Error& error);

// Adds x-amzn-requestid, and for S3 x-amz-request-id with x-amz-id-2.
void add_request_id(const schema::Service& service, std::string_view request_id,
                    HttpResponse& response);
// Adds x-amzn-query-error, for services that once had the query protocol.
void add_query_error(const schema::Service& service, const schema::Shape* shape, const Error& error,
                     HttpResponse& response);
// Removes the body of a response to HEAD.
void drop_body_of_head(const HttpRequest& request, HttpResponse& response);

// S3's opaque second id of an answer, derived from the request id.
std::string host_id(std::string_view request_id);
bool is_s3(const schema::Service& service);

}  // namespace tidemill::wire

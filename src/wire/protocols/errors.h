// What the protocols' error encoders share.
#pragma once

#include "base/error.h"
#include "base/schema.h"
#include "base/value.h"
#include "wire/http.h"

namespace tidemill::wire {

// The error's shape: looked up among the operation's errors, then among all of the service's, by
// shape name, wire code and older query code. nullptr when the model has none.
const schema::Shape* find_error_shape(const schema::Service& service,
                                      const schema::Operation* operation, std::string_view code);

// The older protocol's code ("AWS.SimpleQueueService.NonExistentQueue"), else the wire's.
std::string_view query_code(const schema::Shape* shape, const Error& error);
// True when the caller is to blame.
bool sender_fault(const schema::Shape* shape, int status);

// Members of the error shape out of Error.message and Error.details, with the shape's types;
// details that the shape does not have are left out. Without a shape: {"message": ...}.
Value error_members(const schema::Shape* shape, const Error& error);

// x-amzn-requestid, and for S3 x-amz-request-id with x-amz-id-2.
void add_request_id(const schema::Service& service, std::string_view request_id,
                    HttpResponse& response);
// x-amzn-query-error, for services that had the query protocol once.
void add_query_error(const schema::Service& service, const schema::Shape* shape, const Error& error,
                     HttpResponse& response);
// A HEAD response has no body.
void drop_body_of_head(const HttpRequest& request, HttpResponse& response);

// "us-east-1"-like opaque second id of S3 answers, derived from the request id.
std::string host_id(std::string_view request_id);
bool is_s3(const schema::Service& service);

}  // namespace tidemill::wire

// Finds the service and operation of a request from its SigV4 scope, X-Amz-Target, Action, host and
// path. Built once from schema tables; every route comes from the models.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/schema.h"
#include "wire/http.h"
#include "wire/protocols/protocol.h"

namespace tidemill::wire {

struct Route {
  const schema::Service* service = nullptr;
  const schema::Operation* operation = nullptr;
  schema::Protocol protocol = schema::Protocol::aws_json_1_1;
  UriLabels labels;
};

// How to encode an answer without a route; never holds nullptr.
struct Dialect {
  const schema::Service* service;
  schema::Protocol protocol;
};

struct RouterOptions {
  // Names of S3 besides localhost and IP addresses: "s3.example.com" serves path style,
  // "bucket.s3.example.com" virtual-host style.
  std::vector<std::string> base_hosts = {};
  // The common name of any AWS service, by its name in a request (the target's prefix or the
  // signing name); "" for none. For messages about services that Tidemill lacks.
  std::string_view (*service_called)(std::string_view in_request) = nullptr;
};

// Thread-safe after construction; the services must outlive it.
class Router {
 public:
  explicit Router(std::span<const schema::Service* const> services, RouterOptions options = {});
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // `signing_name` is the service in the SigV4 scope, "" without a signature. Errors:
  // UnknownOperationException (JSON, CBOR), InvalidAction (query), MethodNotAllowed (S3).
  Result<Route> resolve(const HttpRequest& request, std::string_view signing_name) const;
  // The service and protocol for encoding an error, even if the request does not resolve.
  Dialect dialect(const HttpRequest& request, std::string_view signing_name) const;

 private:
  struct Entry;
  struct Identified;
  Error no_such_service(const Identified& identified, const HttpRequest& request) const;

  Identified identify(const HttpRequest& request, std::string_view signing_name) const;
  Identified identify_target(const HttpRequest& request, std::string_view target) const;
  Identified identify_cbor(std::string_view raw_path) const;
  Identified identify_query(const HttpRequest& request, std::string_view signing_name,
                            std::string_view action) const;
  Identified identify_rest(const HttpRequest& request, std::string_view signing_name) const;
  const Entry* entry_of_host(std::string_view host) const;

  std::vector<Entry> entries_;
  const Entry* s3_ = nullptr;
  RouterOptions options_;
};

// The bucket in the host name of a virtual-host style request; "" for path style.
std::string_view bucket_of_host(std::string_view host, std::span<const std::string> base_hosts);

// Replaces a service that Tidemill does not have, so that its client gets an error it can
// read.
const schema::Service& unknown_service();

}  // namespace tidemill::wire

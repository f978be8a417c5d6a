#include "server/bucket_pages.h"

#include "wire/routing/router.h"

namespace tidemill::server {

using wire::HttpRequest;
using wire::HttpResponse;

namespace {

HttpResponse refusal(int status, std::string_view code, std::string_view message) {
  HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", "application/xml");
  response.body.append("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>")
      .append(code)
      .append("</Code><Message>")
      .append(message)
      .append("</Message></Error>");
  return response;
}

}  // namespace

std::string BucketPages::bucket_of(const HttpRequest& request) const {
  if (std::string_view bucket = wire::bucket_of_host(request.host(), base_hosts_); !bucket.empty())
    return std::string(bucket);
  const std::string_view path = request.path;
  if (!path.starts_with('/')) return "";
  return std::string(path.substr(1, path.find('/', 1) - 1));
}

std::optional<HttpResponse> BucketPages::preflight(const HttpRequest& request) const {
  if (request.method != "OPTIONS") return std::nullopt;
  const std::string bucket = bucket_of(request);
  if (bucket.empty() || !cors_.has_rules(bucket)) return std::nullopt;
  const std::string_view origin = request.headers.get("origin");
  const std::string_view method = request.headers.get("access-control-request-method");
  if (origin.empty())
    return refusal(400, "BadRequest", "Insufficient information. Origin request header needed.");
  if (method.empty())
    return refusal(400, "BadRequest", "Invalid Access-Control-Request-Method: null");
  const auto headers = cors_.allow(
      {bucket, origin, method, request.headers.get("access-control-request-headers"), true});
  if (!headers)
    return refusal(403, "AccessForbidden",
                   "CORSResponse: This CORS request is not allowed. This is usually because the "
                   "evaluation of Origin, request method / Access-Control-Request-Method or "
                   "Access-Control-Request-Headers are not whitelisted by the resource's CORS "
                   "spec.");
  HttpResponse response;
  for (const auto& [name, value] : *headers) response.headers.set(name, value);
  return response;
}

void BucketPages::add_headers(const HttpRequest& request, HttpResponse& response) const {
  const std::string_view origin = request.headers.get("origin");
  if (origin.empty()) return;
  const auto headers = cors_.allow({bucket_of(request), origin, request.method});
  if (!headers) return;
  for (const auto& [name, value] : *headers) response.headers.set(name, value);
}

}  // namespace tidemill::server

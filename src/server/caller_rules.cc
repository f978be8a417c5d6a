#include "server/caller_rules.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

#include "server/own_paths.h"
#include "server/upload_form.h"
#include "wire/proxy/aws_hosts.h"
#include "wire/sigv4/authenticator.h"
#include "wire/sigv4/signed_request.h"

namespace tidemill::server {
namespace {

using wire::HttpRequest;
using wire::sigv4::Method;

constexpr std::string_view kHealthPath = "/_tidemill/health";
constexpr std::string_view kPreflightSeconds = "600";

bool reads_only(const HttpRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

bool is_signed_url(const HttpRequest& request) {
  const Method method = wire::sigv4::signing_method(request);
  return method == Method::v4_presigned || method == Method::v2_presigned;
}

// Requests with their own means of authorization. Add future ones here: tokens of the registry and
// git, function URLs, API stages, load balancers.
constexpr CallerException kExceptions[] = {
    {"health", true,
     [](const HttpRequest& request, const CallerRulesOptions&) {
       return request.path == kHealthPath;
     }},
    // A link to an object works from any page. With --auth any nobody verifies the link; it can
    // only read, and the page cannot see the answer.
    {"signed URL", false,
     [](const HttpRequest& request, const CallerRulesOptions& options) {
       return is_signed_url(request) &&
              (!options.any_credentials || (reads_only(request) && !request.find_query("Action")));
     }},
    // Browsers' upload forms are none of them: with --auth any nobody verifies their signature, so
    // only pages that may use the server may send them.
};

// True for a query service's operation in the address without credentials in a header: an <img> or
// a link of any page can send it, and browsers name the page only on secure connections and to this
// machine itself. Operations that cannot change anything are allowed (EKS's tokens use
// GetCallerIdentity).
bool changes_by_address(const HttpRequest& request) {
  constexpr std::string_view kReading[] = {"Get", "List", "Describe"};
  if (!reads_only(request) || request.headers.find("authorization")) return false;
  return std::ranges::any_of(request.query, [&](const wire::QueryParameter& parameter) {
    return parameter.name == "Action" && std::ranges::none_of(kReading, [&](std::string_view verb) {
             return parameter.value.starts_with(verb);
           });
  });
}

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

// A page can point a name at this server (DNS rebinding), but not an IP address.
bool is_ip_address(const std::string& host) {
  if (host.starts_with('[')) return host.ends_with(']');
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool is_below(std::string_view host, std::string_view domain) {
  return host.size() > domain.size() && host.ends_with(domain) &&
         host[host.size() - domain.size() - 1] == '.';
}

bool matches(std::string_view host, const std::string& pattern) {
  if (pattern == "*" || host == pattern) return true;
  return pattern.starts_with("*.") && is_below(host, std::string_view(pattern).substr(2));
}

Error denied(std::string message) { return Error{"AccessDenied", std::move(message), 403}; }

// The answer quotes the request only as far as that helps.
std::string quoted(std::string_view text) {
  constexpr std::size_t kShownBytesMax = 100;
  return "'" + std::string(text.substr(0, kShownBytesMax)) + "'";
}

}  // namespace

CallerRules::CallerRules(CallerRulesOptions options) : options_(std::move(options)) {}

bool CallerRules::is_own_host(std::string_view field) const {
  std::string host = wire::lower_case(without_port(field));
  if (host.ends_with('.')) host.pop_back();
  if (host.empty() || host == "localhost" || is_below(host, "localhost") || is_ip_address(host))
    return true;
  // Only AWS controls where these names lead; in transparent mode, and in jobs, they lead to this
  // server.
  for (std::string_view domain : wire::aws_domains())
    if (is_below(host, domain)) return true;
  for (const std::string& own : options_.own_hosts)
    if (host == own || is_below(host, own)) return true;
  return std::ranges::any_of(options_.allowed_hosts,
                             [&](const std::string& each) { return matches(host, each); });
}

bool CallerRules::allows_origin(std::string_view origin) const {
  const std::string lower = wire::lower_case(origin);
  return std::ranges::any_of(options_.allowed_origins,
                             [&](const std::string& each) { return each == "*" || each == lower; });
}

// Browsers send Origin with each request that may change something, and Sec-Fetch-Site with all; a
// page can set neither. Other clients send neither.
bool CallerRules::is_foreign_page(const HttpRequest& request) const {
  if (const std::string* origin = request.headers.find("origin")) {
    const std::string own = (request.tls ? "https://" : "http://") + std::string(request.host());
    return !wire::equal_ignoring_case(*origin, own) && !allows_origin(*origin);
  }
  const std::string_view site = request.headers.get("sec-fetch-site");
  return !site.empty() && site != "none" && site != "same-origin";
}

std::optional<Error> CallerRules::refusal(const HttpRequest& request) const {
  const bool own_path = OwnPaths::takes(request);
  // A signature proves the caller, whatever page the request comes from.
  if (!options_.any_credentials && !own_path) return std::nullopt;
  const bool foreign_host = !is_own_host(request.host());
  for (const CallerException& exception : kExceptions)
    if ((exception.any_host || !foreign_host) && exception.holds(request, options_))
      return std::nullopt;
  if (foreign_host)
    return denied((options_.any_credentials
                       ? "This server takes any credentials (auth is 'any'), so it "
                         "answers only under names that are its own, and "
                       : "What is under /_tidemill is answered only under names that "
                         "are this server's own, and ") +
                  quoted(request.host()) +
                  " is none of them. Add it to the setting allowed-hosts (--allowed-hosts, "
                  "TIDEMILL_ALLOWED_HOSTS), or use an IP address or localhost.");
  if (is_foreign_page(request)) {
    const std::string_view origin = request.headers.get("origin");
    return denied("A web page of another origin" +
                  (origin.empty() ? std::string() : " (" + quoted(origin) + ")") +
                  " may not use this server. To allow it, add its origin to the setting "
                  "allowed-origins (--allowed-origins, TIDEMILL_ALLOWED_ORIGINS).");
  }
  if (options_.any_credentials && changes_by_address(request))
    return denied(
        "This server takes any credentials (auth is 'any'), so an operation in the address of a "
        "GET may only read: any web page can send such a request. Send it with POST, or with an "
        "Authorization header.");
  // The credentials of an upload form are in its body.
  if (options_.any_credentials && !own_path && !wire::sigv4::has_credentials(request) &&
      !is_upload_form(request))
    return denied(
        "The request has no credentials. This server takes any (auth is 'any'), but "
        "there must be some: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.");
  return std::nullopt;
}

std::optional<wire::HttpResponse> CallerRules::preflight(const HttpRequest& request) const {
  if (request.method != "OPTIONS" || options_.allowed_origins.empty()) return std::nullopt;
  const std::string_view origin = request.headers.get("origin");
  const std::string_view wanted = request.headers.get("access-control-request-headers");
  if (origin.empty() || !request.headers.find("access-control-request-method") ||
      !allows_origin(origin) || (options_.any_credentials && !is_own_host(request.host())))
    return std::nullopt;
  wire::HttpResponse response;
  response.status = 204;
  add_headers(origin, response);
  response.headers.add("Access-Control-Allow-Methods", "GET, HEAD, PUT, POST, DELETE");
  if (!wanted.empty()) response.headers.add("Access-Control-Allow-Headers", std::string(wanted));
  response.headers.add("Access-Control-Max-Age", std::string(kPreflightSeconds));
  return response;
}

void CallerRules::add_headers(std::string_view origin, wire::HttpResponse& response) const {
  response.headers.set("Access-Control-Allow-Origin", std::string(origin));
  response.headers.set("Access-Control-Expose-Headers", "*");
  response.headers.set("Vary", "Origin");
}

std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(", "), text.size());
    if (end > 0) names.push_back(wire::lower_case(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return names;
}

}  // namespace tidemill::server

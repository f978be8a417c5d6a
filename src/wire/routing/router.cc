#include "wire/routing/router.h"

#include <algorithm>

#include "base/encoding.h"
#include "wire/routing/path_trie.h"

namespace tidemill::wire {

using schema::Operation;
using schema::Protocol;
using schema::Service;

struct Router::Entry {
  const Service* service;
  std::unique_ptr<PathTrie> rest;  // only for the REST protocols

  bool speaks(Protocol protocol) const {
    return std::ranges::find(service->protocols, protocol) != service->protocols.end();
  }
};

// Facts about a request that are known before its operation.
struct Router::Identified {
  const Entry* entry = nullptr;  // nullptr: no such service
  Protocol protocol = Protocol::rest_json_1;
  std::string_view operation_name = {};  // empty for REST
  std::string_view service_name = {};    // the request's name for the service, for the message
  PathTrie::Found found = {};            // REST
};

namespace {

// The value of Action or Version, from the URL or the form body; operation names do not need
// decoding. Empty when absent.
std::string_view form_parameter(const HttpRequest& request, std::string_view name) {
  if (const QueryParameter* parameter = request.find_query(name)) return parameter->value;
  std::string_view type = request.headers.get("content-type");
  if (!type.starts_with("application/x-www-form-urlencoded")) return {};
  std::string_view body = request.body;
  for (std::size_t at = 0; at < body.size();) {
    std::string_view part = body.substr(at, body.find('&', at) - at);
    if (part.size() > name.size() && part.starts_with(name) && part[name.size()] == '=')
      return part.substr(name.size() + 1);
    at += part.size() + 1;
  }
  return {};
}

bool is_rest(const Service& service) {
  return std::ranges::any_of(service.protocols, [](Protocol p) {
    return p == Protocol::rest_json_1 || p == Protocol::rest_xml;
  });
}

bool is_query(Protocol protocol) {
  return protocol == Protocol::aws_query || protocol == Protocol::ec2_query;
}

Protocol rest_protocol(const Service& service) {
  for (Protocol protocol : service.protocols)
    if (protocol == Protocol::rest_json_1 || protocol == Protocol::rest_xml) return protocol;
  return Protocol::rest_json_1;
}

Protocol query_protocol(const Service& service) {
  for (Protocol protocol : service.protocols)
    if (is_query(protocol)) return protocol;
  return Protocol::aws_query;
}

Result<UriLabels> decode_labels(const PathTrie::Found& found) {
  UriLabels labels;
  labels.reserve(found.label_names->size());
  for (std::size_t i = 0; i < found.label_names->size(); ++i) {
    std::string_view raw = found.labels[i];
    if (raw.find('%') == raw.npos) {
      labels.emplace_back((*found.label_names)[i], raw);
      continue;
    }
    std::string value = TRY(percent_decode(raw));
    labels.emplace_back((*found.label_names)[i], std::move(value));
  }
  return labels;
}

// S3's answer to a subresource under a method for which it has no operation.
Error refused_subresource(std::string_view subresource, const HttpRequest& request) {
  if (subresource == "partNumber")
    return {"InvalidArgument",
            "This operation does not accept partNumber without uploadId",
            400,
            {{"ArgumentName", "partNumber"}, {"ArgumentValue", "partNumber"}}};
  std::string type = subresource == "uploadId" ? "UPLOAD" : std::string(subresource);
  std::ranges::transform(type, type.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return {"MethodNotAllowed",
          "The specified method is not allowed against this resource.",
          405,
          {{"Method", request.method}, {"ResourceType", std::move(type)}}};
}

std::unexpected<Error> unknown_operation(const Service& service, Protocol protocol,
                                         std::string_view operation, const HttpRequest& request) {
  if (is_query(protocol)) {
    return fail("InvalidAction",
                "Could not find operation " + std::string(operation) + " for version " +
                    std::string(service.api_version),
                400);
  }
  if (protocol == Protocol::rest_xml) {
    Error error{"MethodNotAllowed", "The specified method is not allowed against this resource.",
                405};
    error.details["Method"] = request.method;
    error.details["ResourceType"] = "SERVICE";
    return fail(std::move(error));
  }
  bool rest = protocol == Protocol::rest_json_1 || protocol == Protocol::rpc_v2_cbor;
  std::string what =
      operation.empty() ? request.method + " " + request.path : std::string(operation);
  return fail("UnknownOperationException",
              std::string(service.service_id) + " has no operation for '" + what + "'.",
              rest ? 404 : 400);
}

}  // namespace

const Service& unknown_service() {
  static constexpr Protocol kProtocols[] = {Protocol::aws_json_1_1, Protocol::aws_json_1_0,
                                            Protocol::rest_json_1, Protocol::aws_query,
                                            Protocol::rpc_v2_cbor};
  static const Service kService = [] {
    Service service{};
    service.name = "unknown";
    service.service_id = "Unknown";
    service.signing_name = "unknown";
    service.protocols = kProtocols;
    return service;
  }();
  return kService;
}

Router::Router(std::span<const Service* const> services, RouterOptions options)
    : options_(std::move(options)) {
  entries_.reserve(services.size());
  for (const Service* service : services) {
    entries_.push_back(
        {service, is_rest(*service) ? std::make_unique<PathTrie>(*service) : nullptr});
    if (service->signing_name == "s3" && !s3_) s3_ = &entries_.back();
  }
}

Router::~Router() = default;

Router::Identified Router::identify_target(const HttpRequest& request,
                                           std::string_view target) const {
  Identified out;
  std::size_t dot = target.rfind('.');
  std::string_view prefix = dot == target.npos ? target : target.substr(0, dot);
  out.operation_name = dot == target.npos ? std::string_view() : target.substr(dot + 1);
  out.service_name = prefix;
  bool version_1_0 =
      request.headers.get("content-type").find("amz-json-1.0") != std::string_view::npos;
  out.protocol = version_1_0 ? Protocol::aws_json_1_0 : Protocol::aws_json_1_1;
  for (const Entry& entry : entries_) {
    if (entry.service->target_prefix != prefix) continue;
    out.entry = &entry;
    // A client with the wrong JSON version still gets the version that its service speaks.
    Protocol other = version_1_0 ? Protocol::aws_json_1_1 : Protocol::aws_json_1_0;
    if (!entry.speaks(out.protocol) && entry.speaks(other)) out.protocol = other;
    break;
  }
  return out;
}

Router::Identified Router::identify_cbor(std::string_view raw_path) const {
  constexpr std::string_view kService = "/service/", kOperation = "/operation/";
  Identified out;
  out.protocol = Protocol::rpc_v2_cbor;
  std::size_t start = raw_path.find(kService);
  std::size_t middle = raw_path.find(kOperation);
  if (start == raw_path.npos || middle == raw_path.npos || middle < start + kService.size())
    return out;
  std::string_view name =
      raw_path.substr(start + kService.size(), middle - start - kService.size());
  out.service_name = name;
  out.operation_name = raw_path.substr(middle + kOperation.size());
  for (const Entry& entry : entries_)
    if (entry.service->target_prefix == name && entry.speaks(Protocol::rpc_v2_cbor))
      out.entry = &entry;
  return out;
}

Router::Identified Router::identify_query(const HttpRequest& request, std::string_view signing_name,
                                          std::string_view action) const {
  Identified out;
  out.protocol = Protocol::aws_query;
  out.operation_name = action;
  out.service_name = signing_name;
  std::string_view version = form_parameter(request, "Version");
  int best = -1;
  for (const Entry& entry : entries_) {
    const Service& service = *entry.service;
    bool named = !signing_name.empty() && service.signing_name == signing_name;
    if ((!signing_name.empty() && !named) || !is_query(query_protocol(service)) ||
        !entry.speaks(query_protocol(service)))
      continue;
    bool same_version = service.api_version == version;
    bool knows = schema::find_operation(service, action) != nullptr;
    // Unsigned requests (AssumeRoleWithWebIdentity) must match in both version and action.
    if (!named && !(same_version && knows)) continue;
    int score = (same_version ? 1 : 0) + (knows ? 2 : 0);
    if (score <= best) continue;
    best = score;
    out.entry = &entry;
    out.protocol = query_protocol(service);
  }
  return out;
}

const Router::Entry* Router::entry_of_host(std::string_view host) const {
  const Entry* best = nullptr;
  for (const Entry& entry : entries_) {
    std::string_view prefix = entry.service->endpoint_prefix;
    if (prefix.empty() || host.size() <= prefix.size() || !host.starts_with(prefix) ||
        host[prefix.size()] != '.')
      continue;
    if (!best || prefix.size() > best->service->endpoint_prefix.size()) best = &entry;
  }
  return best;
}

Router::Identified Router::identify_rest(const HttpRequest& request,
                                         std::string_view signing_name) const {
  Identified out;
  out.service_name = signing_name;
  const Entry* first = nullptr;
  auto consider = [&](const Entry& entry) {
    if (!entry.rest) return false;
    if (!first) first = &entry;
    std::string_view bucket;
    if (&entry == s3_) bucket = bucket_of_host(request.host(), options_.base_hosts);
    PathTrie::Found found = entry.rest->find(request, bucket);
    if (!found.operation) {
      out.found.refused_subresource = found.refused_subresource;
      return false;
    }
    out.entry = &entry;
    out.found = found;
    out.protocol = rest_protocol(*entry.service);
    return true;
  };
  if (signing_name.empty()) {
    const Entry* entry = entry_of_host(request.host());
    if (!entry) entry = s3_;
    if (entry && consider(*entry)) return out;
  } else {
    for (const Entry& entry : entries_)
      if (entry.service->signing_name == signing_name && consider(entry)) return out;
  }
  out.entry = first;
  if (first)
    out.protocol = rest_protocol(*first->service);
  else if (signing_name.empty())
    out.protocol = Protocol::rest_json_1;
  return out;
}

Router::Identified Router::identify(const HttpRequest& request,
                                    std::string_view signing_name) const {
  // Most requests are S3's, and these carry none of the marks below.
  if (signing_name == "s3") return identify_rest(request, signing_name);
  if (const std::string* target = request.headers.find("x-amz-target"))
    return identify_target(request, *target);
  if (request.raw_path.find("/service/") != std::string::npos &&
      request.headers.find("smithy-protocol"))
    return identify_cbor(request.raw_path);
  bool may_be_query =
      signing_name.empty() || std::ranges::any_of(entries_, [&](const Entry& entry) {
        return entry.service->signing_name == signing_name &&
               entry.speaks(query_protocol(*entry.service));
      });
  bool known = std::ranges::any_of(
      entries_, [&](const Entry& entry) { return entry.service->signing_name == signing_name; });
  if (may_be_query || !known) {
    std::string_view action = form_parameter(request, "Action");
    if (!action.empty()) {
      Identified out = identify_query(request, signing_name, action);
      if (out.entry || !signing_name.empty()) return out;
    }
  }
  Identified out = identify_rest(request, signing_name);
  if (!out.entry && known) {
    // Signed for a service of another protocol, but without that protocol's marks.
    for (const Entry& entry : entries_) {
      if (entry.service->signing_name != signing_name) continue;
      out.entry = &entry;
      out.protocol = entry.service->protocols.empty() ? Protocol::aws_json_1_1
                                                      : entry.service->protocols.front();
      break;
    }
  }
  return out;
}

Dialect Router::dialect(const HttpRequest& request, std::string_view signing_name) const {
  Identified identified = identify(request, signing_name);
  return {identified.entry ? identified.entry->service : &unknown_service(), identified.protocol};
}

Error Router::no_such_service(const Identified& identified, const HttpRequest& request) const {
  std::string called(identified.service_name);
  std::string_view name = options_.service_called ? options_.service_called(called) : "";
  std::string message;
  if (called.empty()) {
    message = "Neither a signature nor the address says which service this request is for; ";
  } else if (name.empty()) {
    message = "Tidemill has no service '" + called + "'; ";
  } else {
    const std::string operation = identified.operation_name.empty()
                                      ? request.method + " " + request.path
                                      : std::string(identified.operation_name);
    message = operation + " of " + std::string(name) + " is not implemented by Tidemill; ";
  }
  return {is_query(identified.protocol) ? "InvalidAction" : "UnknownOperationException",
          message + "`tidemill coverage` or docs/coverage.md lists what is there.",
          identified.protocol == Protocol::rest_json_1 ? 404 : 400};
}

Result<Route> Router::resolve(const HttpRequest& request, std::string_view signing_name) const {
  Identified identified = identify(request, signing_name);
  if (!identified.entry) return fail(no_such_service(identified, request));
  const Service& service = *identified.entry->service;
  Route route{&service, nullptr, identified.protocol, {}};
  if (identified.found.operation) {
    route.operation = identified.found.operation;
    Result<UriLabels> labels = decode_labels(identified.found);
    if (!labels)
      return fail(
          identified.protocol == Protocol::rest_xml ? "InvalidURI" : "SerializationException",
          "Couldn't parse the specified URI.", 400);
    route.labels = std::move(*labels);
    return route;
  }
  if (!identified.found.refused_subresource.empty())
    return fail(refused_subresource(identified.found.refused_subresource, request));
  route.operation = schema::find_operation(service, identified.operation_name);
  if (!route.operation)
    return unknown_operation(service, identified.protocol, identified.operation_name, request);
  return route;
}

}  // namespace tidemill::wire

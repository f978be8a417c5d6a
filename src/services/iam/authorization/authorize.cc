#include "services/iam/authorization/authorize.h"

#include <array>

#include "services/iam/authorization/resources.h"
#include "services/iam/authorization/s3_actions.h"

namespace tidemill::services::iam {
namespace {

// wire/server/tls_session.h: the server itself puts it among a request's headers.
constexpr std::string_view kTlsVersionField = ":tls-version";

// Operations that every caller may use, or that the service itself decides about (AssumeRole).
bool needs_no_permission(const schema::Service& service, std::string_view operation) {
  return service.name == "sts" && operation != "GetAccessKeyInfo" &&
         operation != "DecodeAuthorizationMessage" && operation != "GetFederationToken";
}

std::vector<RequiredAction> federation_actions(const OperationCall& call) {
  RequiredAction required;
  required.action = "sts:GetFederationToken";
  required.resource =
      make_arn("sts", "", call.account, "federated-user/" + text_member(call.input, "Name"));
  std::vector<RequiredAction> out;
  const Value* tags = call.input.find("Tags");
  if (tags && tags->as_list() && !tags->as_list()->empty())
    out.push_back({"sts:TagSession", required.resource});
  out.push_back(std::move(required));
  return out;
}

// The prefix of a service's actions, where it is not the name it signs with.
std::string_view action_prefix(const schema::Service& service) {
  return service.signing_name == "monitoring" ? std::string_view("cloudwatch")
                                              : service.signing_name;
}

}  // namespace

std::string text_member(const Value& input, std::string_view name) {
  const Value* value = input.find(name);
  return value && value->as_string() ? *value->as_string() : std::string();
}

std::string make_arn(std::string_view service, std::string_view region, std::string_view account,
                     std::string_view resource) {
  std::string out = "arn:aws:";
  out.reserve(out.size() + service.size() + region.size() + account.size() + resource.size() + 3);
  out.append(service).append(":").append(region).append(":").append(account);
  return out.append(":").append(resource);
}

const api::ActionRule* rule_of(std::string_view action) {
  const std::size_t colon = action.find(':');
  if (colon == action.npos) return nullptr;
  return api::find_action_rule(action.substr(0, colon), action.substr(colon + 1));
}

bool has_rule(const schema::Service& service, const schema::Operation& operation) {
  if (needs_no_permission(service, operation.name)) return true;
  // DeleteObjects is DeleteObject on each key, which S3 asks for one by one.
  if (service.name == "s3")
    return operation.name == "DeleteObjects" || rule_of("s3:" + s3_action(operation.name));
  // ReEncrypt needs kms:ReEncryptFrom and kms:ReEncryptTo.
  if (service.name == "kms" && operation.name == "ReEncrypt") return true;
  return api::find_action_rule(action_prefix(service), operation.name) != nullptr;
}

Result<std::vector<RequiredAction>> required_actions(const OperationCall& call,
                                                     const EntityFinder& find_entity) {
  if (needs_no_permission(call.service, call.operation.name)) return std::vector<RequiredAction>();
  if (call.service.name == "s3") return s3_actions(call.operation.name, call.input);
  if (call.service.name == "sagemaker" || call.service.name == "sagemaker-runtime")
    return sagemaker_actions(call);
  if (call.service.name == "logs") return logs_actions(call);
  if (call.service.name == "cloudtrail") return cloudtrail_actions(call);
  if (call.service.name == "iam") return iam_actions(call, find_entity);
  if (call.service.name == "sts" && call.operation.name == "GetFederationToken")
    return federation_actions(call);
  RequiredAction required;
  required.action =
      std::string(action_prefix(call.service)) + ":" + std::string(call.operation.name);
  required.resource = "*";
  std::vector<RequiredAction> out;
  out.push_back(std::move(required));
  return out;
}

RequestFacts facts_of(const Context& context) {
  RequestFacts facts;
  facts.region = context.region;
  facts.received = context.received;
  facts.remote_address = context.remote_address;
  // The server's own calls come from no network address.
  const bool from_here = context.endpoint.empty();
  facts.secure = from_here || context.endpoint.starts_with("https://");
  const std::string* version = context.header(kTlsVersionField);
  if (!from_here) facts.tls_version = version ? std::string_view(*version) : std::string_view();
  facts.header = context.find_header;
  facts.authentication = context.signature.authentication;
  facts.signature_version = context.signature.version;
  facts.signed_at = context.signature.signed_at;
  return facts;
}

}  // namespace tidemill::services::iam

#include "services/cloudtrail/event/event_text.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/clock.h"
#include "base/json.h"
#include "services/cloudtrail/event/operation_kind.h"

namespace tidemill::services::cloudtrail {
namespace {

constexpr int kDepthMax = 32;
constexpr std::string_view kInside = "AWS Internal";

// Members that hold secrets although the models do not mark them.
constexpr std::array<std::string_view, 7> kSecretMembers{
    "SecretAccessKey",
    "SessionToken",
    "Password",
    "OldPassword",
    "NewPassword",
    "SSECustomerKey",
    "CopySourceSSECustomerKey",
};

std::string event_name(const schema::Service& service, std::string_view member) {
  if (service.name == "s3" && member == "Bucket") return "bucketName";
  std::string name(member);
  if (!name.empty()) name[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(name[0])));
  return name;
}

Value convert(const schema::Service& service, const schema::Shape* shape, const Value& value,
              int depth);

Value convert_object(const schema::Service& service, const schema::Shape* shape,
                     const ValueObject& object, int depth) {
  ValueObject out;
  out.reserve(object.size());
  const bool is_map = !shape || shape->type == schema::ShapeType::map;
  for (const auto& [name, member] : object) {
    const schema::Member* declared = is_map ? nullptr : schema::find_member(*shape, name);
    if (declared && declared->streaming) continue;
    const schema::Shape* of_member = nullptr;
    if (declared)
      of_member = declared->shape;
    else if (shape && is_map && shape->element)
      of_member = shape->element->shape;
    const bool secret = std::ranges::find(kSecretMembers, name) != kSecretMembers.end();
    Value converted = secret ? Value(kHidden) : convert(service, of_member, member, depth + 1);
    // A map's keys are the caller's, not the model's.
    out.append(is_map ? name : event_name(service, name), std::move(converted));
  }
  return out;
}

Value convert(const schema::Service& service, const schema::Shape* shape, const Value& value,
              int depth) {
  if (shape && shape->sensitive) return kHidden;
  if (depth > kDepthMax) return "...";
  if (const ValueObject* object = value.as_object())
    return convert_object(service, shape, *object, depth);
  if (const ValueList* list = value.as_list()) {
    const schema::Shape* element = shape && shape->element ? shape->element->shape : nullptr;
    ValueList out;
    out.reserve(list->size());
    for (const Value& entry : *list) out.push_back(convert(service, element, entry, depth + 1));
    return out;
  }
  if (const Timestamp* time = value.get_if<Timestamp>()) return format_iso8601(*time);
  if (const Blob* blob = value.get_if<Blob>())
    return "(" + std::to_string(blob->bytes.size()) + " bytes)";
  return value;
}

// "arn:aws:iam::1:role/dev/boss" -> {"arn", "aws", "iam", "", "1", "role/dev/boss"}
std::vector<std::string_view> arn_parts(std::string_view arn) {
  std::vector<std::string_view> parts;
  for (int i = 0; i < 5; ++i) {
    const std::size_t colon = arn.find(':');
    if (colon == arn.npos) break;
    parts.push_back(arn.substr(0, colon));
    arn.remove_prefix(colon + 1);
  }
  parts.push_back(arn);
  return parts;
}

// "assumed-role/NAME/SESSION" of a session's ARN, or "user/path/NAME".
std::vector<std::string_view> path_of(std::string_view arn) {
  const std::vector<std::string_view> parts = arn_parts(arn);
  std::string_view rest = parts.back();
  std::vector<std::string_view> path;
  for (std::size_t slash; (slash = rest.find('/')) != rest.npos; rest.remove_prefix(slash + 1))
    path.push_back(rest.substr(0, slash));
  path.push_back(rest);
  return path;
}

ValueObject session_context(const Principal& principal, const platform::SessionFacts& session) {
  ValueObject context;
  if (!session.issuer_type.empty()) {
    ValueObject issuer;
    issuer.append("type", session.issuer_type);
    issuer.append("principalId", session.issuer_id);
    issuer.append("arn", session.issuer_arn);
    issuer.append("accountId", principal.account);
    if (!session.issuer_name.empty()) issuer.append("userName", session.issuer_name);
    context.append("sessionIssuer", std::move(issuer));
  }
  ValueObject attributes;
  if (session.issued) attributes.append("creationDate", format_iso8601(*session.issued));
  attributes.append("mfaAuthenticated", "false");
  context.append("attributes", std::move(attributes));
  if (!session.source_identity.empty()) context.append("sourceIdentity", session.source_identity);
  return context;
}

// The facts about a deleted role's session, which its principal alone tells.
platform::SessionFacts facts_of_deleted_role(const Principal& principal, std::string_view role) {
  platform::SessionFacts facts;
  facts.issuer_type = "Role";
  facts.issuer_arn = "arn:aws:iam::" + principal.account + ":role/" + std::string(role);
  facts.issuer_id = principal.user_id.substr(0, principal.user_id.find(':'));
  facts.issuer_name = role;
  return facts;
}

Value user_identity(const platform::Call& call, platform::SessionFacts facts) {
  const Principal& principal = call.context.principal;
  const std::vector<std::string_view> path = path_of(principal.arn);
  ValueObject identity;
  const bool session = path.size() >= 3 && path[0] == "assumed-role";
  const bool user = path.size() >= 2 && path[0] == "user";
  const bool federated = path.size() >= 2 && path[0] == "federated-user";
  if (principal.arn.empty()) {
    identity.append("type", "AWSAccount");
    identity.append("principalId", "");
    identity.append("accountId", "ANONYMOUS_PRINCIPAL");
    return identity;
  }
  identity.append("type", session     ? "AssumedRole"
                          : user      ? "IAMUser"
                          : federated ? "FederatedUser"
                                      : "Root");
  identity.append("principalId", principal.user_id);
  identity.append("arn", principal.arn);
  identity.append("accountId", principal.account);
  if (!principal.access_key_id.empty()) identity.append("accessKeyId", principal.access_key_id);
  if (user) identity.append("userName", path.back());
  if (session && facts.issuer_type.empty()) {
    const std::optional<Timestamp> issued = facts.issued;
    facts = facts_of_deleted_role(principal, path[1]);
    facts.issued = issued;
  }
  if (session || federated || facts.issued)
    identity.append("sessionContext", session_context(principal, facts));
  if (call.context.remote_address.empty()) identity.append("invokedBy", kInside);
  return identity;
}

// "127.0.0.1:52344" -> "127.0.0.1", "[::1]:80" -> "::1"
std::string address_of(std::string_view remote) {
  if (remote.empty()) return std::string(kInside);
  if (remote.starts_with('[')) {
    const std::size_t end = remote.find(']');
    return std::string(remote.substr(1, end == remote.npos ? remote.npos : end - 1));
  }
  return std::string(remote.substr(0, remote.rfind(':')));
}

// No longer than this, and not ending inside a character of UTF-8.
std::string cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  std::size_t end = bytes_max;
  while (end > 0 && bytes_max - end < 3 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  return std::string(text.substr(0, end));
}

Value resources_of(const std::vector<std::string>& arns) {
  ValueList list;
  for (const std::string& arn : arns) {
    ValueObject resource;
    const std::vector<std::string_view> parts = arn_parts(arn);
    if (parts.size() == 6 && !parts[4].empty()) resource.append("accountId", parts[4]);
    if (std::string type = resource_type(arn); !type.empty()) resource.append("type", type);
    resource.append("ARN", arn);
    list.push_back(std::move(resource));
  }
  return list;
}

std::string capitalised(std::string_view text) {
  std::string out;
  bool upper = true;
  for (const char c : text) {
    if (c == '-') {
      upper = true;
      continue;
    }
    out += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = false;
  }
  return out;
}

// CloudFormation's names of services, where they are not the ARN's.
std::string service_name(std::string_view service) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kNames{{
      {"sagemaker", "SageMaker"},
      {"cloudwatch", "CloudWatch"},
      {"cloudtrail", "CloudTrail"},
      {"cloudformation", "CloudFormation"},
      {"states", "StepFunctions"},
      {"codebuild", "CodeBuild"},
      {"codepipeline", "CodePipeline"},
      {"elasticloadbalancing", "ElasticLoadBalancingV2"},
      {"secretsmanager", "SecretsManager"},
  }};
  for (const auto& [name, shown] : kNames)
    if (name == service) return std::string(shown);
  if (service.size() <= 3) {  // S3, IAM, KMS, SQS
    std::string upper(service);
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return upper;
  }
  return capitalised(service);
}

}  // namespace

Value event_members(const schema::Service& service, const schema::Shape* shape,
                    const Value& value) {
  const ValueObject* object = value.as_object();
  if (!object || object->empty() || !shape) return {};
  Value members = convert(service, shape, value, 0);
  if (!members.as_object() || members.as_object()->empty()) return {};
  return members_within(kParametersBytesMax, std::move(members));
}

Value members_within(std::size_t bytes_max, Value members) {
  if (write_json(members).size() <= bytes_max) return members;
  ValueObject omitted;
  omitted.append("omitted", true);
  omitted.append("reason", "larger than " + std::to_string(bytes_max) + " bytes");
  return omitted;
}

std::string event_region(const platform::Call& call, std::string_view home_region) {
  return is_global(call.service) ? std::string(home_region) : call.context.region;
}

Value make_event(const EventFacts& facts, Random& random) {
  const platform::Call& call = facts.call;
  ValueObject event;
  event.append("eventVersion", kEventVersion);
  event.append("userIdentity", user_identity(call, facts.session));
  // Whole seconds.
  const std::int64_t seconds = call.context.received.microseconds / 1'000'000;
  event.append("eventTime", format_iso8601({seconds * 1'000'000}));
  event.append("eventSource", std::string(call.service.signing_name) + ".amazonaws.com");
  event.append("eventName", call.operation.name);
  event.append("awsRegion", event_region(call, facts.home_region));
  event.append("sourceIPAddress", address_of(call.context.remote_address));
  const std::string* agent = call.context.header("user-agent");
  event.append("userAgent", agent                                 ? cut(*agent, kUserAgentBytesMax)
                            : call.context.remote_address.empty() ? std::string(kInside)
                                                                  : std::string());
  if (!facts.result) {
    event.append("errorCode", facts.result.error().code);
    event.append("errorMessage", cut(facts.result.error().message, kErrorMessageBytesMax));
  }
  event.append("requestParameters", facts.parameters);
  const bool shows_answer = facts.result && (!facts.read_only || facts.call.service.name == "sts");
  event.append(
      "responseElements",
      shows_answer ? event_members(call.service, call.operation.output, *facts.result) : Value());
  event.append("requestID", call.context.request_id);
  event.append("eventID", make_uuid(random));
  event.append("readOnly", facts.read_only);
  if (!facts.resources.empty()) event.append("resources", resources_of(facts.resources));
  event.append("eventType", "AwsApiCall");
  event.append("managementEvent", facts.data_type.empty());
  event.append("recipientAccountId",
               facts.recipient.empty() ? call.context.account() : std::string(facts.recipient));
  event.append("eventCategory", facts.data_type.empty() ? "Management" : "Data");
  return event;
}

std::string resource_type(std::string_view arn) {
  const std::vector<std::string_view> parts = arn_parts(arn);
  if (parts.size() != 6) return {};
  const std::string_view service = parts[2], resource = parts[5];
  if (service == "s3") return resource.contains('/') ? "AWS::S3::Object" : "AWS::S3::Bucket";
  if (service == "sqs") return "AWS::SQS::Queue";
  if (service == "sns") return "AWS::SNS::Topic";
  const std::size_t end = resource.find_first_of("/:");
  if (end == resource.npos) return {};
  return "AWS::" + service_name(service) + "::" + capitalised(resource.substr(0, end));
}

std::string resource_name(std::string_view arn) {
  const std::vector<std::string_view> parts = arn_parts(arn);
  if (parts.size() != 6) return std::string(arn);
  std::string_view resource = parts[5];
  if (parts[2] == "s3") return std::string(resource);
  if (parts[2] == "logs" && resource.starts_with("log-group:")) {
    resource.remove_prefix(10);
    if (resource.ends_with(":*")) resource.remove_suffix(2);
    return std::string(resource);
  }
  const std::size_t last = resource.find_last_of("/:");
  return std::string(last == resource.npos ? resource : resource.substr(last + 1));
}

std::string user_name(std::string_view principal_arn) {
  if (principal_arn.empty()) return {};
  const std::vector<std::string_view> path = path_of(principal_arn);
  return std::string(path.back());
}

bool is_denial(const Error& error) {
  return error.code.starts_with("AccessDenied") || error.code == "NotAuthorized" ||
         error.code == "UnauthorizedOperation" || error.code == "AuthorizationError";
}

}  // namespace tidemill::services::cloudtrail

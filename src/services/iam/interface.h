// What IAM offers the other services and the request chain.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/value.h"
#include "services/platform/handlers/handlers.h"

namespace tidemill::services::iam {

// Condition keys of a request and their values: {"aws:SourceIp", {"127.0.0.1"}}. Keys compare
// without regard to case.
using ConditionContext = std::map<std::string, std::vector<std::string>>;

// Short-lived credentials of a role, as a job's credential endpoint hands them out.
struct TemporaryCredentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
  Timestamp expiration;
  std::string assumed_role_arn;  // "arn:aws:sts::123456789012:assumed-role/role/session"
  std::string assumed_role_id;   // "AROA...:session"
  std::string role_arn = {};     // empty for those of no role
  std::string source_identity = {};
  // How much of the room for a session's policies and tags is taken; nullopt: it has none.
  std::optional<std::int64_t> packed_policy_percent = std::nullopt;
};

// Where the server answers granted_credentials(), the holder after it and the token in the
// Authorization field.
inline constexpr std::string_view kCredentialsPath = "/_tidemill/credentials/";

// A job or a model server, and the role that it acts as.
struct RoleGrant {
  std::string holder;  // unique for all time: "training.123456789012.us-east-1.j.1732662000000000"
  std::string role_arn;
  std::string session_name;
  // When the role was passed for the holder; {} is not known. A role that was created later is
  // another one under the same name.
  Timestamp since = {};
};

// A resource's own policy (a bucket's, a queue's), and the account that the resource belongs to.
struct ResourcePolicy {
  std::string owner_account;
  std::string document;  // empty: the resource has none
  // Without a grant of the document nobody may, not even the owner's root: KMS keys.
  bool must_grant = false;
};

// A caller as grants on a resource name it.
struct Grantee {
  std::string_view account;
  std::string_view arn;
  std::string_view role_arn = {};  // of an assumed role
};

// The access that a resource's access control list gives a caller, beside the resource's policy.
enum class AclGrant {
  none,
  account,    // to the caller's whole account, whose own policies decide
  everybody,  // also to anonymous callers
};
struct AclQuestion {
  std::string_view action;      // "s3:GetObject"
  std::string_view resource;    // an ARN
  std::string_view version_id;  // empty: the current one
  std::string_view account;     // the caller's; empty: an anonymous caller
};

// Where IAM reads the policies of one service's resources while it authorizes a request. Callers of
// the owner's account need an Allow of their own policies or of the resource's; callers of other
// accounts need both. Thread-safe, and quick: it is asked for each request.
class ResourcePolicySource {
 public:
  virtual ~ResourcePolicySource() = default;
  // False while no resource has a policy: then the requests of accounts' roots are not looked at,
  // so the service itself must refuse callers of other accounts for a resource without a policy.
  // A caller of another account that reaches the handler of a resource with one was let in by it.
  virtual bool has_any() const = 0;
  // `arn` as policies name it: "arn:aws:s3:::bucket/key". nullopt: there is no such resource.
  virtual Result<std::optional<ResourcePolicy>> find(std::string_view arn) = 0;
  // Whether something other than a policy allows the action, such as a grant on a KMS key. Called
  // when no policy allows the action and none denies it.
  virtual Result<bool> grants(std::string_view arn, std::string_view action, const Grantee& grantee,
                              const ConditionContext& conditions);
  // For services whose resources have access control lists.
  virtual Result<AclGrant> acl_grant(const AclQuestion&) { return AclGrant::none; }
};

// A permission that an operation needs.
struct RequiredAction {
  std::string action;    // "s3:GetObject"
  std::string resource;  // an ARN, or "*" for actions without one
  ConditionContext conditions = {};
  std::string alias = {};  // the same resource's other spelling, or empty
  // The caller has it already, as by a grant: no policy must allow it, but one may still deny it,
  // and a session's policies narrow it.
  bool granted = false;
};

// Tells what the operations of a service need, where the service's own records are necessary to
// tell (a key's ARN from its alias or from a ciphertext). Thread-safe.
class OperationActions {
 public:
  virtual ~OperationActions() = default;
  // The service's error when the input names a resource in a malformed way.
  virtual Result<std::vector<RequiredAction>> required_actions(const Context& context,
                                                               std::string_view operation,
                                                               const Value& input) = 0;
};

// MalformedPolicyDocument, in AWS's words, when it is no policy for a resource of the service
// ("s3"); `resource_prefix` ("arn:aws:s3:::bucket") is what each Resource must begin with, as far
// as it has no wildcard. Empty: any.
Result<void> check_resource_policy(std::string_view document, std::string_view resource_prefix);
// Whether the policy grants something to everybody, without a condition that confines it to fixed
// accounts, addresses or sources: GetBucketPolicyStatus's IsPublic.
Result<bool> is_public_policy(std::string_view document);

// Thread-safe.
class IamInterface {
 public:
  virtual ~IamInterface() = default;

  // Whether the caller may hand `role_arn` to a service ("sagemaker.amazonaws.com"): the role
  // exists in the caller's account, its trust policy lets the service assume it, and the caller has
  // iam:PassRole on it. ValidationException or AccessDeniedException otherwise. With `--auth any` a
  // role that does not exist passes when its ARN is well formed.
  // `source_arns`: the resources that the service will act for, as the trust policy's condition
  // aws:SourceArn compares them. The policy must admit one of them.
  virtual Result<void> check_pass_role(const Context& context, std::string_view role_arn,
                                       std::string_view service_principal,
                                       const std::vector<std::string>& source_arns) = 0;

  // For a job or an endpoint that runs as the role; the caller has checked that it may. Durable
  // before it returns. ValidationException when the role does not exist (not with `--auth any`).
  virtual Result<TemporaryCredentials> issue_role_credentials(std::string_view role_arn,
                                                              std::string_view session_name,
                                                              std::chrono::seconds lifetime) = 0;

  // Lets whoever knows the token that is returned fetch credentials of the role, good for an hour
  // and renewed as often as asked, until revoke_role(). The caller has checked that the role may be
  // passed. Asked again for the same holder, it returns the same token. Durable before it returns.
  // LimitExceeded; AccessDenied when the role was created after `grant.since`.
  virtual Result<std::string> grant_role(const RoleGrant& grant) = 0;
  // The token opens nothing more, and what it gave has expired, as has what was got with that by
  // AssumeRole. Durable before it returns. Succeeds when there is none.
  virtual Result<void> revoke_role(std::string_view holder) = 0;
  // AccessDenied when the holder has no grant or the token is another's.
  virtual Result<TemporaryCredentials> granted_credentials(std::string_view holder,
                                                           std::string_view token) = 0;

  // Whether the role's policies let it do this, for what the server does on its behalf: reading a
  // job's channels, writing its artifacts. As authorize(); with `--auth any` always. `since` as in
  // RoleGrant.
  virtual Result<void> authorize_role(std::string_view role_arn, std::string_view session_name,
                                      std::string_view action, std::string_view resource,
                                      const ConditionContext& conditions = {},
                                      Timestamp since = {}) = 0;

  // The role's session, for calls that the server makes as the role through the dispatcher.
  // AccessDenied when there is no such role, or when it was created after `since` (as in RoleGrant)
  // under the name of a deleted one; with `--auth any`, where roles need not exist, the root of
  // `account`: that of the job which names the role.
  virtual Result<Principal> role_principal(std::string_view role_arn, std::string_view session_name,
                                           std::string_view account, Timestamp since) = 0;

  // Whether policies let the principal do this; `resource` is an ARN, or "*" for actions without
  // one. AccessDeniedException otherwise, in AWS's wording. Root may do everything that the
  // resource's policy does not deny. `resource_policy`: nullptr asks the service's source, if any.
  virtual Result<void> authorize(const Principal& principal, std::string_view action,
                                 std::string_view resource, const ConditionContext& conditions = {},
                                 const ResourcePolicy* resource_policy = nullptr) = 0;

  // Before requests are served. `service` is the prefix of the actions ("s3"); the source outlives
  // this.
  virtual void add_resource_policies(std::string_view service, ResourcePolicySource& source) = 0;
  // The same for what the service's operations need; without it, IAM's own rules tell.
  virtual void add_operation_actions(std::string_view service, OperationActions& source) = 0;
};

struct SessionTag {
  std::string key, value;
};

struct AssumeRole {
  std::string role_arn;
  std::string session_name;
  std::chrono::seconds lifetime{3600};
  std::string external_id;                 // empty: none
  std::vector<std::string> policies = {};  // documents that narrow the session
  std::vector<std::string> policy_arns = {};
  std::string source_identity;
  std::vector<SessionTag> tags = {};
  // Keys of `tags` that go on to every role that is assumed from the session.
  std::vector<std::string> transitive_tag_keys = {};
};

// For somebody whom the calling user vouches for.
struct FederationToken {
  std::string name;
  std::chrono::seconds lifetime{43'200};
  // The session may do what these and the user's own policies both allow; without any, nothing.
  std::vector<std::string> policies = {};
  std::vector<std::string> policy_arns = {};
  std::vector<SessionTag> tags = {};
};

// For a bearer of an OpenID Connect provider's token (a JWT).
struct AssumeRoleWithWebIdentity {
  std::string role_arn;
  std::string session_name;
  std::string token;
  std::chrono::seconds lifetime{3600};
  std::vector<std::string> policies = {};
  std::vector<std::string> policy_arns = {};
};
struct WebIdentityCredentials {
  TemporaryCredentials credentials;
  std::string subject;
  std::string provider;  // the ARN of the OpenID Connect provider
  std::string audience;
};

// What STS is made of. Thread-safe.
class SessionInterface {
 public:
  virtual ~SessionInterface() = default;
  // The role's trust policy decides; STS's AccessDenied or ValidationError otherwise.
  virtual Result<TemporaryCredentials> assume_role(const Context& context,
                                                   const AssumeRole& request) = 0;
  // For the caller itself, who has long-term credentials.
  virtual Result<TemporaryCredentials> session_token(const Context& context,
                                                     std::chrono::seconds lifetime) = 0;
  // For a federated user. The caller, a user or root with long-term credentials, was authorized.
  virtual Result<TemporaryCredentials> federation_token(const Context& context,
                                                        const FederationToken& request) = 0;
  // The caller needs no credentials: the token and the role's trust policy decide. May ask the
  // provider for its keys, over the network.
  virtual Result<WebIdentityCredentials> assume_role_with_web_identity(
      const Context& context, const AssumeRoleWithWebIdentity& request) = 0;
  // nullopt when the key is unknown.
  virtual std::optional<std::string> account_of_access_key(std::string_view access_key_id) = 0;
};

}  // namespace tidemill::services::iam

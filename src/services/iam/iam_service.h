// IAM: roles, policies, access keys and the decisions made of them.
#pragma once

#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/credential_source.h"
#include "base/random.h"
#include "services/iam/authorization/authorize.h"
#include "services/iam/interface.h"
#include "services/iam/policy_language/evaluate.h"
#include "services/iam/root_key.h"
#include "services/platform/audit/resource_names.h"
#include "services/platform/dispatcher/dispatcher.h"
#include "services/platform/handlers/handlers.h"
#include "store/store.h"

namespace tidemill::services::iam {

struct AskedAction;
struct RoleRecord;
struct SessionRecord;
class State;
class CredentialStore;
class RoleGrants;
class ProviderKeys;
class ShellCredentials;
class ResourcePolicies;

struct IamOptions {
  RootKey root;
  // `--auth any`: roles that do not exist are accepted where their ARN is well formed.
  bool accept_any = false;
};

// Thread-safe.
class IamService final : public IamInterface,
                         public SessionInterface,
                         public platform::Authorizer,
                         public platform::ItemAuthorizer,
                         public platform::ResourceNames {
 public:
  // The arguments must outlive the service. Reads the sessions that are still valid.
  static Result<std::unique_ptr<IamService>> open(store::Store& store, const Clock& clock,
                                                  Random& random, IamOptions options);
  ~IamService() override;

  static std::vector<store::TableSpec> tables();
  void add_to(Registry& registry);
  CredentialSource& credentials();
  // Sets where to find the tags of other services' resources; call before requests are served.
  void set_tag_sources(TagSources sources);
  // The role that notebooks act as (execution_role.h), in the root key's account.
  Result<void> make_execution_role();

  Result<void> check_pass_role(const Context& context, std::string_view role_arn,
                               std::string_view service_principal,
                               const std::vector<std::string>& source_arns) override;
  Result<TemporaryCredentials> issue_role_credentials(std::string_view role_arn,
                                                      std::string_view session_name,
                                                      std::chrono::seconds lifetime) override;
  Result<std::string> grant_role(const RoleGrant& grant) override;
  Result<void> revoke_role(std::string_view holder) override;
  Result<TemporaryCredentials> granted_credentials(std::string_view holder,
                                                   std::string_view token) override;
  Result<void> authorize_role(std::string_view role_arn, std::string_view session_name,
                              std::string_view action, std::string_view resource,
                              const ConditionContext& conditions = {},
                              Timestamp since = {}) override;
  Result<void> authorize(const Principal& principal, std::string_view action,
                         std::string_view resource, const ConditionContext& conditions,
                         const ResourcePolicy* resource_policy) override;
  void add_resource_policies(std::string_view service, ResourcePolicySource& source) override;
  void add_operation_actions(std::string_view service, OperationActions& source) override;

  std::vector<std::string> resources_of(const Context& context, const schema::Service& service,
                                        const schema::Operation& operation,
                                        const Value& input) override;
  platform::SessionFacts session_of(const Principal& principal) override;
  std::string own_account() const override { return root_account_; }
  Result<Principal> role_principal(std::string_view role_arn, std::string_view session_name,
                                   std::string_view account, Timestamp since) override;

  Result<void> authorize_operation(const Context& context, const schema::Service& service,
                                   const schema::Operation& operation, const Value& input) override;

  Result<void> authorize_item(const Context& context, std::string_view action,
                              std::string_view resource, const Value& input) override;

  Result<TemporaryCredentials> assume_role(const Context& context,
                                           const AssumeRole& request) override;
  Result<TemporaryCredentials> session_token(const Context& context,
                                             std::chrono::seconds lifetime) override;
  Result<TemporaryCredentials> federation_token(const Context& context,
                                                const FederationToken& request) override;
  Result<WebIdentityCredentials> assume_role_with_web_identity(
      const Context& context, const AssumeRoleWithWebIdentity& request) override;
  std::optional<std::string> account_of_access_key(std::string_view access_key_id) override;

 private:
  IamService(store::Store& store, const Clock& clock, Random& random, IamOptions options);
  // A caller with all that decides what it may.
  struct Asking;
  Result<Asking> asking(const RequestFacts& facts, const Principal& principal);
  Result<void> find_issuer(Asking& asking);
  static void note_session_tags(Asking& asking);
  static CallerFacts caller_facts(const Asking& asking);
  static PrincipalCandidate candidate_of(const Asking& asking);
  Decision decide_for(const Asking& asking, const AskedAction& asked, std::string_view alias,
                      const std::optional<ResourceSide>& side) const;
  Result<void> authorize_as(const Asking& asking, const AskedAction& asked,
                            std::string_view alias = {},
                            const ResourcePolicy* resource_policy = nullptr) const;
  static CallerPolicies policies_of(const Asking& asking);
  // The end of a denial's message. `resource_document`: the resource's own policy, or empty.
  std::string reason_of(const Asking& asking, const AskedAction& asked, std::string_view alias,
                        const std::optional<ResourceSide>& side,
                        const std::string& resource_document) const;
  // The grant of the resource's access control list.
  Result<Grant> grant_by_acl(const AskedAction& asked, const Principal& principal) const;
  bool is_never_refused(const Principal& principal, std::string_view service) const;
  Result<std::vector<RequiredAction>> needed_actions(const Context& context,
                                                     const schema::Service& service,
                                                     const schema::Operation& operation,
                                                     const Value& input) const;
  // Whether a grant on the resource, as the caller's session narrows it, allows.
  Result<bool> is_granted(const Asking& asking, const AskedAction& asked,
                          std::string_view alias) const;
  // The answer of the role's trust policy.
  Grant trust_of(const RoleRecord& role, std::string_view action,
                 const PrincipalCandidate& candidate, const RequestFacts& facts,
                 const CallerFacts& caller, const ConditionContext& given) const;
  Result<void> check_trust(const Context& context, const AssumeRole& request,
                           const RoleRecord& role);
  // Checks a new session's policies, puts their documents into it, and says how much of the room
  // for them and the session's tags is taken.
  Result<std::optional<std::int64_t>> add_session_policies(
      const std::string& account, const std::vector<std::string>& documents,
      const std::vector<std::string>& policy_arns, SessionRecord& session);
  bool trusts_service(const RoleRecord& role, std::string_view service_principal,
                      std::string_view region, const std::string& source_arn) const;
  Result<TemporaryCredentials> issue_granted(const RoleGrant& grant);
  Result<TemporaryCredentials> issue_session(std::string_view role_arn,
                                             std::string_view session_name,
                                             std::chrono::seconds lifetime,
                                             const std::string& holder);

  std::unique_ptr<State> state_;
  const std::string root_account_;
  std::unique_ptr<ShellCredentials> shells_;
  std::unique_ptr<CredentialStore> credentials_;
  std::unique_ptr<RoleGrants> grants_;
  std::unique_ptr<ProviderKeys> provider_keys_;
  TagSources tag_sources_;  // constant once requests are served
  std::unique_ptr<ResourcePolicies> resource_policies_;
  // Keyed by service; constant once requests are served.
  std::map<std::string, OperationActions*, std::less<>> operation_actions_;
};

}  // namespace tidemill::services::iam

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
class State;
class CredentialStore;
class RoleGrants;
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
  // What is passed outlives the service. Reads the sessions that are still valid.
  static Result<std::unique_ptr<IamService>> open(store::Store& store, const Clock& clock,
                                                  Random& random, IamOptions options);
  ~IamService() override;

  static std::vector<store::TableSpec> tables();
  void add_to(Registry& registry);
  CredentialSource& credentials();
  // Where the tags of the other services' resources are found; before requests are served.
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

  std::vector<std::string> resources_of(const Context& context, const schema::Service& service,
                                        const schema::Operation& operation,
                                        const Value& input) override;
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
  std::optional<std::string> account_of_access_key(std::string_view access_key_id) override;

 private:
  IamService(store::Store& store, const Clock& clock, Random& random, IamOptions options);
  // A caller with all that decides what it may.
  struct Asking;
  Result<Asking> asking(const RequestFacts& facts, const Principal& principal);
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
  bool is_never_refused(const Principal& principal, std::string_view service) const;
  // What the role's trust policy says.
  Grant trust_of(const RoleRecord& role, std::string_view action,
                 const PrincipalCandidate& candidate, const RequestFacts& facts,
                 const CallerFacts& caller, const ConditionContext& given) const;
  Result<void> check_trust(const Context& context, const AssumeRole& request,
                           const RoleRecord& role);
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
  TagSources tag_sources_;  // constant once requests are served
  std::unique_ptr<ResourcePolicies> resource_policies_;
};

}  // namespace tidemill::services::iam

// For tests of SageMaker's resources: small stand-ins for CloudWatch Logs and IAM, and calls.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "services/iam/interface.h"
#include "services/logs/interface.h"
#include "services/platform/handlers/handlers.h"
#include "services/platform/held/held_answers.h"

namespace tidemill::services::sagemaker {

class FakeLogs final : public logs::LogsInterface {
 public:
  Result<void> append(std::string_view, std::string_view, std::string_view group,
                      std::string_view stream, std::vector<logs::LogEvent> events) override {
    std::lock_guard lock(mutex_);
    for (logs::LogEvent& event : events)
      lines_[std::string(group) + ":" + std::string(stream)].push_back(std::move(event.message));
    return {};
  }
  Result<std::vector<logs::LogEvent>> tail(std::string_view, std::string_view, std::string_view,
                                           std::string_view, std::size_t) override {
    return std::vector<logs::LogEvent>();
  }
  std::vector<std::string> lines(const std::string& name) {
    std::lock_guard lock(mutex_);
    return lines_[name];
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<std::string>> lines_;
};

class FakeIam : public iam::IamInterface {
 public:
  Result<void> check_pass_role(const Context&, std::string_view role, std::string_view,
                               const std::vector<std::string>&) override {
    if (role.ends_with("/forbidden")) return fail("AccessDeniedException", "not this role");
    return {};
  }
  Result<iam::TemporaryCredentials> issue_role_credentials(std::string_view, std::string_view,
                                                           std::chrono::seconds) override {
    return iam::TemporaryCredentials{
        .access_key_id = "AKID", .secret_access_key = "SECRET", .session_token = "TOKEN"};
  }
  Result<std::string> grant_role(const iam::RoleGrant& grant) override {
    std::lock_guard lock(mutex_);
    if (grant.since != Timestamp{} && grant.since < made_again_) return made_again();
    grants_[grant.holder] = grant.role_arn;
    return "token-of-" + grant.holder;
  }
  Result<void> revoke_role(std::string_view holder) override {
    std::lock_guard lock(mutex_);
    grants_.erase(std::string(holder));
    return {};
  }
  Result<iam::TemporaryCredentials> granted_credentials(std::string_view,
                                                        std::string_view) override {
    return fail("AccessDenied", "not in this fake");
  }
  // Refuses roles whose names end with "-without-" and the action of S3 that they may not use.
  Result<void> authorize_role(std::string_view role, std::string_view, std::string_view action,
                              std::string_view resource, const iam::ConditionContext& conditions,
                              Timestamp since) override {
    std::lock_guard lock(mutex_);
    if (since != Timestamp{} && since < made_again_) return made_again();
    std::string asked = std::string(action) + " " + std::string(resource);
    for (const auto& [name, values] : conditions) asked += " " + name + "=" + values.at(0);
    asked_.insert(std::move(asked));
    if (role.ends_with("-without-" + std::string(action.substr(action.find(':') + 1))))
      return fail("AccessDeniedException", "not this role", 403);
    return {};
  }
  Result<Principal> role_principal(std::string_view role, std::string_view session,
                                   std::string_view, Timestamp) override {
    return Principal{"123456789012", std::string(role) + "/" + std::string(session), {}, {}, false};
  }
  Result<void> authorize(const Principal&, std::string_view, std::string_view,
                         const iam::ConditionContext&, const iam::ResourcePolicy*) override {
    return {};
  }
  void add_resource_policies(std::string_view, iam::ResourcePolicySource&) override {}
  void add_operation_actions(std::string_view, iam::OperationActions&) override {}
  // Every role was deleted and made again at this time.
  void make_roles_again(Timestamp time) {
    std::lock_guard lock(mutex_);
    made_again_ = time;
  }
  std::size_t grants() {
    std::lock_guard lock(mutex_);
    return grants_.size();
  }
  // "s3:GetObject arn:aws:s3:::b/k", each once.
  std::set<std::string> asked() {
    std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  static std::unexpected<Error> made_again() {
    return fail("AccessDenied", "this role was made again", 403);
  }

  std::mutex mutex_;
  Timestamp made_again_;
  std::map<std::string, std::string> grants_;
  std::set<std::string> asked_;
};

// The Describes that wait. A fixture's engine announces changes to it with on_change().
inline platform::HeldAnswers& test_held() {
  static platform::HeldAnswers held;
  return held;
}

// The answer to a client of the account 123456789012.
template <class Op>
Result<typename Op::Output> call_operation(const Registry& registry,
                                           const typename Op::Input& input,
                                           const std::string& region = "us-east-1") {
  Context context;
  context.region = region;
  context.principal.account = "123456789012";
  const Handler* handler = registry.find(Op::operation());
  const Value value = TRY(run_and_wait(*handler, context, to_value(input)));
  typename Op::Output output{};
  TRY(from_value(value, output));
  return output;
}

}  // namespace tidemill::services::sagemaker

// The account's password policy and its credential report. There are no passwords here: the policy
// is kept and shown, and the report says that nobody has one.
#include "api/iam/password_policy.h"
#include "api/iam/credential_report.h"
#include "base/clock.h"
#include "services/iam/account/handlers.h"
#include "services/iam/credentials/access_keys.h"
#include "services/iam/errors.h"
#include "services/iam/limits.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;

// A report serves for so long; then GetCredentialReport asks for a new one.
constexpr std::chrono::hours kReportLifetime{4};
constexpr std::string_view kReportHeader =
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,"
    "password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,"
    "access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,"
    "access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,"
    "access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,"
    "cert_1_last_rotated,cert_2_active,cert_2_last_rotated\n";

template <class Handler>
auto bind(State& state, Handler handler) {
  return [&state, handler](Context& context, const auto& request) {
    return handler(state, context, request);
  };
}

Result<ops::GetAccountPasswordPolicy::Output> get_policy(State& state, const Context& context,
                                                         const api::Empty&) {
  auto found = TRY(password_policies_table().get(state.store(), context.account()));
  if (!found)
    return no_such_entity("The Password Policy with domain name " + context.account() +
                          " cannot be found.");
  const PasswordPolicyRecord& record = found->record;
  ops::GetAccountPasswordPolicy::Output out;
  api::iam::PasswordPolicy policy;
  policy.minimum_password_length = record.minimum_length;
  policy.require_symbols = record.symbols;
  policy.require_numbers = record.numbers;
  policy.require_uppercase_characters = record.uppercase;
  policy.require_lowercase_characters = record.lowercase;
  policy.allow_users_to_change_password = record.users_may_change;
  policy.expire_passwords = record.age_days_max.value_or(0) > 0;
  policy.max_password_age = record.age_days_max;
  policy.password_reuse_prevention = record.reuse_prevention;
  policy.hard_expiry = record.hard_expiry;
  out.password_policy = std::move(policy);
  return out;
}

// Members that the request leaves out go back to their defaults, as AWS documents it.
Result<api::Empty> update_policy(State& state, const Context& context,
                                 const ops::UpdateAccountPasswordPolicy::Input& request) {
  PasswordPolicyRecord record;
  record.account = context.account();
  record.minimum_length = request.minimum_password_length.value_or(record.minimum_length);
  record.symbols = request.require_symbols.value_or(false);
  record.numbers = request.require_numbers.value_or(false);
  record.uppercase = request.require_uppercase_characters.value_or(false);
  record.lowercase = request.require_lowercase_characters.value_or(false);
  record.users_may_change = request.allow_users_to_change_password.value_or(false);
  record.age_days_max = request.max_password_age;
  record.reuse_prevention = request.password_reuse_prevention;
  record.hard_expiry = request.hard_expiry;
  store::Transaction transaction;
  password_policies_table().put(transaction, record.account, record, std::nullopt);
  TRY(state.store().commit(std::move(transaction)));
  return api::Empty{};
}

Result<api::Empty> delete_policy(State& state, const Context& context, const api::Empty&) {
  if (!TRY(password_policies_table().get(state.store(), context.account())))
    return no_such_entity("The account policy with name PasswordPolicy cannot be found.");
  store::Transaction transaction;
  password_policies_table().erase(transaction, context.account(), std::nullopt);
  TRY(state.store().commit(std::move(transaction)));
  return api::Empty{};
}

std::string key_columns(const AccessKeys& keys, const AccessKeyRecord* key) {
  if (!key) return ",false,N/A,N/A,N/A,N/A";
  std::string out = key->active ? ",true," : ",false,";
  out += format_iso8601(key->created);
  const std::optional<KeyUseRecord> use = keys.last_use(key->id);
  if (!use) return out + ",N/A,N/A,N/A";
  return out + "," + format_iso8601(use->used) + "," + use->region + "," + use->service;
}

// A name or ARN as a field of CSV. Users' names may have commas, but no quotes (RFC 4180).
std::string csv_field(std::string text) {
  return text.contains(',') ? '"' + std::move(text) + '"' : text;
}

Result<std::string> make_report(State& state, const std::string& account) {
  std::string out(kReportHeader);
  // Root has one active access key, which the first start made.
  out += "<root_account>,arn:aws:iam::" + account +
         ":root,N/A,not_supported,N/A,not_supported,not_supported,false,true,N/A,N/A,N/A,N/A"
         ",false,N/A,N/A,N/A,N/A,false,N/A,false,N/A\n";
  store::Scan scan{.prefix = store::key({account, ""}), .page_bytes_max = kListedBytesMax};
  do {
    auto page = TRY(users_table().scan(state.store(), scan));
    for (const auto& [user, version] : page.records) {
      out += csv_field(user.name) + "," + csv_field(user.arn()) + "," +
             format_iso8601(user.created) + ",false,N/A,N/A,N/A,false";
      for (std::size_t i = 0; i < kAccessKeysPerUserMax; ++i)
        out += key_columns(state.access_keys(),
                           i < user.access_keys.size() ? &user.access_keys[i] : nullptr);
      out += ",false,N/A,false,N/A\n";
    }
    scan.after = page.next;
  } while (!scan.after.empty());
  return out;
}

Result<ops::GenerateCredentialReport::Output> generate_report(State& state, const Context& context,
                                                              const api::Empty&) {
  ops::GenerateCredentialReport::Output out;
  auto found = TRY(credential_reports_table().get(state.store(), context.account()));
  if (found && state.now() - found->record.generated < kReportLifetime) {
    out.state = api::iam::report_state_type::kComplete;
    return out;
  }
  CredentialReportRecord record{context.account(), TRY(make_report(state, context.account())),
                                state.now_seconds()};
  store::Transaction transaction;
  credential_reports_table().put(transaction, record.account, record, std::nullopt);
  TRY(state.store().commit(std::move(transaction)));
  out.state = api::iam::report_state_type::kStarted;
  out.description = "No report exists. Starting a new report generation task";
  return out;
}

Result<ops::GetCredentialReport::Output> get_report(State& state, const Context& context,
                                                    const api::Empty&) {
  auto found = TRY(credential_reports_table().get(state.store(), context.account()));
  if (!found)
    return fail("ReportNotPresent",
                "No report exists. Start a new report with GenerateCredentialReport.", 410);
  if (state.now() - found->record.generated >= kReportLifetime)
    return fail(
        "ReportExpired",
        "The report is more than four hours old. Make a new one with GenerateCredentialReport.",
        410);
  ops::GetCredentialReport::Output out;
  out.content = Blob{std::move(found->record.content)};
  out.report_format = api::iam::report_format_type::kTextCsv;
  out.generated_time = found->record.generated;
  return out;
}

}  // namespace

void add_password_policy_handlers(Registry& registry, State& state) {
  registry.add<ops::GetAccountPasswordPolicy>(bind(state, get_policy));
  registry.add<ops::UpdateAccountPasswordPolicy>(bind(state, update_policy));
  registry.add<ops::DeleteAccountPasswordPolicy>(bind(state, delete_policy));
}

void add_credential_report_handlers(Registry& registry, State& state) {
  registry.add<ops::GenerateCredentialReport>(bind(state, generate_report));
  registry.add<ops::GetCredentialReport>(bind(state, get_report));
}

}  // namespace tidemill::services::iam

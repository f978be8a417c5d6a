#include "services/kms/grant/grants.h"

#include <algorithm>

#include "api/kms/errors.h"
#include "base/arn.h"
#include "base/cipher.h"
#include "base/encoding.h"

namespace tidemill::services::kms {
namespace {

constexpr std::string_view kTokenPurpose = "kms grant token";

// Operations whose requests have an encryption context, which constraints test.
bool has_context(std::string_view operation) {
  return operation == "Encrypt" || operation == "Decrypt" || operation.starts_with("ReEncrypt") ||
         operation.starts_with("GenerateDataKey");
}

bool constraints_hold(const GrantRecord& grant, std::string_view operation,
                      const iam::ConditionContext& conditions) {
  if (!grant.context_subset && !grant.context_equals) return true;
  // A grantee must not escape the constraint by making another grant without it.
  if (operation == "CreateGrant") return false;
  if (!has_context(operation)) return true;
  EncryptionContext context;
  for (const auto& [name, values] : conditions)
    if (name.starts_with(kContextKeyPrefix) && !values.empty())
      context[name.substr(kContextKeyPrefix.size())] = values.front();
  if (grant.context_equals) return *grant.context_equals == context;
  return std::ranges::all_of(*grant.context_subset, [&](const auto& pair) {
    const auto found = context.find(pair.first);
    return found != context.end() && found->second == pair.second;
  });
}

// A grant that is made under another one has no operation that this one lacks.
bool covers(const GrantRecord& grant, std::string_view operation,
            const iam::ConditionContext& conditions) {
  if (!is_one_of(std::vector<std::string_view>(grant.operations.begin(), grant.operations.end()),
                 operation))
    return false;
  if (operation != "CreateGrant") return true;
  const auto wanted = conditions.find("kms:GrantOperations");
  return wanted != conditions.end() &&
         std::ranges::all_of(wanted->second, [&](const std::string& each) {
           return std::ranges::find(grant.operations, each) != grant.operations.end();
         });
}

// "r" of arn:aws:iam::1:role/path/r and of arn:aws:sts::1:assumed-role/r/session, with the account.
std::pair<std::string, std::string> role_of(std::string_view text) {
  const Result<Arn> arn = parse_arn(text);
  if (!arn) return {};
  const std::string& resource = arn->resource;
  if (arn->service == "iam" && resource.starts_with("role/"))
    return {arn->account, resource.substr(resource.rfind('/') + 1)};
  constexpr std::string_view kSession = "assumed-role/";
  if (arn->service == "sts" && resource.starts_with(kSession)) {
    const std::string rest = resource.substr(kSession.size());
    return {arn->account, rest.substr(0, rest.find('/'))};
  }
  return {};
}

bool names_principal(const std::string& named, const Principal& principal) {
  if (named.empty()) return false;
  if (named == principal.arn) return true;
  // A grant to a session is for that session alone; a grant to a role is for all its sessions.
  if (!named.starts_with("arn:aws:iam:")) return false;
  const auto role = role_of(named);
  return !role.second.empty() && role == role_of(principal.arn);
}

}  // namespace

Result<bool> is_granted(Core& core, const std::string& key_id, std::string_view operation,
                        const std::vector<std::string>& principals,
                        const iam::ConditionContext& conditions) {
  for (const std::string& principal : principals) {
    store::Scan scan{
        .table = {}, .index = "by_grantee", .prefix = store::key({key_id, principal, ""})};
    do {
      const auto page = TRY(grants_table().scan(core.store, scan));
      for (const auto& row : page.records)
        if (covers(row.record, operation, conditions) &&
            constraints_hold(row.record, operation, conditions))
          return true;
      scan.after = page.next;
    } while (!scan.after.empty());
  }
  return false;
}

std::string grant_token(Core& core, const GrantRecord& grant) {
  return encode_base64(seal_text(core.root.derive(kTokenPurpose), "",
                                 store::key({grant.key_id, grant.id}), core.random));
}

Result<std::optional<store::Versioned<GrantRecord>>> grant_of_token(Core& core,
                                                                    const std::string& token) {
  const Result<std::string> sealed = decode_base64(token);
  std::optional<std::string> key;
  if (sealed) key = open_text(core.root.derive(kTokenPurpose), "", *sealed);
  if (!key)
    return fail(api::kms::errors::kInvalidGrantTokenException, "The grant token is not valid.",
                400);
  return grants_table().get(core.store, *key);
}

bool may_retire(const GrantRecord& grant, const Principal& principal) {
  if (names_principal(grant.retiring, principal)) return true;
  return std::ranges::find(grant.operations, "RetireGrant") != grant.operations.end() &&
         names_principal(grant.grantee, principal);
}

}  // namespace tidemill::services::kms

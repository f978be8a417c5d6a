// CreateGrant, ListGrants, ListRetirableGrants, RevokeGrant, RetireGrant.
#include <algorithm>
#include <array>

#include "api/kms/grant.h"
#include "base/arn.h"
#include "base/cipher.h"
#include "base/encoding.h"
#include "services/kms/common/keys.h"
#include "services/kms/grant/grants.h"

namespace tidemill::services::kms {

namespace model = api::kms;

namespace {

constexpr std::int64_t kPageGrants = 50;
constexpr std::size_t kGrantIdBytes = 32;
constexpr std::size_t kGrantsPerPrincipalMax = 500;

// The operations that a grant on a key of this usage may have.
bool fits(const KeyRecord& key, std::string_view operation) {
  if (operation == "CreateGrant" || operation == "RetireGrant" || operation == "DescribeKey")
    return true;
  const bool asymmetric = spec_of(key).is_asymmetric();
  if (operation == "GetPublicKey") return asymmetric;
  if (operation.starts_with("GenerateDataKey")) return key.spec == kSymmetricDefault;
  if (operation == "Encrypt" || operation == "Decrypt" || operation.starts_with("ReEncrypt"))
    return key.usage == kEncryptDecrypt;
  if (operation == "Sign" || operation == "Verify") return key.usage == kSignVerify;
  if (operation == "GenerateMac" || operation == "VerifyMac")
    return key.usage == kGenerateVerifyMac;
  return operation == "DeriveSharedSecret" && key.usage == kKeyAgreement;
}

Result<void> check_principal(const std::string& text) {
  const Result<Arn> arn = parse_arn(text);
  const bool known =
      arn && arn->partition == "aws" &&
      ((arn->service == "iam" && (arn->resource == "root" || arn->resource.starts_with("user/") ||
                                  arn->resource.starts_with("role/"))) ||
       (arn->service == "sts" && (arn->resource.starts_with("assumed-role/") ||
                                  arn->resource.starts_with("federated-user/"))));
  if (known) return {};
  return fail(model::errors::kInvalidArnException,
              text + " is not the ARN of an account's root, a user, a role or a session.", 400);
}

Result<GrantRecord> record_of(Core& core, const Context& context, const KeyRecord& key,
                              const model::CreateGrantRequest& request) {
  TRY(refuse(request.grantee_service_principal.has_value(), "GranteeServicePrincipal"));
  TRY(refuse(request.retiring_service_principal.has_value(), "RetiringServicePrincipal"));
  TRY(refuse(request.constraints && request.constraints->source_arn, "SourceArn of Constraints"));
  if (!request.grantee_principal) return invalid("GranteePrincipal is required.");
  TRY(check_principal(*request.grantee_principal));
  if (request.retiring_principal) TRY(check_principal(*request.retiring_principal));
  GrantRecord grant;
  grant.id = encode_hex(random_bytes(core.random, kGrantIdBytes));
  grant.key_id = key.id;
  grant.account = key.account;
  grant.region = key.region;
  grant.issuing_account = "arn:aws:iam::" + context.account() + ":root";
  grant.created = core.clock.now();
  grant.name = request.name.value_or("");
  grant.grantee = *request.grantee_principal;
  grant.retiring = request.retiring_principal.value_or("");
  for (const std::string& operation : request.operations_) {
    if (!fits(key, operation))
      return invalid("The operation " + operation + " is not valid for a grant on a key with " +
                     "KeySpec " + key.spec + " and KeyUsage " + key.usage + ".");
    if (std::ranges::find(grant.operations, operation) == grant.operations.end())
      grant.operations.push_back(operation);
  }
  if (grant.operations.empty()) return invalid("Operations must not be empty.");
  if (!request.constraints) return grant;
  grant.context_subset = request.constraints->encryption_context_subset;
  grant.context_equals = request.constraints->encryption_context_equals;
  if (grant.context_subset && grant.context_equals)
    return invalid("A grant has either EncryptionContextSubset or EncryptionContextEquals.");
  if ((grant.context_subset || grant.context_equals) && key.spec != kSymmetricDefault)
    return invalid("Constraints on the encryption context need a symmetric encryption key.");
  return grant;
}

// The grant with this name that an earlier, repeated call has made.
Result<std::optional<GrantRecord>> made_before(Core& core, const GrantRecord& wanted) {
  store::Scan scan{.table = {},
                   .index = "by_grantee",
                   .prefix = store::key({wanted.key_id, wanted.grantee, ""})};
  std::size_t count = 0;
  do {
    auto page = TRY(grants_table().scan(core.store, scan));
    for (auto& row : page.records) {
      GrantRecord& grant = row.record;
      ++count;
      if (!wanted.name.empty() && grant.name == wanted.name && grant.retiring == wanted.retiring &&
          grant.operations == wanted.operations && grant.context_subset == wanted.context_subset &&
          grant.context_equals == wanted.context_equals)
        return std::optional(std::move(grant));
    }
    scan.after = page.next;
  } while (!scan.after.empty());
  if (count >= kGrantsPerPrincipalMax)
    return fail(
        model::errors::kLimitExceededException,
        "A principal has at most " + std::to_string(kGrantsPerPrincipalMax) + " grants on a key.",
        400);
  return std::optional<GrantRecord>();
}

Result<model::CreateGrantResponse> create_grant(Core& core, Context& context,
                                                const model::CreateGrantRequest& request) {
  if (!TRY(parse_key_name(context, request.key_id)).alias.empty())
    return not_found("Invalid keyId '" + request.key_id + "'");
  const KeyRecord key = TRY(find_key(core, context, request.key_id)).record;
  TRY(check_enabled(key));
  GrantRecord grant = TRY(record_of(core, context, key, request));
  if (std::optional<GrantRecord> before = TRY(made_before(core, grant))) {
    grant = *std::move(before);
    TRY(check_dry_run(request.dry_run));
  } else {
    TRY(check_dry_run(request.dry_run));
    store::Transaction transaction;
    // A key that is being deleted gets no new grants.
    const auto row = TRY(keys_table().get(core.store, key.id));
    if (!row) return not_found("Key '" + key.arn() + "' does not exist");
    transaction.expect(keys_table().name(), key.id, row->version);
    grants_table().put(transaction, store::key({grant.key_id, grant.id}), grant, 0);
    TRY(core.store.commit(std::move(transaction)));
  }
  model::CreateGrantResponse output;
  output.grant_id = grant.id;
  output.grant_token = grant_token(core, grant);
  return output;
}

model::GrantListEntry entry_of(const GrantRecord& grant, const std::string& key_arn) {
  model::GrantListEntry entry;
  entry.key_id = key_arn;
  entry.grant_id = grant.id;
  entry.name = grant.name;
  entry.creation_date = grant.created;
  entry.grantee_principal = grant.grantee;
  if (!grant.retiring.empty()) entry.retiring_principal = grant.retiring;
  entry.issuing_account = grant.issuing_account;
  entry.operations_ = grant.operations;
  if (grant.context_subset || grant.context_equals) {
    entry.constraints.ensure().encryption_context_subset = grant.context_subset;
    entry.constraints.ensure().encryption_context_equals = grant.context_equals;
  }
  return entry;
}

Result<model::ListGrantsResponse> list(Core& core, store::Scan scan,
                                       const std::optional<std::string>& marker,
                                       const std::optional<std::int64_t>& limit) {
  scan.after = TRY(read_marker(marker));
  scan.limit = std::size_t(limit.value_or(kPageGrants));
  const auto page = TRY(grants_table().scan(core.store, scan));
  model::ListGrantsResponse output;
  output.grants.emplace();
  for (const auto& row : page.records) {
    KeyRecord key;
    key.id = row.record.key_id;
    key.account = row.record.account;
    key.region = row.record.region;
    output.grants->push_back(entry_of(row.record, key.arn()));
  }
  output.next_marker = write_marker(page.next);
  output.truncated = output.next_marker.has_value();
  return output;
}

Result<model::ListGrantsResponse> list_grants(Core& core, Context& context,
                                              const model::ListGrantsRequest& request) {
  TRY(refuse(request.grantee_service_principal.has_value(), "GranteeServicePrincipal"));
  const KeyRecord key = TRY(find_key_by_id(core, context, request.key_id));
  store::Scan scan;
  scan.prefix = store::key({key.id, ""});
  if (request.grantee_principal) {
    scan.index = "by_grantee";
    scan.prefix = store::key({key.id, *request.grantee_principal, request.grant_id.value_or("")});
  } else if (request.grant_id) {
    scan.prefix = store::key({key.id, *request.grant_id});
  }
  return list(core, std::move(scan), request.marker, request.limit);
}

Result<model::ListGrantsResponse> list_retirable_grants(
    Core& core, Context& context, const model::ListRetirableGrantsRequest& request) {
  TRY(refuse(request.retiring_service_principal.has_value(), "RetiringServicePrincipal"));
  if (!request.retiring_principal) return invalid("RetiringPrincipal is required.");
  TRY(check_principal(*request.retiring_principal));
  store::Scan scan;
  scan.index = "by_retiring";
  scan.prefix = store::key({context.account(), context.region, *request.retiring_principal, ""});
  return list(core, std::move(scan), request.marker, request.limit);
}

Result<api::Empty> erase(Core& core, const store::Versioned<GrantRecord>& grant) {
  store::Transaction transaction;
  grants_table().erase(transaction, store::key({grant.record.key_id, grant.record.id}),
                       grant.version);
  TRY(core.store.commit(std::move(transaction)));
  return api::Empty{};
}

Result<store::Versioned<GrantRecord>> find_grant(Core& core, const Context& context,
                                                 const std::string& key_id,
                                                 const std::string& grant_id) {
  const KeyRecord key = TRY(find_key_by_id(core, context, key_id));
  auto grant = TRY(grants_table().get(core.store, store::key({key.id, grant_id})));
  if (!grant)
    return fail(model::errors::kInvalidGrantIdException,
                "There is no grant " + grant_id + " on " + key.arn() + ".", 400);
  return *std::move(grant);
}

Result<api::Empty> revoke_grant(Core& core, Context& context,
                                const model::RevokeGrantRequest& request) {
  const auto grant = TRY(find_grant(core, context, request.key_id, request.grant_id));
  TRY(check_dry_run(request.dry_run));
  return erase(core, grant);
}

Result<api::Empty> retire_grant(Core& core, Context& context,
                                const model::RetireGrantRequest& request) {
  if (request.grant_token.has_value() == (request.key_id && request.grant_id))
    return invalid("RetireGrant takes either a GrantToken, or a KeyId and a GrantId.");
  if (request.grant_token) {
    const auto grant = TRY(grant_of_token(core, *request.grant_token));
    if (!grant) return not_found("The grant does not exist any more.");
    TRY(check_dry_run(request.dry_run));
    return erase(core, *grant);
  }
  const auto grant = TRY(find_grant(core, context, *request.key_id, *request.grant_id));
  TRY(check_dry_run(request.dry_run));
  return erase(core, grant);
}

}  // namespace

void add_grant_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::CreateGrant>(registry, core, create_grant);
  add<op::ListGrants>(registry, core, list_grants);
  add<op::ListRetirableGrants>(registry, core, list_retirable_grants);
  add<op::RevokeGrant>(registry, core, revoke_grant);
  add<op::RetireGrant>(registry, core, retire_grant);
}

}  // namespace tidemill::services::kms

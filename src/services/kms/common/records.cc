#include "services/kms/common/records.h"

#include <algorithm>

#include "base/arn.h"

namespace tidemill::services::kms {

TIDEMILL_RECORD_CODEC(KeyMaterial)
TIDEMILL_RECORD_CODEC(KeyRecord)
TIDEMILL_RECORD_CODEC(AliasRecord)
TIDEMILL_RECORD_CODEC(GrantRecord)

namespace {

using Keys = std::vector<std::string>;

Keys due_keys(const KeyRecord& key) {
  if (key.deletion) return {due_text(*key.deletion)};
  if (key.next_rotation) return {due_text(*key.next_rotation)};
  return {};
}

}  // namespace

std::string KeyRecord::arn() const {
  return Arn{.service = "kms", .region = region, .account = account, .resource = "key/" + id}
      .text();
}

std::string AliasRecord::arn() const {
  return Arn{.service = "kms", .region = region, .account = account, .resource = name}.text();
}

std::string_view invariant(const KeyRecord& key) {
  if (key.id.empty() || key.account.empty() || key.region.empty())
    return "a key must have an id, an account and a region";
  if (key.state != "Enabled" && key.state != "Disabled" && key.state != "PendingDeletion")
    return "a key's state must be Enabled, Disabled or PendingDeletion";
  if (key.deletion.has_value() != (key.state == "PendingDeletion"))
    return "a key must have a time of deletion exactly while its state is PendingDeletion";
  if (key.materials.empty()) return "a key must have material";
  return {};
}

std::string_view invariant(const AliasRecord& alias) {
  if (!alias.name.starts_with("alias/")) return "an alias must begin with alias/";
  return alias.key_id.empty() ? "an alias must name a key" : "";
}

std::string_view invariant(const GrantRecord& grant) {
  if (grant.id.empty() || grant.key_id.empty() || grant.grantee.empty())
    return "a grant must have an id, a key and a grantee";
  if (grant.context_subset && grant.context_equals)
    return "a grant must have at most one constraint";
  return {};
}

const store::Table<KeyRecord>& keys_table() {
  static const store::Table<KeyRecord> kTable{
      "kms_keys",
      {{"by_owner",
        [](const KeyRecord& key) { return Keys{store::key({key.account, key.region, key.id})}; }},
       {"by_due", due_keys}},
      &invariant};
  return kTable;
}

const store::Table<AliasRecord>& aliases_table() {
  static const store::Table<AliasRecord> kTable{
      "kms_aliases",
      {{"by_key",
        [](const AliasRecord& alias) { return Keys{store::key({alias.key_id, alias.name})}; }}},
      &invariant};
  return kTable;
}

std::string alias_key(std::string_view account, std::string_view region, std::string_view name) {
  return store::key({account, region, name});
}

const store::Table<GrantRecord>& grants_table() {
  static const store::Table<GrantRecord> kTable{
      "kms_grants",
      {{"by_grantee",
        [](const GrantRecord& grant) {
          return Keys{store::key({grant.key_id, grant.grantee, grant.id})};
        }},
       {"by_retiring",
        [](const GrantRecord& grant) {
          if (grant.retiring.empty()) return Keys{};
          return Keys{store::key({grant.account, grant.region, grant.retiring, grant.id})};
        }}},
      &invariant};
  return kTable;
}

std::string due_text(Timestamp time) {
  constexpr std::size_t kDigits = 18;
  const std::string digits = std::to_string(std::max<std::int64_t>(time.microseconds, 0));
  return digits.size() >= kDigits ? digits : std::string(kDigits - digits.size(), '0') + digits;
}

}  // namespace tidemill::services::kms

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

const store::Table<KeyRecord>& keys_table() {
  static const store::Table<KeyRecord> kTable{
      "kms_keys",
      {{"by_owner",
        [](const KeyRecord& key) { return Keys{store::key({key.account, key.region, key.id})}; }},
       {"by_due", due_keys}}};
  return kTable;
}

const store::Table<AliasRecord>& aliases_table() {
  static const store::Table<AliasRecord> kTable{
      "kms_aliases", {{"by_key", [](const AliasRecord& alias) {
                         return Keys{store::key({alias.key_id, alias.name})};
                       }}}};
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
       {"by_retiring", [](const GrantRecord& grant) {
          if (grant.retiring.empty()) return Keys{};
          return Keys{store::key({grant.account, grant.region, grant.retiring, grant.id})};
        }}}};
  return kTable;
}

std::string due_text(Timestamp time) {
  constexpr std::size_t kDigits = 18;
  const std::string digits = std::to_string(std::max<std::int64_t>(time.microseconds, 0));
  return digits.size() >= kDigits ? digits : std::string(kDigits - digits.size(), '0') + digits;
}

}  // namespace tidemill::services::kms

// Keys, aliases and grants in the store.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/describe.h"
#include "store/table.h"

namespace tidemill::services::kms {

// One version of a key's material. Ciphertexts name it by its place in the key's list.
struct KeyMaterial {
  std::string id;  // 64 hexadecimal digits
  Timestamp created;
  std::string wrapped;   // base64; encrypted with a key derived from the root key
  std::string rotation;  // what made it: "" (the key's creation), "AUTOMATIC", "ON_DEMAND"
};
TIDEMILL_RECORD(KeyMaterial, (), (id, created, wrapped, rotation))

struct KeyRecord {
  std::string id;  // a UUID
  std::string account, region;
  Timestamp created;
  std::string description, spec, usage;
  std::string state = "Enabled";  // "Disabled", "PendingDeletion"
  std::string aws_service;        // of an AWS managed key: "s3"
  std::string policy;
  std::map<std::string, std::string> tags;
  std::vector<KeyMaterial> materials;  // the last one is current
  std::string public_key;              // base64 of the DER, of asymmetric keys
  std::optional<Timestamp> deletion;   // when the material is deleted
  std::int64_t pending_window_days = 0;
  std::int64_t rotation_period_days = 0;  // 0: no automatic rotation
  std::optional<Timestamp> next_rotation;

  std::string arn() const;
};
TIDEMILL_RECORD(KeyRecord, (),
                (id, account, region, created, description, spec, usage, state, aws_service, policy,
                 tags, materials, public_key, deletion, pending_window_days, rotation_period_days,
                 next_rotation))

struct AliasRecord {
  std::string account, region, name;  // "alias/mine"
  std::string key_id;
  Timestamp created, updated;

  std::string arn() const;
};
TIDEMILL_RECORD(AliasRecord, (), (account, region, name, key_id, created, updated))

struct GrantRecord {
  std::string id;  // 64 hexadecimal digits
  std::string key_id;
  std::string account, region;  // the key's
  std::string issuing_account;
  Timestamp created;
  std::string name;
  std::string grantee, retiring;  // ARNs; `retiring` may be empty
  std::vector<std::string> operations;
  // At most one of these.
  std::optional<std::map<std::string, std::string>> context_subset, context_equals;
};
TIDEMILL_RECORD(GrantRecord, (),
                (id, key_id, account, region, issuing_account, created, name, grantee, retiring,
                 operations, context_subset, context_equals))

// Why a record breaks its invariant (store/invariant.h), "" when it does not.
std::string_view invariant(const KeyRecord& key);
std::string_view invariant(const AliasRecord& alias);
std::string_view invariant(const GrantRecord& grant);

// Key: id. Indexes: by_owner (account, region, id); by_due (the time of the next rotation or of the
// deletion, for keys that have one).
const store::Table<KeyRecord>& keys_table();
// Key: (account, region, name). Index by_key (key id, name).
const store::Table<AliasRecord>& aliases_table();
std::string alias_key(std::string_view account, std::string_view region, std::string_view name);
// Key: (key id, grant id). Indexes: by_grantee (key id, grantee, grant id); by_retiring (account,
// region, retiring principal, grant id).
const store::Table<GrantRecord>& grants_table();

// Text that sorts as the times do.
std::string due_text(Timestamp time);

}  // namespace tidemill::services::kms

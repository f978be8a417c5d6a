// Finding, checking and changing keys, and their material.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/kms/common/core.h"

namespace tidemill::services::kms {

// How a request names a key.
struct KeyName {
  std::string account, region;
  std::string id;     // of a key, or:
  std::string alias;  // "alias/mine"
};
// An id, an alias' name, or the ARN of either. NotFoundException or InvalidArnException.
Result<KeyName> parse_key_name(const Context& context, std::string_view text);

struct FoundKey {
  KeyRecord record;
  std::string alias = {};  // by which the request named it
};
// nullopt: there is no such key, or its waiting period is over.
Result<std::optional<FoundKey>> look_up_key(Core& core, const KeyName& name);
// NotFoundException.
Result<FoundKey> find_key(Core& core, const Context& context, std::string_view key_id);
// The same for operations that do not take aliases.
Result<KeyRecord> find_key_by_id(Core& core, const Context& context, std::string_view key_id);

// DisabledException, KMSInvalidStateException.
Result<void> check_enabled(const KeyRecord& key);
Result<void> check_not_pending_deletion(const KeyRecord& key);
// Those that AWS manages cannot be changed by their account.
Result<void> check_customer_managed(const KeyRecord& key, std::string_view deed);
// InvalidKeyUsageException.
Result<void> check_usage(const KeyRecord& key, std::string_view usage);
// InvalidKeyUsageException.
std::unexpected<Error> unsupported_algorithm(const KeyRecord& key, const std::string& algorithm);
const KeySpec& spec_of(const KeyRecord& key);

// Loads, changes and stores the key; again when another writer was faster. NotFoundException.
Result<KeyRecord> change_key(Core& core, const std::string& id,
                             const std::function<Result<void>(KeyRecord&)>& change);

// New random material, or a new key pair; sets the key's public key.
Result<void> add_material(Core& core, KeyRecord& key, std::string rotation);
// In the clear. `place` counts from 1; nullopt: the key has no such material (any more).
Result<std::optional<std::string>> material_of(Core& core, const KeyRecord& key, std::size_t place);
Result<std::string> current_material(Core& core, const KeyRecord& key);

// The key that AWS manages for a service in an account ("alias/aws/s3"), made when there is none.
Result<FoundKey> managed_key(Core& core, const std::string& account, const std::string& region,
                             const std::string& alias);
bool is_managed_alias(std::string_view alias);

// A page of a list. Markers are those of platform::page_token().
template <class Entry>
struct Listed {
  std::vector<Entry> entries;
  std::optional<std::string> next_marker;
};
// InvalidMarkerException.
Result<std::string> read_marker(const std::optional<std::string>& marker);
std::optional<std::string> write_marker(const std::string& position);

std::unexpected<Error> not_found(std::string message);
std::unexpected<Error> invalid(std::string message);
std::unexpected<Error> unsupported(std::string message);
// For members that are not supported here; `what` is the member's name.
Result<void> refuse(bool given, std::string_view what);
// The error of a call that would have succeeded; nothing without DryRun.
Result<void> check_dry_run(const std::optional<bool>& dry_run);

}  // namespace tidemill::services::kms

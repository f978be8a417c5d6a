#include "services/kms/kms_service.h"

#include "base/arn.h"
#include "services/kms/key/sweep.h"

namespace tidemill::services::kms {

std::vector<store::TableSpec> KmsService::tables() {
  return {keys_table().spec(), aliases_table().spec(), grants_table().spec(),
          root_key_marks_table().spec()};
}

void KmsService::add_to(Registry& registry) {
  add_key_operations(registry, core_);
  add_key_state_operations(registry, core_);
  add_alias_operations(registry, core_);
  add_encryption_operations(registry, core_);
  add_data_key_operations(registry, core_);
  add_signing_operations(registry, core_);
  add_grant_operations(registry, core_);
  add_policy_operations(registry, core_);
  add_rotation_operations(registry, core_);
  add_tag_operations(registry, core_);
}

platform::TagSource KmsService::tag_source() {
  return [this](std::string_view text) -> Result<platform::ResourceTags> {
    const Result<Arn> arn = parse_arn(text);
    if (!arn || arn->resource_type() != "key") return platform::ResourceTags();
    const auto key =
        TRY(look_up_key(core_, {arn->account, arn->region, std::string(arn->resource_name()), {}}));
    return key ? key->record.tags : platform::ResourceTags();
  };
}

Result<void> KmsService::sweep(Timestamp deletions_now) { return sweep_keys(core_, deletions_now); }

}  // namespace tidemill::services::kms

// EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus, RotateKeyOnDemand, ListKeyRotations.
#include "api/kms/rotation.h"

#include <algorithm>

#include "services/kms/common/keys.h"
#include "services/kms/policy/documents.h"

namespace tidemill::services::kms {

namespace model = api::kms;

namespace {

constexpr std::size_t kOnDemandRotationsMax = 25;
constexpr std::int64_t kPageRotations = 100;

Result<void> check_rotatable(const KeyRecord& key) {
  if (key.spec == kSymmetricDefault) return {};
  return unsupported(key.arn() + " cannot be rotated: only symmetric encryption keys can.");
}

Result<api::Empty> enable_key_rotation(Core& core, Context& context,
                                       const model::EnableKeyRotationRequest& request) {
  const KeyRecord found = TRY(find_key_by_id(core, context, request.key_id));
  TRY(check_customer_managed(found, "change the rotation of"));
  TRY(check_rotatable(found));
  TRY(change_key(core, found.id, [&](KeyRecord& key) -> Result<void> {
    TRY(check_enabled(key));
    const std::int64_t days = request.rotation_period_in_days.value_or(
        key.rotation_period_days ? key.rotation_period_days : kRotationDaysDefault);
    // If rotation is already enabled with this period, the date of the next rotation stays.
    if (key.rotation_period_days == days) return {};
    key.rotation_period_days = days;
    key.next_rotation = core.clock.now() + std::chrono::days(days);
    return {};
  }));
  return api::Empty{};
}

Result<api::Empty> disable_key_rotation(Core& core, Context& context,
                                        const model::DisableKeyRotationRequest& request) {
  const KeyRecord found = TRY(find_key_by_id(core, context, request.key_id));
  TRY(check_customer_managed(found, "change the rotation of"));
  TRY(check_rotatable(found));
  TRY(change_key(core, found.id, [&](KeyRecord& key) -> Result<void> {
    TRY(check_enabled(key));
    key.rotation_period_days = 0;
    key.next_rotation.reset();
    return {};
  }));
  return api::Empty{};
}

Result<model::GetKeyRotationStatusResponse> get_key_rotation_status(
    Core& core, Context& context, const model::GetKeyRotationStatusRequest& request) {
  const KeyRecord key = TRY(find_key_by_id(core, context, request.key_id));
  TRY(check_rotatable(key));
  model::GetKeyRotationStatusResponse output;
  output.key_id = key.id;
  output.key_rotation_enabled = key.rotation_period_days != 0 && key.state != "PendingDeletion";
  if (*output.key_rotation_enabled) {
    output.rotation_period_in_days = key.rotation_period_days;
    output.next_rotation_date = key.next_rotation;
  }
  return output;
}

Result<model::RotateKeyOnDemandResponse> rotate_key_on_demand(
    Core& core, Context& context, const model::RotateKeyOnDemandRequest& request) {
  const KeyRecord found = TRY(find_key_by_id(core, context, request.key_id));
  TRY(check_customer_managed(found, "rotate"));
  TRY(check_rotatable(found));
  TRY(change_key(core, found.id, [&](KeyRecord& key) -> Result<void> {
    TRY(check_enabled(key));
    const auto rotated = std::ranges::count(key.materials, "ON_DEMAND", &KeyMaterial::rotation);
    if (std::size_t(rotated) >= kOnDemandRotationsMax)
      return fail(model::errors::kLimitExceededException,
                  "A key can be rotated on demand at most " +
                      std::to_string(kOnDemandRotationsMax) + " times.",
                  400);
    return add_material(core, key, "ON_DEMAND");
  }));
  model::RotateKeyOnDemandResponse output;
  output.key_id = found.id;
  return output;
}

Result<model::ListKeyRotationsResponse> list_key_rotations(
    Core& core, Context& context, const model::ListKeyRotationsRequest& request) {
  const KeyRecord key = TRY(find_key_by_id(core, context, request.key_id));
  TRY(check_rotatable(key));
  const bool all = request.include_key_material.value_or("ROTATIONS_ONLY") == "ALL_KEY_MATERIAL";
  const std::string after = TRY(read_marker(request.marker));
  const auto limit = std::size_t(request.limit.value_or(kPageRotations));
  model::ListKeyRotationsResponse output;
  output.rotations.emplace();
  output.truncated = false;
  bool begun = after.empty();
  for (const KeyMaterial& material : key.materials) {
    if (!begun) {
      begun = material.id == after;
      continue;
    }
    if (material.rotation.empty() && !all) continue;
    if (output.rotations->size() == limit) {
      output.truncated = true;
      output.next_marker = write_marker(*output.rotations->back().key_material_id);
      break;
    }
    model::RotationsListEntry entry;
    entry.key_id = key.id;
    entry.key_material_id = material.id;
    if (all)
      entry.key_material_state = material.id == key.materials.back().id ? "CURRENT" : "NON_CURRENT";
    entry.rotation_date = material.created;
    if (!material.rotation.empty()) entry.rotation_type = material.rotation;
    output.rotations->push_back(std::move(entry));
  }
  return output;
}

}  // namespace

void add_rotation_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::EnableKeyRotation>(registry, core, enable_key_rotation);
  add<op::DisableKeyRotation>(registry, core, disable_key_rotation);
  add<op::GetKeyRotationStatus>(registry, core, get_key_rotation_status);
  add<op::RotateKeyOnDemand>(registry, core, rotate_key_on_demand);
  add<op::ListKeyRotations>(registry, core, list_key_rotations);
}

}  // namespace tidemill::services::kms

#include "services/s3/object/storage_class.h"

#include <algorithm>
#include <array>

#include "base/clock.h"
#include "services/s3/common/register.h"
#include "services/s3/common/version_id.h"
#include "services/s3/object/object.h"

namespace tidemill::services::s3 {

namespace {

struct StorageClass {
  std::string_view name;
  int coldness;
  bool archive = false;
};
constexpr std::array kClasses = {
    StorageClass{"STANDARD", 0},      StorageClass{"REDUCED_REDUNDANCY", 0},
    StorageClass{"STANDARD_IA", 1},   StorageClass{"INTELLIGENT_TIERING", 2},
    StorageClass{"ONEZONE_IA", 3},    StorageClass{"GLACIER_IR", 4},
    StorageClass{"GLACIER", 5, true}, StorageClass{"DEEP_ARCHIVE", 6, true}};

constexpr std::int64_t kDayMicroseconds = 86'400'000'000;
constexpr std::int64_t kLastDay = 2'932'896;  // 9999-12-31, in days since 1970

const StorageClass* find_class(std::string_view name) {
  const auto* found = std::ranges::find(kClasses, name, &StorageClass::name);
  return found == kClasses.end() ? nullptr : found;
}

bool is_restored(const ObjectRecord& object, Timestamp now) {
  return object.restored_until && now < *object.restored_until;
}

bool is_archived(const ObjectRecord& object, Timestamp now) {
  return object.storage_class && is_archive_class(*object.storage_class) &&
         !is_restored(object, now);
}

Result<std::int64_t> days_of(const model::RestoreObjectRequest& request) {
  constexpr std::array<std::string_view, 3> kTiers = {"Standard", "Bulk", "Expedited"};
  if (!request.restore_request) return fail(malformed_xml());
  const model::RestoreRequest& wanted = *request.restore_request;
  if (wanted.type || wanted.select_parameters || wanted.output_location)
    return fail(
        not_implemented("Tidemill restores objects; it runs no queries on archives: leave "
                        "out Type, SelectParameters and OutputLocation."));
  std::optional<std::string> tier = wanted.tier;
  if (wanted.glacier_job_parameters) tier = wanted.glacier_job_parameters->tier;
  if (tier && std::ranges::find(kTiers, *tier) == kTiers.end()) return fail(malformed_xml());
  if (!wanted.days) return fail(malformed_xml());
  if (*wanted.days < 1)
    return fail(invalid_argument("restoration days must be at least 1", "Days",
                                 std::to_string(*wanted.days)));
  return *wanted.days;
}

// The bytes are on the disk anyway, so the object can be read at once.
Result<model::RestoreObjectOutput> restore_object(Core& core, Context& context,
                                                  const model::RestoreObjectRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  TRY(check_version_id(request.version_id));
  const std::int64_t days = TRY(days_of(request));
  TRY(require_object(core, context, *bucket, request.key, request.version_id));
  const Timestamp now = core.clock.now();
  bool first = false;
  TRY(core.objects.update(*bucket, request.key, request.version_id,
                          [&](ObjectRecord& object) -> Result<void> {
                            if (!is_archive_class(object.storage_class.value_or("STANDARD")))
                              return fail(Error{"InvalidObjectState",
                                                "Restore is not allowed for the object's current "
                                                "storage class",
                                                403});
                            first = !is_restored(object, now);
                            object.restored_until = midnight_after(now, days);
                            return {};
                          }));
  context.response_status = first ? 202 : 200;
  return model::RestoreObjectOutput{};
}

}  // namespace

Result<void> check_storage_class(const std::string& storage_class) {
  if (find_class(storage_class)) return {};
  return fail(Error{"InvalidStorageClass",
                    "The storage class you specified is not valid",
                    400,
                    {{"StorageClassRequested", storage_class}}});
}

int coldness_of(std::string_view storage_class) {
  const StorageClass* found = find_class(storage_class);
  return found ? found->coldness : 0;
}

Timestamp midnight_after(Timestamp since, std::int64_t days) {
  const std::int64_t today = std::min(since.microseconds / kDayMicroseconds, kLastDay - 1);
  return {(today + 1 + std::min(days, kLastDay - 1 - today)) * kDayMicroseconds};
}

bool is_archive_class(std::string_view storage_class) {
  const StorageClass* found = find_class(storage_class);
  return found && found->archive;
}

Result<void> check_readable(const ObjectRecord& object, Timestamp now) {
  if (!is_archived(object, now)) return {};
  return fail(Error{"InvalidObjectState",
                    "The operation is not valid for the object's storage class",
                    403,
                    {{"StorageClass", *object.storage_class}}});
}

Result<void> check_copyable(const ObjectRecord& object, Timestamp now) {
  if (!is_archived(object, now)) return {};
  return fail(Error{"ObjectNotInActiveTierError",
                    "The source object of the COPY action is not in the active tier and is only "
                    "stored in Amazon S3 Glacier.",
                    403});
}

std::optional<std::string> restore_header(const ObjectRecord& object, Timestamp now) {
  if (!is_restored(object, now)) return std::nullopt;
  return "ongoing-request=\"false\", expiry-date=\"" + format_http_date(*object.restored_until) +
         "\"";
}

void add_storage_class_operations(Registry& registry, Core& core) {
  add<model::operations::RestoreObject>(registry, core, restore_object);
}

}  // namespace tidemill::services::s3

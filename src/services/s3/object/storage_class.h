// Storage classes: which of them must be restored before an object can be read.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "services/s3/common/records.h"

namespace tidemill::services::s3 {

// InvalidStorageClass.
Result<void> check_storage_class(const std::string& storage_class);
// How cold the class is: lifecycle rules move objects to colder classes only.
int coldness_of(std::string_view storage_class);

// The midnight (UTC) that follows the number of days; at the latest, the last one of the year 9999,
// which is as good as never and can still be written as a date.
Timestamp midnight_after(Timestamp since, std::int64_t days);

bool is_archive_class(std::string_view storage_class);
// InvalidObjectState while the object is archived and not restored.
Result<void> check_readable(const ObjectRecord& object, Timestamp now);
// The same for the source of a copy: ObjectNotInActiveTierError.
Result<void> check_copyable(const ObjectRecord& object, Timestamp now);
// The x-amz-restore header; nullopt for an object that is not restored.
std::optional<std::string> restore_header(const ObjectRecord& object, Timestamp now);

}  // namespace tidemill::services::s3

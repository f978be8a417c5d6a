#include "services/platform/module/module.h"

#include "store/store.h"

namespace tidemill::services::platform {

std::vector<std::string_view> Module::needs() const { return {}; }
std::vector<store::TableSpec> Module::tables() const { return {}; }
std::vector<std::string_view> Module::blob_owners() const { return {}; }
std::vector<std::string_view> Module::volume_owners() const { return {}; }
Result<void> Module::start() { return {}; }
Result<void> Module::serve() { return {}; }
void Module::request_stop() {}
void Module::stop() {}

}  // namespace tidemill::services::platform

#include "services/platform/module/platform.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "base/log.h"
#include "services/platform/module/module.h"

namespace tidemill::services::platform {
namespace {

std::string readable(std::type_index type) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
  return name ? name.get() : type.name();
}

// A mistake in a module's code: no setting or stored record can cause it.
[[noreturn]] void abort_with(const char* what, const Module* module, std::string subject) {
  log::error(what, {{"module", module ? module->name() : "server"}, {"of", std::move(subject)}});
  std::abort();
}

}  // namespace

void Platform::provide_erased(std::type_index type, void* object) {
  Provided provided{object, opening_ ? std::string(opening_->name()) : ""};
  if (!interfaces_.emplace(type, std::move(provided)).second)
    abort_with("two modules provide the same interface", opening_, readable(type));
}

void* Platform::use_erased(std::type_index type) const {
  const auto found = interfaces_.find(type);
  if (found == interfaces_.end())
    abort_with("no module that is open provides an interface", opening_, readable(type));
  const std::string& from = found->second.module;
  const auto needs = opening_ ? opening_->needs() : std::vector<std::string_view>();
  if (opening_ && !from.empty() && from != opening_->name() &&
      std::ranges::find(needs, from) == needs.end())
    abort_with("a module uses an interface whose module it does not name in needs()", opening_,
               readable(type) + " of " + from);
  return found->second.object;
}

void Platform::add_tag_source(std::string service, TagSource source) {
  if (!tag_sources_.emplace(service, std::move(source)).second)
    abort_with("two sources of tags for the same service", opening_, std::move(service));
}

}  // namespace tidemill::services::platform

#include "services/platform/module/modules.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "services/platform/module/platform.h"

namespace tidemill::services::platform {
namespace {

using List = std::vector<std::unique_ptr<Module>>;

Result<void> check_names(const List& modules) {
  std::set<std::string_view> names;
  for (const auto& module : modules)
    if (!names.insert(module->name()).second)
      return fail(codes::kInvalid,
                  "two modules have the name '" + std::string(module->name()) + "'");
  for (const auto& module : modules)
    for (std::string_view need : module->needs())
      if (!names.contains(need))
        return fail(codes::kInvalid, "the module '" + std::string(module->name()) + "' needs '" +
                                         std::string(need) + "', and there is no such module");
  return {};
}

// One cycle among modules that all wait for each other: "a -> b -> a".
std::string circle(const List& waiting) {
  const auto find = [&waiting](std::string_view name) -> const Module* {
    for (const auto& module : waiting)
      if (module && module->name() == name) return module.get();
    return nullptr;
  };
  std::vector<std::string_view> path;
  const Module* at = nullptr;
  for (const auto& module : waiting)
    if (module) at = module.get();
  while (at && std::ranges::find(path, at->name()) == path.end()) {
    path.push_back(at->name());
    const Module* next = nullptr;
    for (std::string_view need : at->needs())
      if (!next) next = find(need);
    at = next;
  }
  std::string text;
  if (at)
    for (auto name = std::ranges::find(path, at->name()); name != path.end(); ++name)
      text.append(*name).append(" -> ");
  return at ? text.append(at->name()) : text;
}

Result<void> with_name(const Module& module, Result<void> result) {
  if (!result) result.error().message = std::string(module.name()) + ": " + result.error().message;
  return result;
}

}  // namespace

Result<Modules> Modules::in_order(List modules) {
  TRY(check_names(modules));
  List ordered;
  std::set<std::string_view> placed;
  while (ordered.size() < modules.size()) {
    const auto ready = std::ranges::find_if(modules, [&placed](const auto& module) {
      return module && std::ranges::all_of(module->needs(), [&placed](std::string_view need) {
               return placed.contains(need);
             });
    });
    if (ready == modules.end())
      return fail(codes::kInvalid, "modules need each other in a cycle: " + circle(modules));
    placed.insert((*ready)->name());
    ordered.push_back(std::move(*ready));
  }
  return Modules(std::move(ordered));
}

Modules::~Modules() {
  request_stop();
  stop();
  while (!modules_.empty()) modules_.pop_back();
}

std::vector<store::TableSpec> Modules::tables() const {
  std::vector<store::TableSpec> all;
  for (const auto& module : modules_)
    for (store::TableSpec& table : module->tables()) all.push_back(std::move(table));
  return all;
}

std::vector<std::string_view> Modules::blob_owners() const {
  std::vector<std::string_view> all;
  for (const auto& module : modules_)
    for (std::string_view owner : module->blob_owners()) all.push_back(owner);
  return all;
}

std::vector<std::string> Modules::volume_owners() const {
  std::vector<std::string> all;
  for (const auto& module : modules_)
    for (std::string_view owner : module->volume_owners()) all.emplace_back(owner);
  return all;
}

std::vector<std::string> Modules::names() const {
  std::vector<std::string> all;
  for (const auto& module : modules_) all.emplace_back(module->name());
  return all;
}

Result<void> Modules::open(Platform& platform) {
  for (const auto& module : modules_) {
    ++opened_;
    platform.begin_module(*module);
    TRY(with_name(*module, module->open(platform)));
  }
  platform.end_modules();
  return {};
}

Result<void> Modules::start() {
  for (const auto& module : modules_) TRY(with_name(*module, module->start()));
  return {};
}

Result<void> Modules::serve() {
  for (const auto& module : modules_) TRY(with_name(*module, module->serve()));
  return {};
}

void Modules::request_stop() {
  if (std::exchange(stop_requested_, true)) return;
  for (std::size_t i = opened_; i-- > 0;) modules_[i]->request_stop();
}

void Modules::stop() {
  if (std::exchange(stopped_, true)) return;
  for (std::size_t i = opened_; i-- > 0;) modules_[i]->stop();
}

}  // namespace tidemill::services::platform

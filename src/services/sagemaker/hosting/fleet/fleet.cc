#include "services/sagemaker/hosting/fleet/fleet.h"

#include <algorithm>
#include <charconv>

#include "base/utf8.h"

namespace tidemill::services::sagemaker::hosting {

TIDEMILL_RECORD_CODEC(Server)
TIDEMILL_RECORD_CODEC(Instance)
TIDEMILL_RECORD_CODEC(Container)
TIDEMILL_RECORD_CODEC(Serverless)
TIDEMILL_RECORD_CODEC(Variant)
TIDEMILL_RECORD_CODEC(Fleet)
TIDEMILL_RECORD_CODEC(InstanceIndex)
TIDEMILL_RECORD_CODEC(InstancesRef)
TIDEMILL_RECORD_CODEC(LeavingInstances)
TIDEMILL_RECORD_CODEC(StopRef)
TIDEMILL_RECORD_CODEC(ServerRef)

bool Instance::ready() const {
  return std::ranges::all_of(servers, [](const Server& server) { return server.ready; });
}

bool Variant::native() const {
  return std::ranges::all_of(containers, [](const Container& each) { return each.native(); });
}

std::int64_t Variant::ready_instances() const {
  return std::ranges::count_if(instances, [](const Instance& each) { return each.ready(); });
}

void Variant::resize(std::int64_t count) {
  instance_count = count;
  for (std::size_t i = std::size_t(count); i < instances.size(); ++i)
    for (const Server& server : instances[i].servers)
      // Stopping an instance looks at the attempt before its newest, too.
      attempt_first = std::max(attempt_first, server.attempt + 2);
  Instance fresh;
  for (std::size_t i = 0; i < containers.size(); ++i)
    fresh.servers.push_back({attempt_first, 0, false, true});
  instances.resize(static_cast<std::size_t>(count), fresh);
}

Variant* Fleet::find(std::string_view variant) {
  auto found = std::ranges::find(variants, variant, &Variant::name);
  return found == variants.end() ? nullptr : &*found;
}

std::vector<InstanceIndex> all_instances(const Fleet& fleet) {
  std::vector<InstanceIndex> all;
  for (std::size_t variant = 0; variant < fleet.variants.size(); ++variant)
    for (std::size_t i = 0; i < fleet.variants[variant].instances.size(); ++i)
      all.push_back({std::int64_t(variant), std::int64_t(i)});
  return all;
}

std::vector<InstanceIndex> instances_of(const LeavingInstances& leaving) {
  return leaving.whole ? all_instances(leaving.fleet) : leaving.instances;
}

bool any_starting(const Fleet& fleet) {
  for (const Variant& variant : fleet.variants)
    for (const Instance& instance : variant.instances)
      for (const Server& server : instance.servers)
        if (server.starting) return true;
  return false;
}

bool all_ready(const Fleet& fleet) {
  for (const Variant& variant : fleet.variants)
    if (variant.ready_instances() < std::int64_t(variant.instances.size())) return false;
  return true;
}

void merge_servers(Fleet& into, const Fleet& from) {
  for (std::size_t v = 0; v < std::min(into.variants.size(), from.variants.size()); ++v) {
    Variant& variant = into.variants[v];
    const Variant& found = from.variants[v];
    for (std::size_t c = 0; c < std::min(variant.containers.size(), found.containers.size()); ++c)
      variant.containers[c].engine = found.containers[c].engine;
    for (std::size_t i = 0; i < std::min(variant.instances.size(), found.instances.size()); ++i) {
      auto& servers = variant.instances[i].servers;
      const auto& started = found.instances[i].servers;
      for (std::size_t c = 0; c < std::min(servers.size(), started.size()); ++c)
        if (servers[c].attempt == started[c].attempt && started[c].ready) servers[c] = started[c];
    }
  }
}

std::string cut_reason(std::string reason) {
  return std::string(cut_utf8(to_valid_utf8(reason), kFailureReasonBytesMax));
}

Server* find_server(Fleet& fleet, const ServerRef& ref) {
  auto at = [](auto& list, std::int64_t index) {
    return index >= 0 && index < std::int64_t(list.size()) ? &list[std::size_t(index)] : nullptr;
  };
  if (fleet.id != ref.fleet) return nullptr;
  Variant* variant = at(fleet.variants, ref.variant);
  Instance* instance = variant ? at(variant->instances, ref.instance) : nullptr;
  Server* server = instance ? at(instance->servers, ref.container) : nullptr;
  return server && server->attempt == ref.attempt ? server : nullptr;
}

std::vector<ServerRef> servers_down(const Fleet& fleet) {
  std::vector<ServerRef> down;
  for (const InstanceIndex& at : all_instances(fleet)) {
    const auto& servers =
        fleet.variants[std::size_t(at.variant)].instances[std::size_t(at.instance)].servers;
    for (std::size_t c = 0; c < servers.size(); ++c)
      if (!servers[c].ready && !servers[c].starting)
        down.push_back(
            {fleet.id, at.variant, at.instance, std::int64_t(c), servers[c].attempt, 0, {}});
  }
  return down;
}

std::string server_job_id(const FleetOwner& owner, const ServerRef& ref) {
  std::string id =
      owner.kind + "." + owner.account + "." + owner.region + "." + owner.name + "." + ref.fleet;
  for (std::int64_t number : {ref.variant, ref.instance, ref.container, ref.attempt})
    id += "." + std::to_string(number);
  return id;
}

Result<ServerJob> parse_server_job_id(std::string_view id) {
  constexpr std::size_t kParts = 9;
  std::vector<std::string> parts;
  for (std::string_view rest = id;;) {
    const std::size_t dot = rest.find('.');
    parts.emplace_back(rest.substr(0, dot));
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  auto number = [](const std::string& text, std::int64_t& out) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size();
  };
  ServerJob job;
  if (parts.size() != kParts || !number(parts[5], job.ref.variant) ||
      !number(parts[6], job.ref.instance) || !number(parts[7], job.ref.container) ||
      !number(parts[8], job.ref.attempt))
    return fail(codes::kInvalid, "not the job of a fleet: " + std::string(id));
  job.kind = parts[0];
  job.account = parts[1];
  job.region = parts[2];
  job.name = parts[3];
  job.ref.fleet = parts[4];
  return job;
}

std::string server_log_stream(const Variant& variant, const ServerRef& ref) {
  std::string stream = variant.name + "/i-" + ref.fleet + "-" + std::to_string(ref.instance);
  if (variant.containers.size() < 2) return stream;
  const std::string& hostname = variant.containers[std::size_t(ref.container)].hostname;
  return stream + "/" +
         (hostname.empty() ? "container-" + std::to_string(ref.container + 1) : hostname);
}

int restart_delay_seconds(std::int64_t attempt) {
  const std::int64_t doublings = std::clamp<std::int64_t>(attempt - 1, 0, 6);
  return std::min(1 << doublings, kRestartDelaySecondsMax);
}

}  // namespace tidemill::services::sagemaker::hosting

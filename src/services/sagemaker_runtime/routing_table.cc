#include <algorithm>
#include <boost/container/small_vector.hpp>

#include "services/sagemaker_runtime/routing_entry.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

// The bytes of a usual key; longer ones cost an allocation.
constexpr std::size_t kKeyBytesUsual = 128;

// "account/region/endpoint".
class Key {
 public:
  Key(std::string_view account, std::string_view region, std::string_view endpoint) {
    add(account);
    add("/");
    add(region);
    add("/");
    add(endpoint);
  }
  std::string_view view() const { return {text_.data(), text_.size()}; }

 private:
  void add(std::string_view part) { text_.insert(text_.end(), part.begin(), part.end()); }
  boost::container::small_vector<char, kKeyBytesUsual> text_;
};

// FNV-1a over both strings, then mixed so that similar names get very different hashes.
std::uint64_t mixed_hash(std::string_view a, std::string_view b) {
  std::uint64_t hash = 0xcbf29ce484222325ull;
  auto add = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
    hash = (hash ^ 0xff) * 0x100000001b3ull;
  };
  add(a);
  add(b);
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdull;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53ull;
  return hash ^ (hash >> 33);
}

std::string_view log_stream_of(const InstanceRoute& instance) {
  return instance.servers.empty() ? std::string_view() : instance.servers.front().log_stream;
}

using Variants = std::vector<RoutingTable::Entry::Variant>;

bool same_title(const VariantRoute& a, const VariantRoute& b) {
  return a.name == b.name && a.component == b.component;
}

// Whether two variants of the same name (a deployment may be shifting traffic between them) are the
// same fleet: they share a model in memory or an instance.
bool same_fleet(const RoutingTable::Entry::Variant& a, const RoutingTable::Entry::Variant& b) {
  const std::size_t count = std::min(a.route->containers.size(), b.route->containers.size());
  for (std::size_t i = 0; i < count; ++i) {
    const ContainerRoute &one = a.route->containers[i], &other = b.route->containers[i];
    if ((one.native && one.native == other.native) || (one.models && one.models == other.models))
      return true;
  }
  return std::ranges::any_of(a.route->instances, [&](const InstanceRoute& instance) {
    return !log_stream_of(instance).empty() && b.named(log_stream_of(instance)) >= 0;
  });
}

// Lets each variant take over the counters of its predecessor: the one of the same fleet, else one
// of the same name that no other variant takes.
void take_over(Variants& now, const Variants& before) {
  std::vector<bool> settled(now.size()), taken(before.size());
  for (const bool by_fleet : {true, false})
    for (std::size_t i = 0; i < now.size(); ++i)
      for (std::size_t j = 0; j < before.size() && !settled[i]; ++j) {
        if (taken[j] || !same_title(*now[i].route, *before[j].route)) continue;
        if (by_fleet && !same_fleet(now[i], before[j])) continue;
        now[i].take_over(before[j]);
        settled[i] = taken[j] = true;
      }
}

}  // namespace

double next_point(std::atomic<std::uint64_t>& turn) {
  // For a Weyl sequence.
  constexpr std::uint64_t kGoldenRatio = 0x9E3779B97F4A7C15ull;
  const std::uint64_t draw = turn.fetch_add(1, std::memory_order_relaxed) * kGoldenRatio;
  return static_cast<double>(draw >> 11) * 0x1p-53;
}

bool VariantRoute::needs_instance() const {
  return std::ranges::any_of(containers, &ContainerRoute::process);
}

RoutingTable::Entry::Variant::Variant(const VariantRoute& from, double of_shares)
    : route(&from), share(of_shares), in_flight_total(std::make_shared<std::atomic<int>>(0)) {
  for (const InstanceRoute& each : from.instances)
    instances.push_back(each.load ? each.load : std::make_shared<InstanceLoad>());
}

// Used only while the entry is built, when nothing is counted yet.
RoutingTable::Entry::Variant::Variant(Variant&& other) noexcept
    : route(other.route),
      share(other.share),
      instances(std::move(other.instances)),
      in_flight_total(std::move(other.in_flight_total)) {}

void RoutingTable::Entry::Variant::take_over(const Variant& before) {
  in_flight_total = before.in_flight_total;
  for (std::size_t i = 0; i < instances.size(); ++i) {
    if (route->instances[i].load) continue;
    const std::string_view log_stream = log_stream_of(route->instances[i]);
    const int known = log_stream.empty() ? -1 : before.named(log_stream);
    if (known >= 0) instances[i] = before.instances[std::size_t(known)];
  }
}

RoutingTable::Entry::Entry(EndpointRoute from, const Entry* before) : endpoint(std::move(from)) {
  double sum = 0;
  for (const VariantRoute& variant : endpoint.variants) {
    sum += variant.weight;
    for_components = for_components || variant.containers.empty();
  }
  auto share_out = [](const std::vector<VariantRoute>& routes, std::vector<Variant>& out) {
    double all = 0, so_far = 0;
    for (const VariantRoute& route : routes) all += route.weight;
    out.reserve(routes.size());
    for (const VariantRoute& route : routes) {
      so_far += route.weight;
      out.emplace_back(route, all > 0 ? so_far / all : 0.0);
    }
  };
  share_out(endpoint.variants, variants);
  share_out(endpoint.components, components);
  shadows.reserve(endpoint.shadows.size());
  for (const VariantRoute& shadow : endpoint.shadows)
    shadows.emplace_back(shadow, sum > 0 ? std::min(1.0, shadow.weight / sum) : 0.0);
  if (!before) return;
  sagemaker_runtime::take_over(variants, before->variants);
  sagemaker_runtime::take_over(components, before->components);
  sagemaker_runtime::take_over(shadows, before->shadows);
}

const RoutingTable::Entry::Variant* RoutingTable::Entry::at(double point) const {
  for (const Variant& variant : variants)
    if (point < variant.share) return &variant;
  return nullptr;
}

const RoutingTable::Entry::Variant* RoutingTable::Entry::choose() const {
  return variants.size() == 1 && variants.front().share > 0 ? &variants.front()
                                                            : at(next_point(turn));
}

const RoutingTable::Entry::Variant* RoutingTable::Entry::of_session(
    std::string_view session) const {
  return at(static_cast<double>(mixed_hash(session, endpoint.name) >> 11) * 0x1p-53);
}

const RoutingTable::Entry::Variant* RoutingTable::Entry::find(std::string_view name) const {
  return among(variants, &VariantRoute::name, name);
}

const RoutingTable::Entry::Variant* RoutingTable::Entry::find_component(
    std::string_view name) const {
  return among(components, &VariantRoute::component, name);
}

const RoutingTable::Entry::Variant* RoutingTable::Entry::among(const std::vector<Variant>& all,
                                                               std::string VariantRoute::* title,
                                                               std::string_view wanted) const {
  const Variant* found = nullptr;
  double from = 0, chosen_until = 0, sum = 0, start = 0;
  for (const Variant& variant : all) {
    if (variant.route->*title == wanted) sum += variant.share - start;
    start = variant.share;
  }
  const double point = sum > 0 ? next_point(turn) * sum : 0;
  for (const Variant& variant : all) {
    const double width = variant.share - from;
    from = variant.share;
    if (variant.route->*title != wanted) continue;
    if (!found) found = &variant;
    if (point >= chosen_until && point < chosen_until + width) return &variant;
    chosen_until += width;
  }
  return found;
}

int RoutingTable::Entry::Variant::least_busy(std::span<const int> except) const {
  int best = -1, fewest = 0;
  for (std::size_t i = 0; i < instances.size(); ++i) {
    if (best >= 0 && instances[i]->in_flight.load(std::memory_order_relaxed) >= fewest) continue;
    if (std::ranges::find(except, static_cast<int>(i)) != except.end()) continue;
    const int weight = instances[i]->weight();
    if (best >= 0 && weight >= fewest) continue;
    best = static_cast<int>(i);
    fewest = weight;
  }
  return best;
}

int RoutingTable::Entry::Variant::by_chance() const {
  const std::size_t count = instances.size();
  if (count == 0) return -1;
  const auto drawn = static_cast<std::size_t>(next_point(turn) * static_cast<double>(count));
  for (std::size_t i = 0; i < count; ++i)
    if (const std::size_t next = (drawn + i) % count; !instances[next]->avoided())
      return static_cast<int>(next);
  return static_cast<int>(drawn);
}

int RoutingTable::Entry::Variant::of_session(std::string_view session) const {
  int best = -1;
  std::uint64_t highest = 0;
  for (std::size_t i = 0; i < route->instances.size(); ++i) {
    const std::uint64_t score = mixed_hash(session, log_stream_of(route->instances[i]));
    if (best >= 0 && score <= highest) continue;
    best = static_cast<int>(i);
    highest = score;
  }
  return best;
}

int RoutingTable::Entry::Variant::named(std::string_view log_stream) const {
  for (std::size_t i = 0; i < route->instances.size(); ++i)
    if (log_stream_of(route->instances[i]) == log_stream) return static_cast<int>(i);
  return -1;
}

RoutingTable::RoutingTable() : map_(std::make_shared<const Map>()) {}
RoutingTable::~RoutingTable() = default;

void RoutingTable::put(EndpointRoute route) {
  const std::string key(Key(route.account, route.region, route.name).view());
  std::lock_guard lock(writers_);
  // Keep the old map alive while counters move from its entry.
  const std::shared_ptr<const Map> map = map_.load();
  auto before = map->find(key);
  replace(key, std::make_shared<const Entry>(
                   std::move(route), before == map->end() ? nullptr : before->second.get()));
}

void RoutingTable::remove(std::string_view account, std::string_view region,
                          std::string_view endpoint) {
  std::lock_guard lock(writers_);
  replace(std::string(Key(account, region, endpoint).view()), nullptr);
}

void RoutingTable::replace(const std::string& key, std::shared_ptr<const Entry> entry) {
  auto next = std::make_shared<Map>(*map_.load());
  if (entry)
    next->insert_or_assign(key, std::move(entry));
  else
    next->erase(key);
  map_.store(std::move(next));
}

std::shared_ptr<const RoutingTable::Entry> RoutingTable::find(std::string_view account,
                                                              std::string_view region,
                                                              std::string_view endpoint) const {
  std::shared_ptr<const Map> map = map_.load();
  auto found = map->find(Key(account, region, endpoint).view());
  return found == map->end() ? nullptr : found->second;
}

const EndpointRoute& RoutingTable::route(const Entry& entry) { return entry.endpoint; }

}  // namespace tidemill::services::sagemaker_runtime

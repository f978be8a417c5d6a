#include "services/sagemaker_runtime/routing_entry.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

std::string key_of(std::string_view account, std::string_view region, std::string_view endpoint) {
  std::string key;
  key.reserve(account.size() + region.size() + endpoint.size() + 2);
  key.append(account).append("/").append(region).append("/").append(endpoint);
  return key;
}

}  // namespace

RoutingTable::Entry::Variant::Variant(const VariantRoute& from, double end)
    : route(&from), share_end(end), in_flight(from.instances.size()) {}

RoutingTable::Entry::Entry(EndpointRoute from) : endpoint(std::move(from)) {
  double sum = 0, so_far = 0;
  for (const VariantRoute& variant : endpoint.variants) sum += variant.weight;
  variants.reserve(endpoint.variants.size());
  for (const VariantRoute& variant : endpoint.variants) {
    so_far += variant.weight;
    variants.emplace_back(variant, sum > 0 ? so_far / sum : 0.0);
  }
}

const RoutingTable::Entry::Variant* RoutingTable::Entry::choose() const {
  if (variants.size() == 1) return &variants.front();
  // A Weyl sequence: each variant's share of any run of requests is close to its weight's.
  constexpr std::uint64_t kGoldenRatio = 0x9E3779B97F4A7C15ull;
  const std::uint64_t draw = turn.fetch_add(1, std::memory_order_relaxed) * kGoldenRatio;
  const double point = static_cast<double>(draw >> 11) * 0x1p-53;
  for (const Variant& variant : variants)
    if (point < variant.share_end) return &variant;
  return nullptr;
}

const RoutingTable::Entry::Variant* RoutingTable::Entry::find(std::string_view name) const {
  for (const Variant& variant : variants)
    if (variant.route->name == name) return &variant;
  return nullptr;
}

int RoutingTable::Entry::least_busy(const Variant& variant) {
  int best = -1, fewest = 0;
  for (std::size_t i = 0; i < variant.in_flight.size(); ++i) {
    const int busy = variant.in_flight[i].load(std::memory_order_relaxed);
    if (best < 0 || busy < fewest) {
      best = static_cast<int>(i);
      fewest = busy;
    }
  }
  return best;
}

RoutingTable::RoutingTable() : map_(std::make_shared<const Map>()) {}
RoutingTable::~RoutingTable() = default;

void RoutingTable::put(EndpointRoute route) {
  std::string key = key_of(route.account, route.region, route.name);
  replace(key, std::make_shared<const Entry>(std::move(route)));
}

void RoutingTable::remove(std::string_view account, std::string_view region,
                          std::string_view endpoint) {
  replace(key_of(account, region, endpoint), nullptr);
}

void RoutingTable::replace(const std::string& key, std::shared_ptr<const Entry> entry) {
  std::lock_guard lock(writers_);
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
  auto found = map->find(key_of(account, region, endpoint));
  return found == map->end() ? nullptr : found->second;
}

const EndpointRoute& RoutingTable::route(const Entry& entry) { return entry.endpoint; }

}  // namespace tidemill::services::sagemaker_runtime

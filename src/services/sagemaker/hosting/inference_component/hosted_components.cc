#include "services/sagemaker/hosting/inference_component/hosted_components.h"

#include <algorithm>

#include "base/log.h"
#include "services/sagemaker/common/listing/listing.h"
#include "services/sagemaker/hosting/inference_component/rules.h"

namespace tidemill::services::sagemaker::hosting {

Result<std::vector<InferenceComponent>> HostedComponents::components(const Endpoint& endpoint) {
  store::Scan scan;
  scan.index = "by_endpoint";
  scan.prefix = components_of(endpoint.account, endpoint.region, endpoint.name);
  scan.limit = kComponentsPerEndpointMax;
  auto page = inference_components().scan(store_, scan);
  if (!page) return internal_failure(page.error());
  std::vector<InferenceComponent> all;
  all.reserve(page->records.size());
  for (auto& found : page->records) all.push_back(std::move(found.record));
  return all;
}

Result<std::vector<sagemaker_runtime::VariantRoute>> HostedComponents::routes(
    const Endpoint& endpoint) {
  std::vector<sagemaker_runtime::VariantRoute> all;
  for (const InferenceComponent& component : TRY(components(endpoint))) {
    if (component.status == component_status::kDeleting) continue;
    const FleetOwner owner = owner_of(component);
    for (const std::optional<Fleet>* fleet : {&component.active, &component.pending}) {
      // A fleet none of whose copies is ready says nothing, but one without copies must be known.
      if (!*fleet) continue;
      const std::int64_t ready = (*fleet)->variants.front().ready_instances();
      if (ready == 0 && fleet == &component.pending) continue;
      Result<sagemaker_runtime::VariantRoute> route = fleets_.route(owner, **fleet, 0);
      if (!route) {
        // The endpoint's other components answer all the same.
        log::error("cannot serve an inference component",
                   {{"component", component.arn}, {"reason", route.error().message}});
        continue;
      }
      route->component = component.name;
      route->weight = double(ready);
      all.push_back(std::move(*route));
    }
  }
  return all;
}

Result<void> HostedComponents::check_variants(const Endpoint& endpoint,
                                              const std::vector<Variant>& variants) {
  const std::vector<InferenceComponent> all = TRY(components(endpoint));
  for (const InferenceComponent& each : all)
    if (std::ranges::none_of(variants, [&](const Variant& variant) {
          return variant.name == each.variant && variant.containers.empty();
        }))
      return fail("ValidationException",
                  "The inference component " + each.name + " is hosted on variant " + each.variant +
                      ", which the endpoint would not have any more; delete it "
                      "first.");
  for (const Variant& variant : variants) {
    std::vector<Claim> claims;
    for (const InferenceComponent& each : all)
      if (each.variant == variant.name) claims.push_back(claim_of(each));
    if (!claims.empty()) TRY(check_room(std::move(claims), variant));
  }
  return {};
}

Result<void> HostedComponents::check_none(const Endpoint& endpoint) {
  constexpr std::size_t kNamedMax = 5;
  const std::vector<InferenceComponent> all = TRY(components(endpoint));
  if (all.empty()) return {};
  std::string names;
  for (std::size_t i = 0; i < std::min(all.size(), kNamedMax); ++i)
    names += (i ? ", " : "") + all[i].name;
  if (all.size() > kNamedMax) names += ", ...";
  return fail("ValidationException", "Cannot delete endpoint \"" + endpoint.arn +
                                         "\": it hosts inference components (" + names +
                                         "). Delete them first.");
}

}  // namespace tidemill::services::sagemaker::hosting

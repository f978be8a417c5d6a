#include "services/sagemaker/hosting/endpoint/endpoint_names.h"

#include <algorithm>

#include "services/sagemaker/common/listing/listing.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

std::string name_key(const Endpoint& endpoint) {
  std::string lower = endpoint.name;  // letters, digits and hyphens of ASCII
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return store::key({endpoint.account, endpoint.region, lower});
}

}  // namespace

const store::Table<EndpointName>& endpoint_names() {
  static const store::Table<EndpointName> table(
      "sagemaker_endpoint_names", {}, [](const EndpointName& record) -> std::string_view {
        return record.account.empty() || record.name.empty()
                   ? "a name must have an account and an endpoint"
                   : "";
      });
  return table;
}

Result<Endpoint> find_endpoint(store::Store& store, const std::string& account,
                               const std::string& region, const std::string& name) {
  auto found = endpoints().get(store, endpoint_key(account, region, name));
  if (!found) return internal_failure(found.error());
  if (!*found)
    return fail("ValidationException",
                "Could not find endpoint \"" + endpoint_arn(account, region, name) + "\".");
  return std::move((*found)->record);
}

Result<void> claim_name(store::Store& store, store::Transaction& transaction,
                        const Endpoint& endpoint) {
  const std::string key = name_key(endpoint);
  const auto found = TRY(endpoint_names().get(store, key));
  if (found && found->record.name != endpoint.name) {
    const EndpointName& other = found->record;
    if (TRY(endpoints().get(store, endpoint_key(other.account, other.region, other.name))))
      return fail(codes::kConflict, endpoint_arn(other.account, other.region, other.name));
  }
  endpoint_names().put(transaction, key, {endpoint.account, endpoint.region, endpoint.name},
                       found ? found->version : 0);
  return {};
}

Result<void> release_name(store::Store& store, store::Transaction& transaction,
                          const Endpoint& endpoint) {
  const std::string key = name_key(endpoint);
  const auto found = TRY(endpoint_names().get(store, key));
  if (found && found->record.name == endpoint.name)
    endpoint_names().erase(transaction, key, found->version);
  return {};
}

Result<void> claim_name_if_free(store::Store& store, const Endpoint& endpoint) {
  const std::string key = name_key(endpoint);
  if (TRY(endpoint_names().get(store, key))) return {};
  store::Transaction transaction;
  endpoint_names().put(transaction, key, {endpoint.account, endpoint.region, endpoint.name}, 0);
  Result<void> committed = store.commit(std::move(transaction));
  if (!committed && committed.error().code == codes::kConflict) return {};  // taken meanwhile
  return committed;
}

}  // namespace tidemill::services::sagemaker::hosting

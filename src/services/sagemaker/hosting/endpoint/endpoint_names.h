// Endpoint names are unique whatever their case, although their case is kept and every other
// operation asks for it: "The name is case-insensitive in CreateEndpoint, but the case is preserved
// and must be matched in InvokeEndpoint" (CreateEndpoint, API reference).
#pragma once

#include <boost/describe.hpp>
#include <string>

#include "services/sagemaker/hosting/endpoint/endpoint.h"
#include "store/table.h"

namespace tidemill::services::sagemaker::hosting {

// The endpoint that has a name, stored under the lower-case spelling of the name.
struct EndpointName {
  std::string account, region, name;
};
BOOST_DESCRIBE_STRUCT(EndpointName, (), (account, region, name))

const store::Table<EndpointName>& endpoint_names();

// ValidationException "Could not find endpoint ..." when there is none of exactly this name.
Result<Endpoint> find_endpoint(store::Store& store, const std::string& account,
                               const std::string& region, const std::string& name);

// Takes the name in the transaction that makes the endpoint; two that make one at the same time
// conflict. Tidemill.Conflict with the ARN of the endpoint that has the name in another case.
Result<void> claim_name(store::Store& store, store::Transaction& transaction,
                        const Endpoint& endpoint);
// In the transaction that erases the endpoint.
Result<void> release_name(store::Store& store, store::Transaction& transaction,
                          const Endpoint& endpoint);
// Claims the name of an endpoint that an older version made.
Result<void> claim_name_if_free(store::Store& store, const Endpoint& endpoint);

}  // namespace tidemill::services::sagemaker::hosting

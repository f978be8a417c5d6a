// The objects that all handlers of KMS use.
#pragma once

#include "base/clock.h"
#include "base/random.h"
#include "services/iam/interface.h"
#include "services/kms/common/records.h"
#include "services/kms/crypto/specs.h"
#include "services/kms/interface.h"
#include "services/platform/handlers/handlers.h"
#include "store/store.h"

namespace tidemill::services::kms {

struct Core {
  store::Store& store;
  const Clock& clock;
  Random& random;
  const RootKey& root;
  iam::IamInterface& iam;
};

// KMSInternalException for errors of the layers below.
Error public_error(Error error);

// Registers a handler that is a function of the core.
template <class Operation, class Handler>
void add(Registry& registry, Core& core, Handler handler) {
  registry.add<Operation>([&core, handler](Context& context, const typename Operation::Input& input)
                              -> Result<typename Operation::Output> {
    auto result = handler(core, context, input);
    if (!result) return fail(public_error(std::move(result).error()));
    return result;
  });
}

// Each adds the operations of one folder.
void add_key_operations(Registry& registry, Core& core);
void add_key_state_operations(Registry& registry, Core& core);
void add_alias_operations(Registry& registry, Core& core);
void add_encryption_operations(Registry& registry, Core& core);
void add_data_key_operations(Registry& registry, Core& core);
void add_signing_operations(Registry& registry, Core& core);
void add_grant_operations(Registry& registry, Core& core);
void add_policy_operations(Registry& registry, Core& core);
void add_rotation_operations(Registry& registry, Core& core);
void add_tag_operations(Registry& registry, Core& core);

}  // namespace tidemill::services::kms

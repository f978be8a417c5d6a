// Where policies find the tags of the services' resources (aws:ResourceTag and its like).
#pragma once

#include "services/iam/authorization/facts.h"
#include "store/store.h"

namespace tidemill::server {

// By the prefix of a service's actions. The store outlives them.
services::iam::TagSources tag_sources(store::Store& store);

}  // namespace tidemill::server

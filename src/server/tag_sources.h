// Where policies find the tags of services' resources (aws:ResourceTag and the like).
#pragma once

#include "services/iam/authorization/facts.h"
#include "store/store.h"

namespace tidemill::server {

// By the prefix of a service's actions. The store must outlive them.
services::iam::TagSources tag_sources(store::Store& store);

}  // namespace tidemill::server

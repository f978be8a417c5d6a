// Where policies find the tags of services' resources (aws:ResourceTag and the like).
#pragma once

#include "services/iam/authorization/facts.h"
#include "store/store.h"

namespace tidemill::server {

// Tag sources by the prefix of a service's actions ("s3"). The store must outlive them.
services::iam::TagSources tag_sources(store::Store& store);

}  // namespace tidemill::server

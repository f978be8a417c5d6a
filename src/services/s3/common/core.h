// The parts that every S3 operation works with.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "blobs/blobs.h"
#include "services/platform/handlers/handlers.h"
#include "services/s3/common/buckets.h"
#include "services/s3/common/item_check.h"
#include "services/s3/common/object_index.h"
#include "store/store.h"

namespace tidemill::services::s3 {

struct Core {
  Core(store::Store& store_in, blobs::BlobStore& blobs_in, Clock& clock_in, Random& random_in)
      : store(store_in),
        blobs(blobs_in),
        clock(clock_in),
        random(random_in),
        buckets(store_in),
        objects(store_in, blobs_in, clock_in, random_in) {}

  store::Store& store;
  blobs::BlobStore& blobs;
  Clock& clock;
  Random& random;
  Buckets buckets;
  ObjectIndex objects;
  ItemCheck item_check = {};  // empty: every caller may
};

// The canonical user id of an account: 64 hexadecimal digits.
std::string canonical_id(std::string_view account);

}  // namespace tidemill::services::s3

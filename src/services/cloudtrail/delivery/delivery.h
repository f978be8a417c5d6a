// Writes the files of trails: events every few minutes, and digests that name and sign them.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "services/cloudtrail/cloudtrail_service.h"
#include "services/s3/interface.h"
#include "store/store.h"

namespace tidemill::services::cloudtrail {

// A file is closed at either size.
inline constexpr std::size_t kFileEventsMax = 5'000;
inline constexpr std::size_t kFileBytesMax = 8u << 20;
// Digests that are written one after the other when the server was down; a longer time is one
// digest.
inline constexpr int kDigestsAtOnceMax = 24;

struct DeliveryParts {
  store::Store& store;
  const Clock& clock;
  Random& random;
  CloudTrailService& service;
  // S3 in the account's name, in a region.
  std::function<std::unique_ptr<s3::S3Interface>(const std::string& account,
                                                 const std::string& region)>
      s3;
  std::chrono::seconds digest_interval{3600};
};

// One thread at a time.
class TrailDelivery {
 public:
  explicit TrailDelivery(DeliveryParts parts) : parts_(std::move(parts)) {}

  // Delivers what every trail has waiting, and digests that are due. A trail whose bucket refuses
  // keeps its events until it takes them; its status says why.
  Result<void> deliver();

 private:
  // Texts of events by region.
  struct Batch {
    std::map<std::string, std::vector<StoredEvent>> by_region;
    std::uint64_t until = 0;
    bool more = false;
  };
  Result<void> deliver_trail(TrailRecord trail);
  Result<Batch> next_batch(const TrailRecord& trail, std::uint64_t last);
  Result<DeliveredFile> write_file(const TrailRecord& trail, const std::string& region,
                                   const std::vector<StoredEvent>& events);
  // The trail's position and the files for its next digests, in one transaction.
  Result<void> commit_batch(const TrailRecord& trail, const Batch& batch,
                            const std::map<std::string, DeliveredFile>& files);
  Result<void> write_digests(const TrailRecord& trail);
  Result<void> write_digest(const TrailRecord& trail, DigestState& state, Timestamp end);
  Result<DigestState> digest_state(const TrailRecord& trail, const std::string& region,
                                   std::uint64_t& version);
  Result<void> put(const TrailRecord& trail, const std::string& key, const std::string& bytes,
                   const std::map<std::string, std::string>& metadata);

  DeliveryParts parts_;
};

// Whether the trail's selectors take the stored event.
bool selects(const TrailRecord& trail, const StoredEvent& event);

}  // namespace tidemill::services::cloudtrail

// The owners of blobs: each service that keeps bytes has a BlobStore of its own, below one folder.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "blobs/blobs.h"

namespace tidemill::blobs {

// Each owner's blobs lie apart from the others', in segments, files and a quarantine of their own,
// so that whose a blob is follows from where it lies. Garbage is what its own owner does not mark:
// an owner that cannot mark, because its records are damaged, stops the collection of its own blobs
// and nobody else's. What lies in the folder of an owner that is not opened (of a service that this
// version does not have) is left alone.
//
// Opening owners is for one thread, at start; everything else is thread-safe.
class BlobOwners {
 public:
  // The first owner, whose blobs lie in the folder itself: versions with one owner put them there.
  static constexpr std::string_view kS3 = "s3";

  // `options.directory` is the folder of all of them. Random outlives the owners.
  BlobOwners(BlobOptions options, Random& random) : options_(std::move(options)), random_(random) {}

  // Names are [a-z][a-z0-9-]*. The store lives as long as this; the same one at each call.
  Result<BlobStore*> open(std::string_view owner);
  // Names those that have a folder and were not opened in the log. After every owner was opened.
  void report_unopened() const;

  void delete_expired(Timestamp now);
  // The sums over all owners.
  BlobStatistics statistics() const;
  // Why somebody's blobs are not collected; "" when everybody's are.
  std::string why_not_collected() const;

 private:
  const BlobOptions options_;
  Random& random_;
  std::map<std::string, std::unique_ptr<BlobStore>, std::less<>> stores_;
};

}  // namespace tidemill::blobs

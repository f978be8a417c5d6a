// The owners of blobs. Each service that stores bytes has its own BlobStore below one folder.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "blobs/blobs.h"

namespace tidemill::blobs {

// The blobs of each owner are separate, with their own segments, files and quarantine, so a blob's
// place tells its owner. Each owner marks its own blobs, and its unmarked ones are garbage. An
// owner that cannot mark, because its records are damaged, stops only the collection of its own
// blobs. The folder of an owner that is not opened (it belongs to a service that this version does
// not have) is left alone.
//
// Open owners on one thread, at start; everything else is thread-safe.
class BlobOwners {
 public:
  // The first owner. Its blobs are in the folder itself, where versions with one owner put them.
  static constexpr std::string_view kS3 = "s3";

  // `options.directory` is the folder of all owners. `random` must outlive this object.
  BlobOwners(BlobOptions options, Random& random) : options_(std::move(options)), random_(random) {}

  // Owner names match [a-z][a-z0-9-]*. Returns the same store each time; this object owns it.
  Result<BlobStore*> open(std::string_view owner);
  // Logs the owners that have a folder but were not opened. Call it after all were opened.
  void report_unopened() const;

  void delete_expired(Timestamp now);
  // Sums over all owners.
  BlobStatistics statistics() const;
  // Why some owner's blobs are not collected; "" when all are.
  std::string why_not_collected() const;

 private:
  const BlobOptions options_;
  Random& random_;
  std::map<std::string, std::unique_ptr<BlobStore>, std::less<>> stores_;
};

}  // namespace tidemill::blobs

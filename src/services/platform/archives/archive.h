// Packs folders into compressed tar files such as model.tar.gz, and unpacks them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/byte_stream.h"
#include "base/error.h"

namespace tidemill::services::platform {

class StopCheck;

// The total apparent size of the files below a folder: holes count.
struct ApparentSize {
  std::uint64_t bytes = 0;
  std::string largest;  // the path of the largest file in the folder
  std::uint64_t largest_bytes = 0;
};
Result<ApparentSize> apparent_size(const std::string& folder, StopCheck* stop = nullptr);

// All of these end with Tidemill.Cancelled when `stop` is stopped (nullptr: never).

// Packs the content of `folder` (not the folder itself) into the file. Symbolic links are packed as
// links, never followed, since user code wrote the folder. Returns the number of entries. Holes of
// sparse files are neither read nor written (GNU's sparse entries, pax format).
Result<std::uint64_t> pack_tar_gz(const std::string& folder, const std::string& file,
                                  StopCheck* stop = nullptr);

// Unpacks a tar file, compressed or not, below the folder. Tidemill.Invalid for entries
// that would end up outside (absolute paths, "..", through links), for devices and pipes,
// and for a damaged archive. Stops with Tidemill.Overloaded beyond bytes_max or
// kUnpackedEntriesMax.
inline constexpr std::size_t kUnpackedEntriesMax = 1'000'000;
Result<void> unpack_tar(const std::string& file, const std::string& folder, std::uint64_t bytes_max,
                        StopCheck* stop = nullptr);

// Removes the symbolic links below the folder that lead out of it or nowhere. Links to `known_as`,
// the folder's path where it is used ("/opt/ml/model"), are made relative and kept.
Result<void> confine_links(const std::string& folder, std::string_view known_as);

// A source of the file's bytes: opened now, read later. Does not follow links.
Result<std::unique_ptr<ByteSource>> open_file_source(const std::string& path);
// Writes the whole source to a new file (or over an old one).
Result<void> write_file(const std::string& path, ByteSource& source);

// The path root/a/b if no part below root is a symbolic link, else "". For paths that user code
// could change.
std::string path_without_links(const std::string& root, std::string_view relative);

}  // namespace tidemill::services::platform

// model.tar.gz and its like: folders to compressed tar files and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/byte_stream.h"
#include "base/error.h"

namespace tidemill::services::sagemaker {

class StopCheck;

// What the files below a folder come to, as long as they appear: holes count.
struct ApparentSize {
  std::uint64_t bytes = 0;
  std::string largest;  // the path of the largest file in the folder
  std::uint64_t largest_bytes = 0;
};
Result<ApparentSize> apparent_size(const std::string& folder, StopCheck* stop = nullptr);

// All of these end with Tidemill.Cancelled once `stop` (nullptr: never) says so.

// Packs what lies below `folder` (not the folder itself) into the file. Symbolic links are packed
// as links, never followed: the folder was written by user code. Returns how many entries there
// were. Holes of sparse files are neither read nor written (GNU's sparse entries, pax form).
Result<std::uint64_t> pack_tar_gz(const std::string& folder, const std::string& file,
                                  StopCheck* stop = nullptr);

// Unpacks a tar file, compressed or not, below the folder. Entries that would land outside it
// (absolute paths, "..", through links), devices and pipes are an error: Tidemill.Invalid, as for
// an archive that is damaged. Stops with Tidemill.Overloaded past bytes_max and
// kUnpackedEntriesMax.
inline constexpr std::size_t kUnpackedEntriesMax = 1'000'000;
Result<void> unpack_tar(const std::string& file, const std::string& folder, std::uint64_t bytes_max,
                        StopCheck* stop = nullptr);

// Takes away the symbolic links below the folder that lead out of it, or nowhere. Links to what
// the folder is called where it is used ("/opt/ml/model") are made relative and stay.
Result<void> confine_links(const std::string& folder, std::string_view known_as);

// A file's bytes; the file is opened now and read later. Links are not followed.
Result<std::unique_ptr<ByteSource>> open_file_source(const std::string& path);
// Everything of the source into a new file (or over an old one).
Result<void> write_file(const std::string& path, ByteSource& source);

// The path root/a/b when no part below root is a symbolic link, else "". For paths that user code
// had its hands on.
std::string path_without_links(const std::string& root, std::string_view relative);

}  // namespace tidemill::services::sagemaker

#include "services/sagemaker_runtime/capture/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/describe.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

// A record holds at most the two bodies of a request, which base64 and escapes make larger.
constexpr std::uint64_t kJournalBytesMax = 1u << 30;

// The first line of a journal.
struct Header {
  std::string account, region, endpoint, variant, bucket, prefix, role_arn;
  Timestamp role_since;
};
BOOST_DESCRIBE_STRUCT(Header, (),
                      (account, region, endpoint, variant, bucket, prefix, role_arn, role_since))

std::string header_line(const CaptureSettings& settings) {
  return to_json(Header{settings.account, settings.region, settings.endpoint, settings.variant,
                        settings.bucket, settings.prefix, settings.role_arn, settings.role_since}) +
         "\n";
}

Result<std::string> read_file(const std::string& path) {
  blobs::SharedFile file = TRY(blobs::open_file(path, O_RDONLY));
  struct stat status{};
  if (::fstat(file->get(), &status) != 0) return fail(blobs::system_error("look at", path, errno));
  if (std::uint64_t(status.st_size) > kJournalBytesMax)
    return fail(codes::kCorrupt, path + " is larger than any journal");
  std::string bytes(std::size_t(status.st_size), '\0');
  bytes.resize(TRY(blobs::read_fully(*file, bytes.data(), bytes.size(), 0)));
  return bytes;
}

bool is_record(std::string_view line) {
  Result<Value> parsed = parse_json(line);
  return parsed && parsed->find("captureData") && parsed->find("eventVersion");
}

}  // namespace

Journal::Journal(ClosedJournal facts, blobs::SharedFile file, blobs::SharedFile directory)
    : closed_(std::move(facts)), file_(std::move(file)), directory_(std::move(directory)) {}

Result<std::unique_ptr<Journal>> Journal::create(const std::string& directory,
                                                 const CaptureSettings& settings,
                                                 Timestamp first_record, std::string_view uuid) {
  const std::string name = journal_name(first_record, uuid);
  ClosedJournal facts{directory + "/" + name, settings, *parse_journal_name(name), 0, 0, 0};
  blobs::SharedFile folder = TRY(blobs::open_file(directory, O_RDONLY | O_DIRECTORY));
  blobs::SharedFile file = TRY(blobs::open_file(facts.path, O_WRONLY | O_CREAT | O_EXCL));
  const std::string header = header_line(settings);
  facts.header_bytes = header.size();
  const std::string path = facts.path;
  std::unique_ptr<Journal> journal(
      new Journal(std::move(facts), std::move(file), std::move(folder)));
  Result<void> written = journal->append(header, 0);
  if (written) return journal;
  ::unlink(path.c_str());
  return fail(written.error());
}

Result<void> Journal::append(std::string_view lines, std::uint64_t records) {
  Result<void> written = blobs::write_fully(*file_, lines, closed_.bytes);
  if (!written) {
    // Otherwise the next batch would begin in mid-line, and recovery would stop there.
    if (::ftruncate(file_->get(), off_t(closed_.bytes)) != 0)
      return fail(blobs::system_error("cut", closed_.path, errno));
    return written;
  }
  closed_.bytes += lines.size();
  closed_.records += records;
  return {};
}

Result<void> Journal::sync() {
  if (!directory_synced_) {
    if (::fsync(directory_->get()) != 0)
      return fail(blobs::system_error("sync the folder of", closed_.path, errno));
    directory_synced_ = true;
  }
  if (::fdatasync(file_->get()) != 0) return fail(blobs::system_error("sync", closed_.path, errno));
  mark_synced();
  return {};
}

Result<RecoveredJournal> recover_journal(const std::string& path) {
  const std::string bytes = TRY(read_file(path));
  const std::string name = std::filesystem::path(path).filename().string();
  std::optional<JournalName> parsed_name = parse_journal_name(name);
  const std::size_t header_end = bytes.find('\n');
  // The header is synced with the first records: without it no record was synced either.
  if (header_end == std::string::npos) return RecoveredJournal{};
  Result<Header> header = from_json<Header>(std::string_view(bytes).substr(0, header_end));
  if (!header || !parsed_name || header->bucket.empty() || header->endpoint.empty())
    return fail(codes::kCorrupt, path + " does not name the destination of its records");
  RecoveredJournal out;
  ClosedJournal journal{path, {}, *parsed_name, header_end + 1, header_end + 1, 0};
  journal.settings.account = header->account;
  journal.settings.region = header->region;
  journal.settings.endpoint = header->endpoint;
  journal.settings.variant = header->variant;
  journal.settings.bucket = header->bucket;
  journal.settings.prefix = header->prefix;
  journal.settings.role_arn = header->role_arn;
  journal.settings.role_since = header->role_since;
  std::string_view rest = std::string_view(bytes).substr(header_end + 1);
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos || !is_record(rest.substr(0, end))) break;
    journal.bytes += end + 1;
    ++journal.records;
    rest.remove_prefix(end + 1);
  }
  if (!rest.empty())
    out.damaged = std::uint64_t(std::ranges::count(rest, '\n')) + (rest.ends_with('\n') ? 0 : 1);
  if (journal.records > 0) out.journal = std::move(journal);
  return out;
}

}  // namespace tidemill::services::sagemaker_runtime

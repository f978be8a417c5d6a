#include "server/audit_command.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include "services/cloudtrail/cloudtrail_service.h"
#include "services/cloudtrail/log/verify.h"
#include "store/sqlite/read_only.h"

namespace tidemill::server {
namespace {

namespace cloudtrail = services::cloudtrail;

int complain(const Error& error) {
  std::cerr << "tidemill: " << error.message << "\n";
  return 1;
}

Result<std::unique_ptr<store::Store>> open_log(const Settings& settings) {
  const std::filesystem::path database =
      std::filesystem::path(settings.text("data")) / "state" / "tidemill.db";
  return store::open_sqlite_read_only(database, cloudtrail::CloudTrailService::tables());
}

int report(const cloudtrail::VerifyReport& found) {
  for (const cloudtrail::Finding& finding : found.findings) std::cout << finding.text << "\n";
  if (found.more_findings) std::cout << "... and more\n";
  std::cout << found.records << " records";
  if (found.records > 0) std::cout << " (" << found.first << " to " << found.last << ")";
  std::cout << ", " << found.checkpoints << " signed checkpoints: ";
  if (found.findings.empty())
    std::cout << "nothing was altered, removed or moved\n";
  else
    std::cout << found.findings.size() << (found.more_findings ? " or more" : "") << " faults\n";
  return found.findings.empty() ? 0 : 1;
}

}  // namespace

int verify_audit(const Settings& settings, const std::string& file) {
  std::ifstream in;
  std::unique_ptr<store::Store> store;
  Result<cloudtrail::ChainSource> chain = fail(codes::kNotFound, "");
  if (!file.empty()) {
    in.open(file, std::ios::binary);
    if (!in) return complain({codes::kIo, "cannot read " + file + ": " + std::strerror(errno)});
    chain = cloudtrail::chain_of_file(in);
  } else {
    Result<std::unique_ptr<store::Store>> opened = open_log(settings);
    if (!opened) return complain(opened.error());
    store = *std::move(opened);
    chain = cloudtrail::chain_of(*store);
  }
  if (!chain) return complain(chain.error());
  const Result<cloudtrail::VerifyReport> found = cloudtrail::verify_chain(*std::move(chain));
  return found ? report(*found) : complain(found.error());
}

int export_audit(const Settings& settings, const std::string& file) {
  Result<std::unique_ptr<store::Store>> store = open_log(settings);
  if (!store) return complain(store.error());
  Result<cloudtrail::ChainSource> chain = cloudtrail::chain_of(**store);
  if (!chain) return complain(chain.error());
  std::ofstream out;
  if (file != "-") {
    // Only the owner may read what everybody did.
    const int made = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (made < 0)
      return complain({codes::kIo, "cannot make " + file + ": " + std::strerror(errno)});
    ::close(made);
    out.open(file, std::ios::binary);
  }
  const Result<std::uint64_t> records =
      cloudtrail::export_chain(*std::move(chain), file == "-" ? std::cout : out);
  if (!records) return complain(records.error());
  std::cerr << *records << " records exported\n";
  return 0;
}

}  // namespace tidemill::server

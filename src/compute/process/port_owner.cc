#include "compute/process/port_owner.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>

#include "compute/process/job_files.h"
#include "compute/process/usage.h"

namespace tidemill::compute {
namespace {

namespace fs = std::filesystem;

constexpr const char* kListening = "0A";
// As the kernel prints them, each four bytes as a number of this machine's: any address, and
// 127.0.0.1, of IPv4 and in IPv6.
constexpr std::string_view kReached[] = {"00000000", "0100007F", "00000000000000000000000000000000",
                                         "0000000000000000FFFF00000100007F"};

// Takes away the sockets that the process holds.
void take_away(int pid, std::set<std::string>& sockets) {
  std::error_code problem;
  for (fs::directory_iterator at("/proc/" + std::to_string(pid) + "/fd", problem), end;
       !problem && at != end; at.increment(problem)) {
    std::error_code gone;
    const std::string target = fs::read_symlink(at->path(), gone);
    constexpr std::string_view kSocket = "socket:[";
    if (!gone && target.starts_with(kSocket))
      sockets.erase(target.substr(kSocket.size(), target.size() - kSocket.size() - 1));
  }
}

}  // namespace

std::vector<std::string> listening_inodes(std::string_view table, std::uint16_t port) {
  std::vector<std::string> inodes;
  std::istringstream lines{std::string(table)};
  std::string line;
  std::getline(lines, line);  // names of the columns
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string number, local, remote, state, skipped, inode;
    fields >> number >> local >> remote >> state;
    constexpr int kFieldsBeforeInode = 5;
    for (int i = 0; i < kFieldsBeforeInode; ++i) fields >> skipped;
    fields >> inode;
    const std::size_t colon = local.rfind(':');
    if (!fields || state != kListening || colon == local.npos) continue;
    if (std::strtoul(local.c_str() + colon + 1, nullptr, 16) != port) continue;
    if (std::ranges::find(kReached, local.substr(0, colon)) == std::end(kReached)) continue;
    inodes.push_back(std::move(inode));
  }
  return inodes;
}

bool descendants_listen(int pid, std::uint16_t port) {
  std::set<std::string> sockets;
  for (const char* table : {"/net/tcp", "/net/tcp6"}) {
    const Result<std::string> text = read_file("/proc/" + std::to_string(pid) + table);
    if (!text) continue;  // without IPv6, say
    for (std::string& inode : listening_inodes(*text, port)) sockets.insert(std::move(inode));
  }
  if (sockets.empty()) return false;
  for (const int child : descendants(pid)) {
    take_away(child, sockets);
    if (sockets.empty()) return true;
  }
  return false;
}

}  // namespace tidemill::compute

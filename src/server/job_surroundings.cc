#include "server/job_surroundings.h"

#include <unistd.h>

#include <fstream>
#include <sstream>

#include "base/log.h"
#include "base/text_file.h"
#include "server/job_doors.h"
#include "server/transparent/trust_files.h"

namespace tidemill::server {
namespace {

namespace filesystem = std::filesystem;

std::string text_of(const filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The target of a link, even when it does not exist: a mount must be placed at the end.
filesystem::path place_of(const filesystem::path& path) {
  std::error_code error;
  const filesystem::path whole = filesystem::canonical(path, error);
  if (!error) return whole;
  const filesystem::path target = filesystem::read_symlink(path, error);
  return error ? path : (path.parent_path() / target).lexically_normal();
}

std::string machine_name() {
  char name[256] = "";
  if (::gethostname(name, sizeof name - 1) != 0) return {};
  return name;
}

std::string isolated_hosts() {
  std::string text = "127.0.0.1 localhost " + std::string(kJobHostName);
  if (const std::string name = machine_name(); !name.empty()) text += " " + name;
  return text + "\n::1 localhost ip6-localhost ip6-loopback\n";
}

// "search .": short names are looked up as they are, not below the machine's own domain.
constexpr const char* kResolver = "nameserver 127.0.0.1\nsearch .\noptions timeout:2 attempts:2\n";

class Names {
 public:
  Names(compute::ProcessSpec& job, filesystem::path folder)
      : job_(job), folder_(std::move(folder)) {}

  void add(const char* name, const std::string& text, const filesystem::path& destination) {
    const filesystem::path source = folder_ / name;
    if (text_of(source) != text) {
      std::error_code ignored;
      filesystem::create_directories(folder_, ignored);
      // Running jobs keep the old file: the new one is renamed over it, not written into it.
      if (Result<void> written = write_file_atomically(source, text, 0644); !written) {
        log::warning("a job finds names as this machine does",
                     {{"job", job_.id}, {"reason", written.error().message}});
        return;
      }
    }
    job_.mounts.push_back({source.string(), place_of(destination).string(), true});
  }

 private:
  compute::ProcessSpec& job_;
  const filesystem::path folder_;
};

}  // namespace

std::string without_host_services(std::string_view nsswitch) {
  constexpr std::string_view kHosts = "hosts:";
  std::string out;
  while (!nsswitch.empty()) {
    const std::size_t end = std::min(nsswitch.find('\n'), nsswitch.size());
    const std::string_view line = nsswitch.substr(0, end);
    nsswitch.remove_prefix(std::min(end + 1, nsswitch.size()));
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin != line.npos && line.substr(begin).starts_with(kHosts)) continue;
    out += std::string(line) + "\n";
  }
  return out + "hosts: files dns\n";
}

std::string with_job_name(std::string_view hosts) {
  std::string out(hosts);
  if (!out.empty() && !out.ends_with('\n')) out += '\n';
  return out + "127.0.0.1 " + std::string(kJobHostName) + "\n";
}

void add_names(compute::ProcessSpec& job, const filesystem::path& data) {
  Names names(job, data / "names");
  const filesystem::path hosts = "/etc/hosts", nsswitch = "/etc/nsswitch.conf";
  if (job.network != compute::JobNetwork::isolated) {
    names.add("hosts-of-machine", with_job_name(text_of(hosts)), hosts);
    return;
  }
  names.add("hosts", isolated_hosts(), hosts);
  names.add("resolv.conf", kResolver, "/etc/resolv.conf");
  std::error_code ignored;
  if (filesystem::exists(nsswitch, ignored))
    names.add("nsswitch.conf", without_host_services(text_of(nsswitch)), nsswitch);
}

void add_transparent_mode(compute::ProcessSpec& job, const filesystem::path& data, bool tunnels) {
  if (job.network != compute::JobNetwork::isolated) return;
  const auto set = [&job](const char* name, const std::string& value) {
    job.environment.try_emplace(name, value);
  };
  const bool other_hosts = tunnels && job.server_port != 0;
  // One refusal suffices: by default pip retries five times, with pauses of ten seconds in all.
  if (!other_hosts) {
    set("PIP_RETRIES", "1");
    set("PIP_DEFAULT_TIMEOUT", "5");
  }
  if (job.server_port == 0) return;
  const std::string folder = trust_folder(data).string();
  const std::string proxy = "http://127.0.0.1:" + std::to_string(job.server_port);
  const std::string direct = "localhost,127.0.0.1,::1,.localhost";
  for (const char* name : {"HTTPS_PROXY", "https_proxy"}) set(name, proxy);
  for (const char* name : {"NO_PROXY", "no_proxy"}) set(name, direct);
  for (const char* name :
       {"AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"})
    set(name, bundle_path(data).string());
  set("NODE_EXTRA_CA_CERTS", authority_path(data).string());
  set("JAVA_TOOL_OPTIONS", java_options(data, proxy));
  // The job's user may not have access to the data folder itself, so mount this folder.
  job.mounts.push_back({folder, folder, true});
}

}  // namespace tidemill::server

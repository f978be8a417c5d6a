#include "server/job_surroundings.h"

#include "server/transparent/trust_files.h"

namespace tidemill::server {

void add_transparent_mode(compute::JobSpec& job, const std::filesystem::path& data) {
  if (job.network != compute::JobNetwork::isolated || job.server_port == 0) return;
  const std::string folder = trust_folder(data).string();
  const std::string proxy = "http://127.0.0.1:" + std::to_string(job.server_port);
  const std::string direct = "localhost,127.0.0.1,::1,.localhost";
  const auto set = [&job](const char* name, const std::string& value) {
    job.environment.try_emplace(name, value);
  };
  for (const char* name : {"HTTPS_PROXY", "https_proxy"}) set(name, proxy);
  for (const char* name : {"NO_PROXY", "no_proxy"}) set(name, direct);
  for (const char* name :
       {"AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"})
    set(name, bundle_path(data).string());
  set("NODE_EXTRA_CA_CERTS", authority_path(data).string());
  set("JAVA_TOOL_OPTIONS", java_options(data, proxy));
  // The data folder may lie where the job's user cannot go.
  job.mounts.push_back({folder, folder, true});
}

}  // namespace tidemill::server

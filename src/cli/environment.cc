#include "cli/environment.h"

#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include "cli/role_check.h"
#include "server/transparent/trust_files.h"
#include "services/iam/credentials/shell_credentials.h"
#include "services/iam/execution_role.h"
#include "services/iam/interface.h"

namespace tidemill::cli {
namespace {

namespace filesystem = std::filesystem;
namespace iam = services::iam;
using Variables = std::map<std::string, std::string>;

Result<Value> read_json_file(const filesystem::path& path) {
  std::ifstream file(path);
  // Only its owner can enter a data folder, so its files seem missing to other users.
  if (!file && ::access(path.parent_path().c_str(), X_OK) != 0 && errno == EACCES)
    return fail(codes::kInvalid, path.parent_path().string() +
                                     " belongs to another user; run this as the user who runs the "
                                     "server");
  if (!file) return fail(codes::kNotFound, path.string() + " cannot be read");
  std::stringstream text;
  text << file.rdbuf();
  return parse_json(text.str());
}

std::string member(const Value& object, std::string_view name) {
  const Value* value = object.find(name);
  const std::string* text = value ? value->as_string() : nullptr;
  return text ? *text : "";
}

Result<void> write_file(const filesystem::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  if (!file.flush()) return fail(codes::kIo, "cannot write " + path.string());
  return {};
}

// https://sagemaker.readthedocs.io/en/stable/overview.html#configuring-and-using-defaults-with-the-sagemaker-python-sdk
// The SDK checks the file against a schema. Without a default bucket it would ask STS at AWS's own
// address for the account, so we name the bucket that it would choose.
Result<void> write_sagemaker_config(const filesystem::path& path, const std::string& region,
                                    const std::string& account) {
  return write_file(path,
                    "SchemaVersion: '1.0'\n"
                    "SageMaker:\n"
                    "  PythonSDK:\n"
                    "    Modules:\n"
                    "      TelemetryOptOut: true\n"
                    "      Session:\n"
                    "        DefaultS3Bucket: sagemaker-" +
                        region + "-" + account + "\n");
}

struct ServerFacts {
  std::string endpoint;
  // Plain http on the loopback interface: where SDKs fetch credentials, and the proxy.
  std::string local_endpoint;
  bool running = true;
};

ServerFacts server_facts(const server::Settings& settings, const filesystem::path& data) {
  Result<Value> facts = read_json_file(data / "server.json");
  const std::string listen = "http://" + settings.text("listen");
  if (!facts) return {.endpoint = listen, .local_endpoint = listen, .running = false};
  std::string local = member(*facts, "local_endpoint");
  return {.endpoint = member(*facts, "endpoint"),
          .local_endpoint = local.empty() ? member(*facts, "endpoint") : local};
}

// SDKs prefer the user's profiles, and endpoints of single services, to the settings made here.
Result<void> set_own_settings_aside(const filesystem::path& data, ClientEnvironment& out) {
  const filesystem::path none = data / "aws-config";
  TRY(write_file(none, "# Empty on purpose: `tidemill env` sets your own AWS profiles aside.\n"));
  out.variables["AWS_CONFIG_FILE"] = none.string();
  out.variables["AWS_SHARED_CREDENTIALS_FILE"] = none.string();
  for (const char* name :
       {"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_IAM",
        "AWS_ENDPOINT_URL_SAGEMAKER", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME",
        "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"})
    out.unset.emplace_back(name);
  return {};
}

// The bare name of a role given as an ARN or as a name with a path.
Result<std::string> role_name(const std::string& role, const iam::RootKey& root) {
  if (role.empty()) return std::string(iam::kExecutionRoleName);
  if (role.starts_with("arn:") && !role.starts_with("arn:aws:iam::" + root.account + ":role/"))
    return fail(codes::kInvalid, "--role " + role + " is not the ARN of a role of this server's " +
                                     "account; those begin with arn:aws:iam::" + root.account +
                                     ":role/");
  const std::string name = role.substr(role.rfind('/') + 1);
  constexpr std::string_view kMarks = "_+=,.@-";
  for (const char c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && kMarks.find(c) == kMarks.npos)
      return fail(codes::kInvalid, "--role " + role + " is no name of a role");
  if (name.empty()) return fail(codes::kInvalid, "--role " + role + " is no name of a role");
  return name;
}

void add_root(const server::Settings& settings, const iam::RootKey& root, ClientEnvironment& out) {
  const bool any = settings.text("auth") == "any";
  out.variables["AWS_ACCESS_KEY_ID"] = any ? "123456789012" : root.access_key_id;
  out.variables["AWS_SECRET_ACCESS_KEY"] = any ? "any" : root.secret_access_key;
  for (const char* name : {"AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"}) out.unset.emplace_back(name);
}

// SDKs fetch the role's credentials from its address here, and again before they expire.
Result<void> add_role(const server::Settings& settings, const ServerFacts& facts,
                      const iam::RootKey& root, const std::string& asked, ClientEnvironment& out) {
  const std::string role = TRY(role_name(asked, root));
  const std::string holder = iam::shell_holder(root.account, role);
  out.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] =
      facts.local_endpoint + std::string(iam::kCredentialsPath) + holder;
  out.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = iam::shell_token(root, holder);
  for (const char* name :
       {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
        "AWS_CREDENTIAL_EXPIRATION", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"})
    out.unset.emplace_back(name);
  if (!facts.running) {
    if (!asked.empty()) out.warning += "; whether there is a role " + role + " was not asked";
    return {};
  }
  ClientEnvironment as_root;
  add_root(settings, root, as_root);
  Result<void> there = check_role(role, out.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
                                  out.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"],
                                  {.endpoint = facts.endpoint,
                                   .region = settings.text("region"),
                                   .access_key_id = as_root.variables["AWS_ACCESS_KEY_ID"],
                                   .secret_access_key = as_root.variables["AWS_SECRET_ACCESS_KEY"],
                                   .session_token = ""});
  if (there || there.error().code == codes::kNotFound) return there;
  // A killed server leaves its address file behind.
  out.warning = there.error().message;
  return {};
}

// The host without scheme and port.
std::string host_of(const std::string& endpoint) {
  std::string rest = endpoint.substr(std::min(endpoint.size(), endpoint.find("://") + 3));
  return rest.substr(0, rest.rfind(':'));
}

Result<void> add_transparent_mode(const filesystem::path& data, const ServerFacts& facts,
                                  const std::string& no_proxy, Variables& out) {
  const std::string bundle = server::bundle_path(data).string();
  if (!filesystem::exists(bundle))
    return fail(codes::kNotFound,
                bundle + " is not there; start the server once with this --data, it makes it");
  std::string direct = "localhost,127.0.0.1,::1,.localhost";
  if (const std::string host = host_of(facts.endpoint); direct.find(host) == direct.npos)
    direct += "," + host;
  std::stringstream theirs(no_proxy);
  for (std::string one; std::getline(theirs, one, ',');)
    if (!one.empty() && ("," + direct + ",").find("," + one + ",") == direct.npos)
      direct += "," + one;
  for (const char* name : {"HTTPS_PROXY", "https_proxy"}) out[name] = facts.local_endpoint;
  for (const char* name : {"NO_PROXY", "no_proxy"}) out[name] = direct;
  for (const char* name :
       {"AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"})
    out[name] = bundle;
  out["NODE_EXTRA_CA_CERTS"] = server::authority_path(data).string();
  out["JAVA_TOOL_OPTIONS"] = server::java_options(data, facts.local_endpoint);
  return {};
}

bool is_plain_loopback(const std::string& endpoint) {
  for (std::string_view host : {"http://127.0.0.1:", "http://localhost:", "http://[::1]:"})
    if (endpoint.starts_with(host)) return true;
  return false;
}

Result<iam::RootKey> read_root_key(const filesystem::path& data) {
  Result<Value> read = read_json_file(data / "root-key.json");
  if (!read && read.error().code == codes::kNotFound)
    return fail(codes::kNotFound, "no Tidemill data in " + data.string() +
                                      ". Give the --data that the server was started with, or "
                                      "start one here.");
  const Value key = TRY(std::move(read));
  return iam::RootKey{member(key, "AccessKeyId"), member(key, "SecretAccessKey"),
                      member(key, "Account")};
}

}  // namespace

Result<ClientEnvironment> client_environment(const server::Settings& settings,
                                             const EnvironmentOptions& options) {
  const filesystem::path data = filesystem::absolute(settings.text("data")).lexically_normal();
  const ServerFacts facts = server_facts(settings, data);
  const iam::RootKey root = TRY(read_root_key(data));
  ClientEnvironment out;
  if (!facts.running)
    out.warning = "no server is running on " + data.string() + "; the address is that of the " +
                  "setting listen, " + settings.text("listen");
  if ((!options.root || options.transparent) && !is_plain_loopback(facts.local_endpoint))
    return fail(codes::kInvalid,
                "the server's address " + facts.local_endpoint +
                    " is not plain http on this machine, which is where SDKs fetch credentials; "
                    "`tidemill env --root` prints the root key instead");
  TRY(set_own_settings_aside(data, out));
  if (options.root)
    add_root(settings, root, out);
  else
    TRY(add_role(settings, facts, root, options.role, out));
  Variables& variables = out.variables;
  variables["AWS_ENDPOINT_URL"] = facts.endpoint;
  variables["AWS_DEFAULT_REGION"] = settings.text("region");
  variables["AWS_REGION"] = settings.text("region");
  // Keeps clients away from the credentials of the cloud on which this machine may run.
  variables["AWS_EC2_METADATA_DISABLED"] = "true";
  const filesystem::path config = data / "sagemaker-config.yaml";
  TRY(write_sagemaker_config(config, settings.text("region"), root.account));
  variables["SAGEMAKER_USER_CONFIG_OVERRIDE"] = config.string();
  if (options.transparent) TRY(add_transparent_mode(data, facts, options.no_proxy, variables));
  return out;
}

}  // namespace tidemill::cli

#include "cli/environment.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/json.h"

namespace tidemill::cli {
namespace {

Result<Value> read_json_file(const std::filesystem::path& path, const std::string& hint) {
  std::ifstream file(path);
  if (!file) return fail(codes::kNotFound, path.string() + " cannot be read; " + hint);
  std::stringstream text;
  text << file.rdbuf();
  return parse_json(text.str());
}

std::string member(const Value& object, std::string_view name) {
  const Value* value = object.find(name);
  const std::string* text = value ? value->as_string() : nullptr;
  return text ? *text : "";
}

// https://sagemaker.readthedocs.io/en/stable/overview.html#configuring-and-using-defaults-with-the-sagemaker-python-sdk
// The SDK checks the file against a schema. Without a default bucket it would ask STS for the
// account at AWS's own address, so the bucket it would choose by itself is named here.
Result<void> write_sagemaker_config(const std::filesystem::path& path, const std::string& region,
                                    const std::string& account) {
  std::ofstream file(path);
  file << "SchemaVersion: '1.0'\n"
          "SageMaker:\n"
          "  PythonSDK:\n"
          "    Modules:\n"
          "      TelemetryOptOut: true\n"
          "      Session:\n"
          "        DefaultS3Bucket: sagemaker-"
       << region << "-" << account << "\n";
  if (!file.flush()) return fail(codes::kIo, "cannot write " + path.string());
  return {};
}

}  // namespace

Result<std::map<std::string, std::string>> client_environment(const server::Settings& settings) {
  std::filesystem::path data = std::filesystem::absolute(settings.text("data"));
  std::map<std::string, std::string> out;
  std::string account = "123456789012";
  if (settings.text("auth") == "any") {
    out["AWS_ACCESS_KEY_ID"] = account;
    out["AWS_SECRET_ACCESS_KEY"] = "any";
  } else {
    Value key = TRY(read_json_file(data / "root-key.json",
                                   "start the server once with this --data, it makes the key"));
    out["AWS_ACCESS_KEY_ID"] = member(key, "AccessKeyId");
    out["AWS_SECRET_ACCESS_KEY"] = member(key, "SecretAccessKey");
    account = member(key, "Account");
  }
  Result<Value> facts = read_json_file(data / "server.json", "");
  std::string endpoint = facts ? member(*facts, "endpoint") : "http://" + settings.text("listen");
  out["AWS_ENDPOINT_URL"] = endpoint;
  out["AWS_DEFAULT_REGION"] = settings.text("region");
  out["AWS_REGION"] = settings.text("region");
  // The machine's own cloud, if any, is none of these clients' business.
  out["AWS_EC2_METADATA_DISABLED"] = "true";
  std::filesystem::path config = data / "sagemaker-config.yaml";
  TRY(write_sagemaker_config(config, settings.text("region"), account));
  out["SAGEMAKER_USER_CONFIG_OVERRIDE"] = config.string();
  return out;
}

}  // namespace tidemill::cli

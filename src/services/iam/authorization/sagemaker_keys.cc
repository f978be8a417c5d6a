// The values of SageMaker's condition keys, read from the members of a request.
#include <algorithm>
#include <iterator>

#include "services/iam/authorization/request_conditions.h"

namespace tidemill::services::iam {
namespace {

enum class As { text, kms_key, model };

struct Extractor {
  std::string_view name;    // after "sagemaker:", lower case
  std::string_view member;  // of the input, wherever it stands in it
  As as = As::text;
  std::string_view within = {};  // only below this member
};
constexpr Extractor kExtractors[] = {
    {"acceleratortypes", "AcceleratorType"},
    {"enableremotedebug", "EnableRemoteDebug"},
    {"filesystemaccessmode", "FileSystemAccessMode"},
    {"filesystemdirectorypath", "DirectoryPath"},
    {"filesystemid", "FileSystemId"},
    {"filesystemtype", "FileSystemType"},
    {"instancetypes", "InstanceType"},
    {"intercontainertrafficencryption", "EnableInterContainerTrafficEncryption"},
    {"keepaliveperiod", "KeepAlivePeriodInSeconds"},
    {"maxruntimeinseconds", "MaxRuntimeInSeconds"},
    {"modelarn", "ModelName", As::model},
    {"networkisolation", "EnableNetworkIsolation"},
    {"outputkmskey", "KmsKeyId", As::kms_key, "OutputDataConfig"},
    {"outputkmskey", "KmsKeyId", As::kms_key, "TransformOutput"},
    {"serverlessmaxconcurrency", "MaxConcurrency"},
    {"serverlessmemorysize", "MemorySizeInMB"},
    {"targetmodel", "TargetModel"},
    {"volumekmskey", "VolumeKmsKeyId", As::kms_key},
    {"vpcsecuritygroupids", "SecurityGroupIds"},
    {"vpcsubnets", "Subnets"},
};

// "sagemaker:VolumeKmsKey" and "sagemaker:VolumeKmsKeyArn" are one.
std::string_view plain_name(std::string_view name) {
  constexpr std::string_view kArn = "arn";
  if (name.ends_with("kmskeyarn")) name.remove_suffix(kArn.size());
  return name;
}

void add_text(const Value& value, std::vector<std::string>& out) {
  if (const std::string* text = value.as_string()) out.push_back(*text);
  if (const bool* flag = value.get_if<bool>()) out.emplace_back(*flag ? "true" : "false");
  if (const auto* number = value.get_if<std::int64_t>()) out.push_back(std::to_string(*number));
  if (const ValueList* list = value.as_list())
    for (const Value& each : *list) add_text(each, out);
}

void collect(const Value& value, std::string_view member, std::vector<std::string>& out) {
  if (const ValueList* list = value.as_list())
    for (const Value& each : *list) collect(each, member, out);
  if (const ValueObject* object = value.as_object())
    for (const auto& [name, each] : *object) {
      // The entries of a user's own map are no settings.
      if (name == "Environment" || name == "HyperParameters") continue;
      if (name == member)
        add_text(each, out);
      else
        collect(each, member, out);
    }
}

std::string arn(std::string_view service, std::string_view region, std::string_view account,
                std::string_view resource) {
  std::string out = "arn:aws:";
  out.append(service).append(":").append(region).append(":").append(account);
  return out.append(":").append(resource);
}

// A key's id, its alias or either's ARN.
std::string kms_arn(std::string_view given, std::string_view region, std::string_view account) {
  if (given.starts_with("arn:")) return std::string(given);
  const bool alias = given.starts_with("alias/");
  return arn("kms", region, account, (alias ? "" : "key/") + std::string(given));
}

}  // namespace

bool is_sagemaker_key(std::string_view name) {
  return name == "taggingaction" || std::ranges::find(kExtractors, plain_name(name),
                                                      &Extractor::name) != std::end(kExtractors);
}

std::optional<std::vector<std::string>> sagemaker_key_values(std::string_view name,
                                                             const AskedAction& asked,
                                                             std::string_view region,
                                                             std::string_view account) {
  if (!is_sagemaker_key(name)) return std::nullopt;
  std::vector<std::string> out;
  if (!asked.input) return out;
  for (const Extractor& extractor : kExtractors) {
    if (extractor.name != plain_name(name)) continue;
    std::vector<std::string> found;
    if (extractor.within.empty())
      collect(*asked.input, extractor.member, found);
    else if (const Value* below = asked.input->find(extractor.within))
      collect(*below, extractor.member, found);
    // An endpoint configuration's key for its volumes has no longer name.
    if (extractor.name == "volumekmskey" && asked.operation &&
        asked.operation->name == "CreateEndpointConfig")
      if (const Value* key = asked.input->find("KmsKeyId")) add_text(*key, found);
    for (std::string& text : found) {
      if (extractor.as == As::kms_key) text = kms_arn(text, region, account);
      if (extractor.as == As::model) text = arn("sagemaker", region, account, "model/" + text);
      out.push_back(std::move(text));
    }
  }
  return out;
}

}  // namespace tidemill::services::iam

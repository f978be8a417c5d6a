#include "services/kms/policy/documents.h"

#include "base/json.h"

namespace tidemill::services::kms {
namespace {

ValueObject object(std::initializer_list<std::pair<const char*, Value>> members) {
  ValueObject out;
  for (const auto& [name, value] : members) out.append(name, value);
  return out;
}

ValueObject account_root(std::string_view account) {
  return object({{"AWS", "arn:aws:iam::" + std::string(account) + ":root"}});
}

std::string document(const char* id, ValueList statements) {
  return write_json_pretty(
      Value(object({{"Version", "2012-10-17"}, {"Id", id}, {"Statement", std::move(statements)}})));
}

}  // namespace

std::string default_policy(std::string_view account) {
  ValueList statements;
  statements.push_back(object({{"Sid", "Enable IAM User Permissions"},
                               {"Effect", "Allow"},
                               {"Principal", account_root(account)},
                               {"Action", "kms:*"},
                               {"Resource", "*"}}));
  return document("key-default-1", std::move(statements));
}

std::string managed_policy(std::string_view account, std::string_view region,
                           std::string_view service) {
  const std::string endpoint = std::string(service) + "." + std::string(region) + ".amazonaws.com";
  ValueList statements;
  statements.push_back(object(
      {{"Sid", "Allow access through " + std::string(service) +
                   " for all principals in the account that are authorized to use it"},
       {"Effect", "Allow"},
       {"Principal", object({{"AWS", "*"}})},
       {"Action", ValueList{"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*",
                            "kms:CreateGrant", "kms:DescribeKey"}},
       {"Resource", "*"},
       {"Condition", object({{"StringEquals", object({{"kms:ViaService", endpoint},
                                                      {"kms:CallerAccount", account}})}})}}));
  statements.push_back(
      object({{"Sid", "Allow direct access to key metadata to the account"},
              {"Effect", "Allow"},
              {"Principal", account_root(account)},
              {"Action", ValueList{"kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"}},
              {"Resource", "*"}}));
  return document(("auto-" + std::string(service) + "-1").c_str(), std::move(statements));
}

}  // namespace tidemill::services::kms

// The keys that AWS manages for services, made when they are first used.
#include <algorithm>
#include <array>

#include "services/kms/common/keys.h"
#include "services/kms/policy/documents.h"
#include "services/platform/commits/retry.h"

namespace tidemill::services::kms {
namespace {

constexpr std::string_view kPrefix = "alias/aws/";

// Services that have such a key in AWS, among those that Tidemill has or will have.
constexpr auto kServices = std::to_array<std::string_view>(
    {"codecommit", "dynamodb", "ebs", "elasticfilesystem", "fsx", "glue", "kinesis", "lambda",
     "rds", "s3", "sagemaker", "secretsmanager", "sns", "sqs", "ssm"});

}  // namespace

bool is_managed_alias(std::string_view alias) {
  return alias.starts_with(kPrefix) &&
         std::ranges::find(kServices, alias.substr(kPrefix.size())) != kServices.end();
}

Result<FoundKey> managed_key(Core& core, const std::string& account, const std::string& region,
                             const std::string& alias) {
  const KeyName name{account, region, {}, alias};
  // On a conflict another caller has made the key.
  return platform::retry_conflicts([&]() -> Result<FoundKey> {
    if (std::optional<FoundKey> found = TRY(look_up_key(core, name))) return *std::move(found);
    KeyRecord key;
    key.id = make_uuid(core.random);
    key.account = account;
    key.region = region;
    key.created = core.clock.now();
    key.aws_service = alias.substr(kPrefix.size());
    key.description =
        "Default key that protects my " + key.aws_service + " data when no other key is defined";
    key.spec = kSymmetricDefault;
    key.usage = kEncryptDecrypt;
    key.policy = managed_policy(account, region, key.aws_service);
    key.rotation_period_days = kRotationDaysDefault;
    key.next_rotation = key.created + std::chrono::days(kRotationDaysDefault);
    TRY(add_material(core, key, ""));
    AliasRecord record{account, region, alias, key.id, key.created, key.created};
    store::Transaction transaction;
    keys_table().put(transaction, key.id, key, 0);
    aliases_table().put(transaction, alias_key(account, region, alias), record, 0);
    TRY(core.store.commit(std::move(transaction)));
    return FoundKey{std::move(key), alias};
  });
}

}  // namespace tidemill::services::kms

// Configurations that are checked and kept, and those that no Tidemill bucket has.
#include <algorithm>
#include <array>

#include "services/s3/bucket/bucket.h"
#include "services/s3/bucket/configurations.h"
#include "services/s3/common/register.h"

namespace tidemill::services::s3 {

namespace {

using api::Empty;

template <class Request>
Result<std::shared_ptr<Bucket>> bucket_of(Core& core, const Context& context,
                                          const Request& request) {
  return core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner);
}

Error absent(const char* code, const char* message, const Bucket& bucket) {
  return {code, message, 404, {{"BucketName", bucket.name}}};
}

Result<void> keep(Core& core, Bucket& bucket, std::string_view name, std::optional<Value> value) {
  return core.buckets.change(bucket, [&](BucketRecord& record) -> Result<void> {
    auto kept = record.configurations.value_or(std::map<std::string, Value>());
    if (value)
      kept[std::string(name)] = *std::move(value);
    else
      kept.erase(std::string(name));
    record.configurations.reset();
    if (!kept.empty()) record.configurations = std::move(kept);
    return {};
  });
}

// Handles a Put operation whose configuration is one member of the request.
template <class Request, class Configuration>
Result<Empty> put(Core& core, Context& context, const Request& request,
                  const api::Box<Configuration>& configuration, std::string_view name,
                  Result<void> (*check)(const Bucket&, const Configuration&)) {
  auto bucket = TRY(bucket_of(core, context, request));
  if (!configuration) return fail(malformed_xml());
  TRY(check(*bucket, *configuration));
  TRY(keep(core, *bucket, name, to_value(*configuration)));
  return Empty{};
}

template <class Request>
Result<Empty> remove(Core& core, Context& context, const Request& request, std::string_view name) {
  auto bucket = TRY(bucket_of(core, context, request));
  TRY(keep(core, *bucket, name, std::nullopt));
  context.response_status = 204;
  return Empty{};
}

Result<void> check_cors(const Bucket&, const model::CORSConfiguration& cors) {
  constexpr std::size_t kRulesMax = 100;
  constexpr std::array<std::string_view, 5> kMethods = {"GET", "PUT", "POST", "DELETE", "HEAD"};
  if (cors.cors_rules.empty() || cors.cors_rules.size() > kRulesMax) return fail(malformed_xml());
  for (const model::CORSRule& rule : cors.cors_rules) {
    if (rule.allowed_methods.empty() || rule.allowed_origins.empty()) return fail(malformed_xml());
    for (const std::string& method : rule.allowed_methods)
      if (std::ranges::find(kMethods, method) == kMethods.end())
        return fail(invalid_request(
            "Found unsupported HTTP method in CORS config. Unsupported method is " + method));
    auto check_stars = [](const std::vector<std::string>& patterns,
                          const char* what) -> Result<void> {
      for (const std::string& pattern : patterns)
        if (std::ranges::count(pattern, '*') > 1)
          return fail(invalid_request(std::string(what) + " \"" + pattern +
                                      "\" can not have more than one wildcard."));
      return {};
    };
    TRY(check_stars(rule.allowed_origins, "AllowedOrigin"));
    if (rule.allowed_headers) TRY(check_stars(*rule.allowed_headers, "AllowedHeader"));
  }
  return {};
}

Result<void> check_encryption(const Bucket&,
                              const model::ServerSideEncryptionConfiguration& encryption) {
  if (encryption.rules.size() != 1 || !encryption.rules[0].apply_server_side_encryption_by_default)
    return fail(malformed_xml());
  const auto& by_default = *encryption.rules[0].apply_server_side_encryption_by_default;
  if (by_default.sse_algorithm.starts_with("aws:"))
    return fail(
        not_implemented("Tidemill has no KMS keys yet: only SSEAlgorithm AES256 can be a bucket's "
                        "default encryption, not " +
                        by_default.sse_algorithm + "."));
  if (by_default.sse_algorithm != "AES256") return fail(malformed_xml());
  if (by_default.kms_master_key_id)
    return fail(invalid_argument(
        "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms",
        "ApplyServerSideEncryptionByDefault", *by_default.kms_master_key_id));
  if (encryption.rules[0].blocked_encryption_types)
    return fail(
        not_implemented("Tidemill blocks no encryption types: leave out "
                        "BlockedEncryptionTypes."));
  return {};
}

Result<void> check_public_access_block(const Bucket&,
                                       const model::PublicAccessBlockConfiguration&) {
  return {};
}

Result<void> check_payment(const Bucket&, const model::RequestPaymentConfiguration& payment) {
  if (payment.payer != "Requester" && payment.payer != "BucketOwner") return fail(malformed_xml());
  return {};
}

Result<void> check_accelerate(const Bucket& bucket, const model::AccelerateConfiguration& wanted) {
  if (bucket.name.find('.') != std::string::npos)
    return fail(
        invalid_request("S3 Transfer Acceleration is not supported for buckets with periods (.) "
                        "in their names"));
  if (wanted.status != "Enabled" && wanted.status != "Suspended") return fail(malformed_xml());
  return {};
}

Result<void> check_notification(const Bucket&, const model::NotificationConfiguration& wanted) {
  // There is no queue, topic or function here that could be such a destination.
  auto refuse = [](const auto& configurations, auto arn_of) -> Result<void> {
    if (!configurations || configurations->empty()) return {};
    return fail(invalid_argument("Unable to validate the following destination configurations",
                                 arn_of(configurations->front()),
                                 "The destination does not exist"));
  };
  TRY(refuse(wanted.topic_configurations, [](const auto& one) { return one.topic_arn; }));
  TRY(refuse(wanted.queue_configurations, [](const auto& one) { return one.queue_arn; }));
  return refuse(wanted.lambda_function_configurations,
                [](const auto& one) { return one.lambda_function_arn; });
}

Result<model::GetBucketCorsOutput> get_cors(Core& core, Context& context,
                                            const model::GetBucketCorsRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  const auto cors = TRY(configuration<model::CORSConfiguration>(core, *bucket, kCors));
  if (!cors)
    return fail(
        absent("NoSuchCORSConfiguration", "The CORS configuration does not exist", *bucket));
  model::GetBucketCorsOutput output;
  output.cors_rules = cors->cors_rules;
  return output;
}

Result<model::GetBucketEncryptionOutput> get_encryption(
    Core& core, Context& context, const model::GetBucketEncryptionRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  auto kept =
      TRY(configuration<model::ServerSideEncryptionConfiguration>(core, *bucket, kEncryption));
  // AWS encrypts every bucket; Tidemill does not say so of those that nobody asked it for.
  if (!kept)
    return fail(absent("ServerSideEncryptionConfigurationNotFoundError",
                       "The server side encryption configuration was not found", *bucket));
  model::GetBucketEncryptionOutput output;
  output.server_side_encryption_configuration.ensure() = *std::move(kept);
  return output;
}

Result<model::GetPublicAccessBlockOutput> get_public_access_block(
    Core& core, Context& context, const model::GetPublicAccessBlockRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  auto kept =
      TRY(configuration<model::PublicAccessBlockConfiguration>(core, *bucket, kPublicAccessBlock));
  if (!kept)
    return fail(absent("NoSuchPublicAccessBlockConfiguration",
                       "The public access block configuration was not found", *bucket));
  for (std::optional<bool>* setting : {&kept->block_public_acls, &kept->ignore_public_acls,
                                       &kept->block_public_policy, &kept->restrict_public_buckets})
    *setting = setting->value_or(false);
  model::GetPublicAccessBlockOutput output;
  output.public_access_block_configuration.ensure() = *std::move(kept);
  return output;
}

Result<model::GetBucketRequestPaymentOutput> get_payment(
    Core& core, Context& context, const model::GetBucketRequestPaymentRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  auto kept =
      TRY(configuration<model::RequestPaymentConfiguration>(core, *bucket, kRequestPayment));
  model::GetBucketRequestPaymentOutput output;
  output.payer = kept ? kept->payer : "BucketOwner";
  return output;
}

Result<model::GetBucketAccelerateConfigurationOutput> get_accelerate(
    Core& core, Context& context, const model::GetBucketAccelerateConfigurationRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  auto kept = TRY(configuration<model::AccelerateConfiguration>(core, *bucket, kAccelerate));
  model::GetBucketAccelerateConfigurationOutput output;
  if (kept) output.status = kept->status;
  return output;
}

Result<model::NotificationConfiguration> get_notification(
    Core& core, Context& context, const model::GetBucketNotificationConfigurationRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  auto kept = TRY(configuration<model::NotificationConfiguration>(core, *bucket, kNotification));
  return kept ? *std::move(kept) : model::NotificationConfiguration{};
}

Result<model::GetBucketWebsiteOutput> get_website(Core& core, Context& context,
                                                  const model::GetBucketWebsiteRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  return fail(absent("NoSuchWebsiteConfiguration",
                     "The specified bucket does not have a website configuration", *bucket));
}

Result<model::GetBucketReplicationOutput> get_replication(
    Core& core, Context& context, const model::GetBucketReplicationRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  return fail(absent("ReplicationConfigurationNotFoundError",
                     "The replication configuration was not found", *bucket));
}

Result<model::GetBucketLoggingOutput> get_logging(Core& core, Context& context,
                                                  const model::GetBucketLoggingRequest& request) {
  TRY(bucket_of(core, context, request));
  return model::GetBucketLoggingOutput{};
}

// A configuration that no bucket can have is deleted already.
template <class Request>
Result<Empty> remove_nothing(Core& core, Context& context, const Request& request) {
  TRY(bucket_of(core, context, request));
  context.response_status = 204;
  return Empty{};
}

template <class Op, auto member, class Configuration>
void add_put(Registry& registry, Core& core, std::string_view name,
             Result<void> (*check)(const Bucket&, const Configuration&)) {
  add<Op>(registry, core,
          [name, check](Core& at, Context& context, const typename Op::Input& request) {
            return put(at, context, request, request.*member, name, check);
          });
}

template <class Op>
void add_remove(Registry& registry, Core& core, std::string_view name) {
  add<Op>(registry, core, [name](Core& at, Context& context, const typename Op::Input& request) {
    return remove(at, context, request, name);
  });
}

}  // namespace

void add_bucket_configuration_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add_put<op::PutBucketCors, &model::PutBucketCorsRequest::cors_configuration>(registry, core,
                                                                               kCors, check_cors);
  add<op::GetBucketCors>(registry, core, get_cors);
  add_remove<op::DeleteBucketCors>(registry, core, kCors);
  add_put<op::PutBucketEncryption,
          &model::PutBucketEncryptionRequest::server_side_encryption_configuration>(
      registry, core, kEncryption, check_encryption);
  add<op::GetBucketEncryption>(registry, core, get_encryption);
  add_remove<op::DeleteBucketEncryption>(registry, core, kEncryption);
  add_put<op::PutPublicAccessBlock,
          &model::PutPublicAccessBlockRequest::public_access_block_configuration>(
      registry, core, kPublicAccessBlock, check_public_access_block);
  add<op::GetPublicAccessBlock>(registry, core, get_public_access_block);
  add_remove<op::DeletePublicAccessBlock>(registry, core, kPublicAccessBlock);
  add_put<op::PutBucketRequestPayment,
          &model::PutBucketRequestPaymentRequest::request_payment_configuration>(
      registry, core, kRequestPayment, check_payment);
  add<op::GetBucketRequestPayment>(registry, core, get_payment);
  add_put<op::PutBucketAccelerateConfiguration,
          &model::PutBucketAccelerateConfigurationRequest::accelerate_configuration>(
      registry, core, kAccelerate, check_accelerate);
  add<op::GetBucketAccelerateConfiguration>(registry, core, get_accelerate);
  add_put<op::PutBucketNotificationConfiguration,
          &model::PutBucketNotificationConfigurationRequest::notification_configuration>(
      registry, core, kNotification, check_notification);
  add<op::GetBucketNotificationConfiguration>(registry, core, get_notification);
  add<op::GetBucketWebsite>(registry, core, get_website);
  add<op::DeleteBucketWebsite>(registry, core, remove_nothing<model::DeleteBucketWebsiteRequest>);
  add<op::GetBucketReplication>(registry, core, get_replication);
  add<op::DeleteBucketReplication>(registry, core,
                                   remove_nothing<model::DeleteBucketReplicationRequest>);
  add<op::GetBucketLogging>(registry, core, get_logging);
}

}  // namespace tidemill::services::s3

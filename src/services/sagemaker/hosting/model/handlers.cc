#include "services/sagemaker/common/job_network.h"
#include "services/sagemaker/common/listing/listing.h"
#include "services/sagemaker/common/s3_uri.h"
#include "services/sagemaker/common/tags/tags.h"
#include "services/sagemaker/hosting/model/model.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace api = tidemill::api::sagemaker;
namespace operations = tidemill::api::sagemaker::operations;

Error could_not_find(const std::string& arn) {
  return {"ValidationException", "Could not find model \"" + arn + "\"."};
}

class ModelHandlers {
 public:
  explicit ModelHandlers(const Dependencies& dependencies) : in_(dependencies) {}

  Result<api::CreateModelOutput> create(Context& context, const api::CreateModelInput& request) {
    TRY(check_model(request));
    TRY(check_network_isolation(request.enable_network_isolation.value_or(false),
                                in_.compute.isolation()));
    ModelRecord record{context.account(), context.region,
                       model_arn(context.account(), context.region, request.model_name), request,
                       in_.clock.now()};
    TRY(in_.iam.check_pass_role(context, *request.execution_role_arn, kServicePrincipal,
                                hosting_source_arns(record.arn)));
    TRY(check_model_data(record));
    const std::vector<api::Tag> tags = request.tags.value_or(std::vector<api::Tag>());
    TRY(check_tags(tags));
    record.request.tags.reset();
    store::Transaction transaction;
    models().put(transaction, model_key(record.account, record.region, record.name()), record, 0);
    put_tags(transaction, record.arn, tags);
    Result<void> committed = in_.store.commit(std::move(transaction));
    if (!committed && committed.error().code == codes::kConflict)
      return fail("ValidationException",
                  "Cannot create already existing model \"" + record.arn + "\".");
    if (!committed) return internal_failure(committed.error());
    return api::CreateModelOutput{record.arn};
  }

  Result<api::DescribeModelOutput> describe(Context& context,
                                            const api::DescribeModelInput& request) {
    ModelRecord record = TRY(find(context, request.model_name)).record;
    api::DescribeModelOutput out;
    out.model_name = record.name();
    out.model_arn = record.arn;
    out.primary_container = record.request.primary_container;
    out.containers = record.request.containers;
    out.inference_execution_config = record.request.inference_execution_config;
    out.execution_role_arn = record.request.execution_role_arn;
    out.vpc_config = record.request.vpc_config;
    out.enable_network_isolation = record.request.enable_network_isolation.value_or(false);
    out.creation_time = record.created;
    return out;
  }

  Result<api::ListModelsOutput> list(Context& context, const api::ListModelsInput& request) {
    auto page = TRY(list_page(
        in_.store, models(), list_request(context.account(), context.region, request),
        [&](const ModelRecord& each) { return passes_filters(request, each.name(), each.created); },
        [](const ModelRecord& each) {
          return api::ModelSummary{each.name(), each.arn, each.created};
        }));
    api::ListModelsOutput out;
    out.models = std::move(page.items);
    out.next_token = std::move(page.next_token);
    return out;
  }

  Result<tidemill::api::Empty> remove(Context& context, const api::DeleteModelInput& request) {
    store::Versioned<ModelRecord> found = TRY(find(context, request.model_name));
    store::Transaction transaction;
    models().erase(transaction, model_key(context.account(), context.region, request.model_name),
                   found.version);
    erase_tags(transaction, found.record.arn);
    Result<void> committed = in_.store.commit(std::move(transaction));
    if (!committed && committed.error().code == codes::kConflict)
      return fail(could_not_find(found.record.arn));
    if (!committed) return internal_failure(committed.error());
    return tidemill::api::Empty{};
  }

 private:
  Result<store::Versioned<ModelRecord>> find(const Context& context, const std::string& name) {
    auto found = models().get(in_.store, model_key(context.account(), context.region, name));
    if (!found) return internal_failure(found.error());
    if (!*found) return fail(could_not_find(model_arn(context.account(), context.region, name)));
    return std::move(**found);
  }

  // A model whose data do not exist cannot be made; SageMaker refuses it as well.
  Result<void> check_model_data(const ModelRecord& record) {
    for (const api::ContainerDefinition* container : containers_of(record.request)) {
      // The models of a multi-model container may come later.
      if (container->mode && *container->mode == api::container_mode::kMultiModel) continue;
      TRY(check_container_data(record, model_data(*container)));
    }
    return {};
  }

  // Asks as the role, which reads the data when the model is deployed.
  Result<void> check_container_data(const ModelRecord& record, const ModelData& data) {
    if (data.uri.empty()) return {};
    const S3Uri uri = TRY(parse_s3_uri(data.uri));
    const auto s3 = in_.s3_as({record.request.execution_role_arn.value_or(""), record.account,
                               record.region, record.created});
    std::string key = uri.key;
    if (!data.single_object) {
      Result<std::string> first = first_object(*s3, record.account, uri);
      if (!first) return fail(not_there(record, data, "s3:ListBucket", first.error()));
      key = *std::move(first);
    }
    const Result<s3::ObjectInfo> found = s3->head_object(record.account, uri.bucket, key);
    if (!found) return fail(not_there(record, data, "s3:GetObject", found.error()));
    return {};
  }

  // "models/a" is the object of that name or the folder, not "models/ab/x".
  static Result<std::string> first_object(s3::S3Interface& s3, const std::string& account,
                                          const S3Uri& uri) {
    s3::ObjectPage page = TRY(s3.list_objects(account, uri.bucket, uri.key, "", 1));
    const bool exact = !page.objects.empty() && page.objects.front().key == uri.key;
    if (!exact && !uri.key.empty() && !uri.key.ends_with('/'))
      page = TRY(s3.list_objects(account, uri.bucket, uri.key + "/", "", 1));
    if (page.objects.empty()) return fail("NoSuchKey", "There are no objects with this prefix.");
    return page.objects.front().key;
  }

  static Error not_there(const ModelRecord& record, const ModelData& data, const char* action,
                         const Error& error) {
    if (error.code.starts_with("Tidemill.")) return internal_failure(error).error();
    const std::string role = record.request.execution_role_arn.value_or("");
    if (error.code == "AccessDenied")
      return {"ValidationException", "Could not access model data at " + data.uri +
                                         ". Please ensure that the role \"" + role + "\" has \"" +
                                         action + "\" permissions: " + error.message + "."};
    return {"ValidationException",
            "Could not find model data at " + data.uri + ". (" + error.message + ")"};
  }

  Dependencies in_;
};

}  // namespace

void add_model_operations(Registry& registry, const Dependencies& dependencies) {
  // Shared: by the handlers, which the registry copies.
  auto handlers = std::make_shared<ModelHandlers>(dependencies);
  registry.add<operations::CreateModel>(
      [handlers](Context& c, const auto& request) { return handlers->create(c, request); });
  registry.add<operations::DescribeModel>(
      [handlers](Context& c, const auto& request) { return handlers->describe(c, request); });
  registry.add<operations::ListModels>(
      [handlers](Context& c, const auto& request) { return handlers->list(c, request); });
  registry.add<operations::DeleteModel>(
      [handlers](Context& c, const auto& request) { return handlers->remove(c, request); });
}

}  // namespace tidemill::services::sagemaker::hosting

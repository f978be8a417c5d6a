#include "services/sagemaker/common/tags/tags.h"

#include <algorithm>
#include <functional>
#include <set>

#include "services/platform/commits/retry.h"

namespace tidemill::services::sagemaker {

TIDEMILL_RECORD_CODEC(ResourceTags)

namespace {

using api::sagemaker::Tag;

std::unexpected<Error> invalid(std::string message) {
  return fail("ValidationException", std::move(message));
}

std::vector<Tag> listed(const std::map<std::string, std::string>& tags) {
  std::vector<Tag> out;
  out.reserve(tags.size());
  for (const auto& [key, value] : tags) out.push_back({key, value});
  return out;
}

std::unexpected<Error> no_such_resource(const std::string& arn) {
  return invalid("Could not find the resource '" + arn + "'.");
}

// The ARN names the account and region; resources of others cannot be found.
Result<void> check_place(const Context& context, const std::string& arn) {
  if (arn.starts_with("arn:aws:sagemaker:" + context.region + ":" + context.account() + ":"))
    return {};
  return no_such_resource(arn);
}

// If another caller changes the same record meanwhile, it is read again.
Result<ResourceTags> change(store::Store& store, const std::string& arn,
                            const std::function<Result<void>(ResourceTags&)>& edit) {
  return platform::retry_conflicts([&]() -> Result<ResourceTags> {
    auto found = TRY(resource_tags().get(store, arn));
    if (!found) return no_such_resource(arn);
    TRY(edit(found->record));
    store::Transaction transaction;
    resource_tags().put(transaction, arn, found->record, found->version);
    TRY(store.commit(std::move(transaction)));
    return std::move(found->record);
  });
}

}  // namespace

const store::Table<ResourceTags>& resource_tags() {
  static const store::Table<ResourceTags> table(
      "sagemaker_tags", {}, [](const ResourceTags& record) -> std::string_view {
        return record.arn.empty() ? "tags must belong to a resource" : "";
      });
  return table;
}

namespace {

ResourceTags record_of(const std::string& arn, const std::vector<Tag>& tags) {
  ResourceTags record{arn, {}};
  for (const Tag& tag : tags) record.tags[tag.key] = tag.value;
  return record;
}

}  // namespace

void put_tags(store::Transaction& transaction, const std::string& arn,
              const std::vector<Tag>& tags) {
  resource_tags().put(transaction, arn, record_of(arn, tags), std::nullopt);
}

void put_tags_of_new(store::Transaction& transaction, const std::string& arn,
                     const std::vector<Tag>& tags) {
  resource_tags().put(transaction, arn, record_of(arn, tags), 0);
}

void erase_tags(store::Transaction& transaction, const std::string& arn) {
  resource_tags().erase(transaction, arn, std::nullopt);
}

Result<void> check_tags(const std::vector<Tag>& tags) {
  if (tags.size() > kTagsMax)
    return invalid("A resource can have at most " + std::to_string(kTagsMax) + " tags.");
  std::set<std::string_view> keys;
  for (const Tag& tag : tags) {
    if (!keys.insert(tag.key).second)
      return invalid("The tag key '" + tag.key + "' is given twice.");
    if (tag.key.starts_with("aws:"))
      return invalid("Tag keys that begin with 'aws:' are reserved: '" + tag.key + "'.");
  }
  return {};
}

void add_tag_operations(Registry& registry, store::Store& store) {
  using namespace api::sagemaker;
  registry.add<operations::AddTags>([&store](Context& context,
                                             const AddTagsInput& request) -> Result<AddTagsOutput> {
    TRY(check_place(context, request.resource_arn));
    TRY(check_tags(request.tags));
    ResourceTags record =
        TRY(change(store, request.resource_arn, [&](ResourceTags& edited) -> Result<void> {
          for (const Tag& tag : request.tags) edited.tags[tag.key] = tag.value;
          if (edited.tags.size() > kTagsMax)
            return invalid("A resource can have at most " + std::to_string(kTagsMax) + " tags.");
          return {};
        }));
    return AddTagsOutput{listed(record.tags)};
  });
  registry.add<operations::DeleteTags>(
      [&store](Context& context, const DeleteTagsInput& request) -> Result<DeleteTagsOutput> {
        TRY(check_place(context, request.resource_arn));
        TRY(change(store, request.resource_arn, [&](ResourceTags& edited) -> Result<void> {
          for (const std::string& key : request.tag_keys) edited.tags.erase(key);
          return {};
        }));
        return DeleteTagsOutput{};
      });
  registry.add<operations::ListTags>(
      [&store](Context& context, const ListTagsInput& request) -> Result<ListTagsOutput> {
        TRY(check_place(context, request.resource_arn));
        auto found = TRY(resource_tags().get(store, request.resource_arn));
        if (!found) return no_such_resource(request.resource_arn);
        // The token is the last key of the previous page.
        std::vector<Tag> tags = listed(found->record.tags);
        if (request.next_token)
          std::erase_if(tags, [&](const Tag& tag) { return tag.key <= *request.next_token; });
        ListTagsOutput output;
        const auto page = static_cast<std::size_t>(request.max_results.value_or(kTagsMax));
        if (tags.size() > page) {
          tags.resize(page);
          output.next_token = tags.back().key;
        }
        output.tags = std::move(tags);
        return output;
      });
}

}  // namespace tidemill::services::sagemaker

// TagResource, UntagResource, ListResourceTags.
#include "api/kms/tag.h"

#include <set>

#include "services/kms/common/keys.h"
#include "services/kms/tag/rules.h"

namespace tidemill::services::kms {

namespace model = api::kms;

namespace {

constexpr std::size_t kTagsMax = 50;
constexpr std::int64_t kPageTags = 50;

std::unexpected<Error> bad_tag(std::string message) {
  return fail(model::errors::kTagException, std::move(message), 400);
}

Result<KeyRecord> own_key(Core& core, const Context& context, const std::string& key_id) {
  KeyRecord key = TRY(find_key_by_id(core, context, key_id));
  TRY(check_customer_managed(key, "tag"));
  return key;
}

Result<api::Empty> tag_resource(Core& core, Context& context,
                                const model::TagResourceRequest& request) {
  const KeyRecord key = TRY(own_key(core, context, request.key_id));
  TRY(change_key(core, key.id, [&](KeyRecord& key) -> Result<void> {
    TRY(check_not_pending_deletion(key));
    return add_tags(key.tags, request.tags);
  }));
  return api::Empty{};
}

Result<api::Empty> untag_resource(Core& core, Context& context,
                                  const model::UntagResourceRequest& request) {
  const KeyRecord key = TRY(own_key(core, context, request.key_id));
  TRY(change_key(core, key.id, [&](KeyRecord& key) -> Result<void> {
    TRY(check_not_pending_deletion(key));
    for (const std::string& name : request.tag_keys) key.tags.erase(name);
    return {};
  }));
  return api::Empty{};
}

Result<model::ListResourceTagsResponse> list_resource_tags(
    Core& core, Context& context, const model::ListResourceTagsRequest& request) {
  const KeyRecord key = TRY(find_key_by_id(core, context, request.key_id));
  const std::string after = TRY(read_marker(request.marker));
  const auto limit = std::size_t(request.limit.value_or(kPageTags));
  model::ListResourceTagsResponse output;
  output.tags.emplace();
  output.truncated = false;
  for (auto at = after.empty() ? key.tags.begin() : key.tags.upper_bound(after);
       at != key.tags.end(); ++at) {
    if (output.tags->size() == limit) {
      output.truncated = true;
      output.next_marker = write_marker(output.tags->back().tag_key);
      break;
    }
    output.tags->push_back({at->first, at->second});
  }
  return output;
}

}  // namespace

Result<void> add_tags(std::map<std::string, std::string>& tags,
                      const std::vector<model::Tag>& given) {
  std::set<std::string> seen;
  for (const model::Tag& tag : given) {
    if (tag.tag_key.starts_with("aws:"))
      return bad_tag("Tags that begin with aws: are reserved: " + tag.tag_key);
    if (!seen.insert(tag.tag_key).second) return bad_tag("Duplicate tag keys: " + tag.tag_key);
    tags[tag.tag_key] = tag.tag_value;
  }
  if (tags.size() > kTagsMax)
    return fail(model::errors::kLimitExceededException,
                "A key has at most " + std::to_string(kTagsMax) + " tags.", 400);
  return {};
}

void add_tag_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::TagResource>(registry, core, tag_resource);
  add<op::UntagResource>(registry, core, untag_resource);
  add<op::ListResourceTags>(registry, core, list_resource_tags);
}

}  // namespace tidemill::services::kms

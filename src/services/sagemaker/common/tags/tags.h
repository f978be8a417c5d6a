// Tags of SageMaker's resources, by ARN. Every resource gets a record here when it is created, even
// without tags: an ARN without a record is not a resource.
#pragma once

#include <boost/describe.hpp>
#include <map>
#include <string>
#include <vector>

#include "api/sagemaker/tags.h"
#include "services/platform/handlers/handlers.h"
#include "store/table.h"

namespace tidemill::services::sagemaker {

struct ResourceTags {
  std::string arn;
  std::map<std::string, std::string> tags;
};
TIDEMILL_RECORD(ResourceTags, (), (arn, tags))

// The key is the ARN.
const store::Table<ResourceTags>& resource_tags();

// Adds the tags to the transaction that creates the resource. check_tags() must have refused
// duplicate keys, too many tags and keys that begin with "aws:".
void put_tags(store::Transaction& transaction, const std::string& arn,
              const std::vector<api::sagemaker::Tag>& tags);
// The same for a job. Job names that differ only in case have the same ARN, since jobs' ARNs are in
// lower case; so the second job conflicts.
void put_tags_of_new(store::Transaction& transaction, const std::string& arn,
                     const std::vector<api::sagemaker::Tag>& tags);
// Adds the deletion to the transaction that deletes the resource.
void erase_tags(store::Transaction& transaction, const std::string& arn);

// Checks the tags of a create request. ValidationException.
Result<void> check_tags(const std::vector<api::sagemaker::Tag>& tags);

inline constexpr std::size_t kTagsMax = 50;  // per resource

// Adds AddTags, ListTags and DeleteTags. The store must outlive the registry's use.
void add_tag_operations(Registry& registry, store::Store& store);

}  // namespace tidemill::services::sagemaker

// Tags of SageMaker's resources, by ARN. Every resource writes its record here when it is made,
// also without tags: an ARN without a record is no resource.
#pragma once

#include <boost/describe.hpp>
#include <map>
#include <string>
#include <vector>

#include "api/sagemaker/tags.h"
#include "services/service.h"
#include "store/table.h"

namespace tidemill::services::sagemaker {

struct ResourceTags {
  std::string arn;
  std::map<std::string, std::string> tags;
};
TIDEMILL_RECORD(ResourceTags, (), (arn, tags))

// The key is the ARN.
const store::Table<ResourceTags>& resource_tags();

// Into the transaction that makes the resource. Duplicate keys, too many tags and keys that begin
// with "aws:" are for check_tags().
void put_tags(store::Transaction& transaction, const std::string& arn,
              const std::vector<api::sagemaker::Tag>& tags);
// The same for a job. Two names that differ in case alone have one ARN, since ARNs of jobs are in
// lower case, so the second job conflicts.
void put_tags_of_new(store::Transaction& transaction, const std::string& arn,
                     const std::vector<api::sagemaker::Tag>& tags);
// Into the transaction that deletes it.
void erase_tags(store::Transaction& transaction, const std::string& arn);

// ValidationException; for the tags of a create request.
Result<void> check_tags(const std::vector<api::sagemaker::Tag>& tags);

inline constexpr std::size_t kTagsMax = 50;  // a resource

// AddTags, ListTags, DeleteTags. The store outlives the registry's use.
void add_tag_operations(Registry& registry, store::Store& store);

}  // namespace tidemill::services::sagemaker

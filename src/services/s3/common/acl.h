// Access control lists: who has access to a bucket or an object beside what policies say. They
// count only in buckets whose ownership allows them (the setting is not BucketOwnerEnforced).
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/s3/shared.h"
#include "services/s3/common/core.h"

namespace tidemill::services::s3 {

inline constexpr const char* kBucketOwnerEnforced = "BucketOwnerEnforced";
inline constexpr std::string_view kAllUsers = "http://acs.amazonaws.com/groups/global/AllUsers";
inline constexpr std::string_view kAuthenticatedUsers =
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";

// The access that a request asks for: a canned list, grant headers, or a document.
struct WantedAcl {
  std::optional<std::string> canned = std::nullopt;
  std::vector<std::pair<std::string_view, std::string>> headers = {};  // permission, grantees
  const api::s3::AccessControlPolicy* document = nullptr;
  bool any() const { return canned || !headers.empty() || document; }
};

template <class Request>
WantedAcl wanted_acl(const Request& request) {
  WantedAcl wanted;
  if (request.acl && !request.acl->empty()) wanted.canned = request.acl;
  auto add = [&](std::string_view permission, const std::optional<std::string>& header) {
    if (header) wanted.headers.emplace_back(permission, *header);
  };
  add("FULL_CONTROL", request.grant_full_control);
  add("READ", request.grant_read);
  add("READ_ACP", request.grant_read_acp);
  add("WRITE_ACP", request.grant_write_acp);
  if constexpr (requires { request.grant_write; }) add("WRITE", request.grant_write);
  if constexpr (requires { request.access_control_policy; })
    if (request.access_control_policy) wanted.document = &*request.access_control_policy;
  return wanted;
}

enum class AclOf { bucket, object };

// The list that a request makes for something that `owner` (an account) owns.
// AccessControlListNotSupported where the bucket's ownership excludes lists; AccessDenied for a
// public one that the bucket's public access block forbids; MissingSecurityHeader,
// MalformedACLError, InvalidArgument, UnresolvableGrantByEmailAddress.
Result<AclRecord> make_acl(const BucketRecord& bucket, AclOf of, const std::string& owner,
                           const WantedAcl& wanted);
// The list of an object that `writer` (an account; "": anonymous) puts. nullopt: the object is the
// bucket owner's, and nobody else's.
Result<std::optional<AclRecord>> acl_of_new_object(const BucketRecord& bucket,
                                                   const std::string& writer,
                                                   const WantedAcl& wanted);
// The list, or that of something without one.
AclRecord acl_or_default(const std::optional<AclRecord>& acl, const std::string& owner);
// The account that owns the object.
inline const std::string& owner_account(const ObjectProperties& object, const Bucket& bucket) {
  return object.acl ? object.acl->owner : bucket.account;
}
// Whether it gives access to somebody besides its owner.
bool is_shared(const AclRecord& acl);

std::vector<api::s3::Grant> describe_grants(const AclRecord& acl);
api::s3::Owner owner_of(const std::string& account);

enum class Access { none, account, everybody };
// The access that the list gives a caller of `account` ("": anonymous). `ignores_public`: the
// bucket's public access block says that public grants do not count.
Access access_of(const AclRecord& acl, std::string_view permission, std::string_view account,
                 bool ignores_public);

}  // namespace tidemill::services::s3

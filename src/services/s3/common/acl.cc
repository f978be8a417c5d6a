#include "services/s3/common/acl.h"

#include "services/s3/common/errors.h"

namespace tidemill::services::s3 {

namespace {

namespace model = tidemill::api::s3;

bool gives_owner_everything(const BucketRecord& bucket,
                            const model::AccessControlPolicy& document) {
  const std::string owner = canonical_id(bucket.account);
  if (document.owner && document.owner->id && *document.owner->id != owner) return false;
  if (!document.grants || document.grants->size() != 1) return false;
  const model::Grant& grant = document.grants->front();
  return grant.permission == "FULL_CONTROL" && grant.grantee && grant.grantee->id == owner;
}

Error others_not_supported() {
  return not_implemented(
      "Tidemill gives access by IAM policies only: of access control lists, those that name nobody "
      "but the bucket's owner are accepted (the canned lists private, bucket-owner-read and "
      "bucket-owner-full-control).");
}

}  // namespace

Result<void> check_acl(const BucketRecord& bucket, const WantedAcl& wanted) {
  if (int(wanted.canned.has_value()) + int(wanted.grant_headers) + int(wanted.document != nullptr) >
      1)
    return fail(invalid_request("Specifying both Canned ACLs and Header Grants is not allowed"));
  const bool for_owner = wanted.canned == "bucket-owner-full-control" ||
                         (wanted.document && gives_owner_everything(bucket, *wanted.document));
  if (!bucket.ownership || *bucket.ownership == kBucketOwnerEnforced) {
    if (for_owner) return {};
    return fail(Error{"AccessControlListNotSupported", "The bucket does not allow ACLs", 400});
  }
  if (for_owner || wanted.canned == "private" || wanted.canned == "bucket-owner-read") return {};
  if (wanted.document && (!wanted.document->owner || !wanted.document->grants))
    return fail(Error{"MalformedACLError",
                      "The XML you provided was not well-formed or did not validate against our "
                      "published schema",
                      400});
  if (!wanted.canned && !wanted.grant_headers && !wanted.document)
    return fail(Error{"MissingSecurityHeader",
                      "Your request was missing a required header",
                      400,
                      {{"MissingHeaderName", "x-amz-acl"}}});
  return fail(others_not_supported());
}

model::Owner owner_of(const std::string& account) {
  model::Owner owner;
  owner.id = canonical_id(account);
  return owner;
}

std::vector<model::Grant> owner_grants(const std::string& account) {
  model::Grant grant;
  grant.grantee.ensure().id = canonical_id(account);
  grant.grantee->type = "CanonicalUser";
  grant.permission = "FULL_CONTROL";
  return {std::move(grant)};
}

}  // namespace tidemill::services::s3

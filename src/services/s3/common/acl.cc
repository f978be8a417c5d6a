#include "services/s3/common/acl.h"

#include <algorithm>
#include <array>

#include "services/s3/common/errors.h"

namespace tidemill::services::s3 {

namespace {

namespace model = tidemill::api::s3;

constexpr std::string_view kLogDelivery = "http://acs.amazonaws.com/groups/s3/LogDelivery";
constexpr std::string_view kFullControl = "FULL_CONTROL";
constexpr std::array<std::string_view, 5> kPermissions = {kFullControl, "READ", "READ_ACP", "WRITE",
                                                          "WRITE_ACP"};
constexpr std::size_t kGrantsMax = 100;
constexpr std::size_t kCanonicalIdLength = 64;

Error not_supported() {
  return {"AccessControlListNotSupported", "The bucket does not allow ACLs", 400};
}

Error malformed_acl() {
  return {"MalformedACLError",
          "The XML you provided was not well-formed or did not validate against our published "
          "schema",
          400};
}

bool is_group(std::string_view uri) {
  return uri == kAllUsers || uri == kAuthenticatedUsers || uri == kLogDelivery;
}

bool is_canonical_id(std::string_view text) {
  return text.size() == kCanonicalIdLength && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// "id", "uri" or "emailAddress" and its value, as a grantee of the record.
Result<std::string> grantee_of(std::string_view type, std::string value) {
  if (type == "id") {
    if (is_canonical_id(value)) return value;
    return fail(invalid_argument("Invalid id", "CanonicalUser/ID", value));
  }
  if (type == "uri") {
    if (is_group(value)) return value;
    return fail(invalid_argument("Invalid group uri", "Group/URI", value));
  }
  // Accounts of Tidemill have no e-mail addresses.
  return fail(Error{"UnresolvableGrantByEmailAddress",
                    "The e-mail address you provided does not match any account on record.", 400});
}

// id="...", uri="...": the value of an x-amz-grant header. Quotes may be missing.
Result<void> add_header(std::string_view permission, std::string_view text,
                        std::vector<GrantRecord>& out) {
  auto bad = [&] {
    return fail(invalid_argument("Argument format not recognized", "x-amz-grant", text));
  };
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos) return bad();
    const std::string_view type = one.substr(0, equals);
    std::string_view value = one.substr(equals + 1);
    if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"'))
      value = value.substr(1, value.size() - 2);
    if (type != "id" && type != "uri" && type != "emailAddress") return bad();
    out.push_back({TRY(grantee_of(type, std::string(value))), std::string(permission)});
  }
  return {};
}

Result<std::vector<GrantRecord>> canned_grants(std::string_view canned, AclOf of,
                                               const std::string& owner,
                                               const std::string& bucket_owner) {
  std::vector<GrantRecord> grants{{canonical_id(owner), std::string(kFullControl)}};
  auto add = [&](std::string_view grantee, std::string_view permission) {
    grants.push_back({std::string(grantee), std::string(permission)});
  };
  if (canned == "public-read") {
    add(kAllUsers, "READ");
  } else if (canned == "public-read-write") {
    add(kAllUsers, "READ");
    add(kAllUsers, "WRITE");
  } else if (canned == "authenticated-read") {
    add(kAuthenticatedUsers, "READ");
  } else if (canned == "log-delivery-write" && of == AclOf::bucket) {
    add(kLogDelivery, "WRITE");
    add(kLogDelivery, "READ_ACP");
  } else if (canned == "bucket-owner-read" || canned == "bucket-owner-full-control") {
    // Without effect for buckets, and where the owner is the same.
    if (of == AclOf::object && owner != bucket_owner)
      add(canonical_id(bucket_owner), canned == "bucket-owner-read" ? "READ" : kFullControl);
  } else if (canned == "aws-exec-read") {
    return fail(not_implemented(
        "Tidemill has no EC2 images for which the canned ACL aws-exec-read could be meant."));
  } else if (canned != "private") {
    return fail(invalid_argument("", "x-amz-acl", canned));
  }
  return grants;
}

Result<std::vector<GrantRecord>> document_grants(const model::AccessControlPolicy& document,
                                                 const std::string& owner) {
  if (!document.owner || !document.owner->id || !document.grants) return fail(malformed_acl());
  if (*document.owner->id != canonical_id(owner)) {
    if (!is_canonical_id(*document.owner->id))
      return fail(invalid_argument("Invalid id", "CanonicalUser/ID", *document.owner->id));
    return fail(access_denied());
  }
  std::vector<GrantRecord> grants;
  for (const model::Grant& grant : *document.grants) {
    if (!grant.grantee || !grant.permission ||
        std::ranges::find(kPermissions, *grant.permission) == kPermissions.end())
      return fail(malformed_acl());
    const model::Grantee& grantee = *grant.grantee;
    const auto& [type, value] = grantee.type == "Group" ? std::pair("uri", grantee.uri)
                                : grantee.type == "AmazonCustomerByEmail"
                                    ? std::pair("emailAddress", grantee.email_address)
                                    : std::pair("id", grantee.id);
    if (!value) return fail(malformed_acl());
    grants.push_back({TRY(grantee_of(type, *value)), *grant.permission});
  }
  return grants;
}

bool is_public(const std::vector<GrantRecord>& grants) {
  return std::ranges::any_of(grants, [](const GrantRecord& grant) {
    return grant.grantee == kAllUsers || grant.grantee == kAuthenticatedUsers;
  });
}

// Buckets with ACLs disabled accept an ACL that gives the owner full control and nothing else; it
// changes nothing.
bool says_owner_only(const WantedAcl& wanted, const std::string& owner) {
  if (wanted.canned) return wanted.canned == "bucket-owner-full-control";
  if (!wanted.document) return false;
  const Result<std::vector<GrantRecord>> grants = document_grants(*wanted.document, owner);
  return grants && grants->size() == 1 &&
         grants->front() == GrantRecord{canonical_id(owner), std::string(kFullControl)};
}

}  // namespace

Result<AclRecord> make_acl(const BucketRecord& bucket, AclOf of, const std::string& owner,
                           const WantedAcl& wanted) {
  if (int(wanted.canned.has_value()) + int(!wanted.headers.empty()) +
          int(wanted.document != nullptr) >
      1)
    return fail(invalid_request("Specifying both Canned ACLs and Header Grants is not allowed"));
  if (!allows_acls(bucket)) {
    if (!says_owner_only(wanted, owner)) return fail(not_supported());
    return acl_or_default(std::nullopt, owner);
  }
  AclRecord acl{owner, {}};
  if (wanted.canned) {
    acl.grants = TRY(canned_grants(*wanted.canned, of, owner, bucket.account));
  } else if (wanted.document) {
    acl.grants = TRY(document_grants(*wanted.document, owner));
  } else if (wanted.headers.empty()) {
    return fail(Error{"MissingSecurityHeader",
                      "Your request was missing a required header",
                      400,
                      {{"MissingHeaderName", "x-amz-acl"}}});
  }
  for (const auto& [permission, text] : wanted.headers)
    TRY(add_header(permission, text, acl.grants));
  if (acl.grants.size() > kGrantsMax)
    return fail(invalid_request("The ACL has more than 100 grants"));
  if (is_public(acl.grants) && blocks_public_access(bucket, "BlockPublicAcls"))
    return fail(Error{"AccessDenied",
                      "The access control list would be public, and the bucket's public access "
                      "block has BlockPublicAcls.",
                      403});
  return acl;
}

Result<std::optional<AclRecord>> acl_of_new_object(const BucketRecord& bucket,
                                                   const std::string& writer,
                                                   const WantedAcl& wanted) {
  if (!allows_acls(bucket)) {
    // Some clients always send one of these, so they are accepted and ignored.
    const bool harmless = wanted.canned == "private" || wanted.canned == "bucket-owner-read" ||
                          wanted.canned == "bucket-owner-full-control";
    if (wanted.any() && !harmless) return fail(not_supported());
    return std::optional<AclRecord>();
  }
  const bool owner_takes =
      writer.empty() || writer == bucket.account ||
      (bucket.ownership == "BucketOwnerPreferred" && wanted.canned == "bucket-owner-full-control");
  const std::string& owner = owner_takes ? bucket.account : writer;
  if (wanted.any()) return std::optional(TRY(make_acl(bucket, AclOf::object, owner, wanted)));
  if (owner_takes) return std::optional<AclRecord>();
  return std::optional(acl_or_default(std::nullopt, owner));
}

AclRecord acl_or_default(const std::optional<AclRecord>& acl, const std::string& owner) {
  if (acl) return *acl;
  return {owner, {{canonical_id(owner), std::string(kFullControl)}}};
}

bool is_shared(const AclRecord& acl) {
  return std::ranges::any_of(acl.grants, [id = canonical_id(acl.owner)](const GrantRecord& grant) {
    return grant.grantee != id;
  });
}

model::Owner owner_of(const std::string& account) {
  model::Owner owner;
  owner.id = canonical_id(account);
  owner.display_name = account;
  return owner;
}

std::vector<model::Grant> describe_grants(const AclRecord& acl) {
  std::vector<model::Grant> grants;
  grants.reserve(acl.grants.size());
  const std::string owner_id = canonical_id(acl.owner);
  for (const GrantRecord& record : acl.grants) {
    model::Grant& grant = grants.emplace_back();
    model::Grantee& grantee = grant.grantee.ensure();
    if (is_group(record.grantee)) {
      grantee.type = "Group";
      grantee.uri = record.grantee;
    } else {
      grantee.type = "CanonicalUser";
      grantee.id = record.grantee;
      if (record.grantee == owner_id) grantee.display_name = acl.owner;
    }
    grant.permission = record.permission;
  }
  return grants;
}

Access access_of(const AclRecord& acl, std::string_view permission, std::string_view account,
                 bool ignores_public) {
  const std::string id = account.empty() ? std::string() : canonical_id(account);
  Access best = Access::none;
  for (const GrantRecord& grant : acl.grants) {
    if (grant.permission != permission && grant.permission != kFullControl) continue;
    if (!account.empty() && grant.grantee == id) best = std::max(best, Access::account);
    if (ignores_public) continue;
    if (grant.grantee == kAllUsers || (grant.grantee == kAuthenticatedUsers && !account.empty()))
      best = Access::everybody;
  }
  return best;
}

}  // namespace tidemill::services::s3

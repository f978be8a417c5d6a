#include <gmock/gmock.h>

#include "api/iam/policy.h"
#include "api/iam/role.h"
#include "base/encoding.h"
#include "services/iam/limits.h"
#include "services/iam/managed_policies.h"
#include "services/iam/test_support.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;
using testing::ElementsAre;

constexpr const char* kReadBucket =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject",
        "Resource":"arn:aws:s3:::b/*"}]})";
constexpr const char* kS3Full = "arn:aws:iam::aws:policy/AmazonS3FullAccess";

class RoleTest : public IamTest {
 protected:
  void create(const std::string& name, const char* path = nullptr) {
    ops::CreateRole::Input input;
    input.role_name = name;
    input.assume_role_policy_document = kTrustSageMaker;
    if (path) input.path = path;
    ASSERT_EQ(code<ops::CreateRole>(input), "ok");
  }
};

TEST_F(RoleTest, create_and_get) {
  ops::CreateRole::Input input;
  input.role_name = "Train-er";
  input.path = "/service-role/";
  input.assume_role_policy_document = kTrustSageMaker;
  input.description = "d";
  input.tags = {api::iam::Tag{"team", "ml"}};
  auto created = call<ops::CreateRole>(input);
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_EQ(created->role->arn, "arn:aws:iam::123456789012:role/service-role/Train-er");
  EXPECT_TRUE(created->role->role_id.starts_with("AROA"));
  EXPECT_EQ(created->role->role_id.size(), 21u);
  EXPECT_EQ(created->role->create_date.microseconds % 1'000'000, 0);
  EXPECT_EQ(percent_decode(*created->role->assume_role_policy_document).value(), kTrustSageMaker);

  auto got = call<ops::GetRole>({"train-ER"}).value();  // names are unique without regard to case
  EXPECT_EQ(got.role->role_name, "Train-er");
  EXPECT_EQ(got.role->description, "d");
  EXPECT_EQ(got.role->max_session_duration, 3600);
  EXPECT_EQ(got.role->tags->at(0).value, "ml");
  EXPECT_EQ(code<ops::CreateRole>(input), "EntityAlreadyExists");
  EXPECT_EQ(call<ops::GetRole>({"absent"}).error().message,
            "The role with name absent cannot be found.");
}

TEST_F(RoleTest, other_accounts_are_apart) {
  create("r");
  context_.principal.account = "999988887777";
  EXPECT_EQ(code<ops::GetRole>({"r"}), "NoSuchEntity");
  EXPECT_TRUE(call<ops::ListRoles>({}).value().roles.empty());
}

TEST_F(RoleTest, refuses_bad_trust_policies) {
  ops::CreateRole::Input input;
  input.role_name = "r";
  input.assume_role_policy_document = kReadBucket;
  EXPECT_EQ(code<ops::CreateRole>(input), "MalformedPolicyDocument");
  input.assume_role_policy_document = std::string(5000, ' ') + kTrustSageMaker;
  EXPECT_EQ(code<ops::CreateRole>(input), "LimitExceeded");
  create("r");
  EXPECT_EQ(code<ops::UpdateAssumeRolePolicy>({"r", "{}"}), "MalformedPolicyDocument");
  EXPECT_EQ(code<ops::UpdateAssumeRolePolicy>({"r", kTrustAccount}), "ok");
  EXPECT_EQ(percent_decode(*call<ops::GetRole>({"r"})->role->assume_role_policy_document).value(),
            kTrustAccount);
}

TEST_F(RoleTest, lists_in_pages) {
  for (const char* name : {"c", "a", "E", "b", "d"}) create(name);
  create("other", "/team/");
  std::vector<std::string> names;
  ops::ListRoles::Input input;
  input.max_items = 2;
  int pages = 0;
  while (true) {
    auto page = call<ops::ListRoles>(input).value();
    ++pages;
    for (const auto& role : page.roles) names.push_back(role.role_name);
    if (!*page.is_truncated) break;
    ASSERT_TRUE(page.marker);
    input.marker = page.marker;
  }
  EXPECT_EQ(pages, 3);
  EXPECT_THAT(names, ElementsAre("a", "b", "c", "d", "E", "other"));
  EXPECT_EQ(call<ops::ListRoles>({.path_prefix = "/team/"})->roles.size(), 1u);
  EXPECT_EQ(code<ops::ListRoles>({.marker = "!"}), "ValidationError");
}

TEST_F(RoleTest, inline_policies) {
  create("r");
  EXPECT_EQ(code<ops::PutRolePolicy>({"r", "p", "{}"}), "MalformedPolicyDocument");
  EXPECT_EQ(code<ops::PutRolePolicy>({"absent", "p", kReadBucket}), "NoSuchEntity");
  EXPECT_EQ(code<ops::PutRolePolicy>({"r", "p", kReadBucket}), "ok");
  EXPECT_EQ(code<ops::PutRolePolicy>({"r", "q", kReadBucket}), "ok");
  auto got = call<ops::GetRolePolicy>({"r", "p"}).value();
  EXPECT_EQ(percent_decode(got.policy_document).value(), kReadBucket);
  EXPECT_EQ(code<ops::GetRolePolicy>({"r", "absent"}), "NoSuchEntity");
  auto page = call<ops::ListRolePolicies>({.role_name = "r", .max_items = 1}).value();
  EXPECT_THAT(page.policy_names, ElementsAre("p"));
  EXPECT_TRUE(*page.is_truncated);
  page = call<ops::ListRolePolicies>({.role_name = "r", .marker = page.marker}).value();
  EXPECT_THAT(page.policy_names, ElementsAre("q"));
  EXPECT_FALSE(*page.is_truncated);

  std::string large = kReadBucket;
  large.replace(large.find("b/*"), 3, std::string(11'000, 'x'));
  EXPECT_EQ(code<ops::PutRolePolicy>({"r", "large", large}), "LimitExceeded");

  EXPECT_EQ(code<ops::DeleteRole>({"r"}), "DeleteConflict");
  EXPECT_EQ(code<ops::DeleteRolePolicy>({"r", "p"}), "ok");
  EXPECT_EQ(code<ops::DeleteRolePolicy>({"r", "p"}), "NoSuchEntity");
  EXPECT_EQ(code<ops::DeleteRolePolicy>({"r", "q"}), "ok");
  EXPECT_EQ(code<ops::DeleteRole>({"r"}), "ok");
  EXPECT_EQ(code<ops::DeleteRole>({"r"}), "NoSuchEntity");
}

TEST_F(RoleTest, attached_policies) {
  create("r");
  EXPECT_EQ(code<ops::AttachRolePolicy>({"r", "arn:aws:iam::aws:policy/Unknown"}), "NoSuchEntity");
  EXPECT_EQ(code<ops::AttachRolePolicy>({"r", kS3Full}), "ok");
  EXPECT_EQ(code<ops::AttachRolePolicy>({"r", kS3Full}), "ok");  // again is no error
  auto own = call<ops::CreatePolicy>({.policy_name = "Own", .policy_document = kReadBucket});
  const std::string own_arn = *own->policy->arn;
  EXPECT_EQ(own_arn, "arn:aws:iam::123456789012:policy/Own");
  EXPECT_EQ(code<ops::AttachRolePolicy>({"r", own_arn}), "ok");
  auto attached = call<ops::ListAttachedRolePolicies>({.role_name = "r"}).value();
  ASSERT_EQ(attached.attached_policies->size(), 2u);
  EXPECT_EQ(attached.attached_policies->at(0).policy_name, "Own");
  EXPECT_EQ(attached.attached_policies->at(1).policy_arn, kS3Full);
  EXPECT_EQ(call<ops::GetPolicy>({own_arn})->policy->attachment_count, 1);
  EXPECT_EQ(code<ops::DeletePolicy>({own_arn}), "DeleteConflict");
  EXPECT_EQ(code<ops::DeleteRole>({"r"}), "DeleteConflict");
  EXPECT_EQ(code<ops::DetachRolePolicy>({"r", own_arn}), "ok");
  EXPECT_EQ(code<ops::DetachRolePolicy>({"r", own_arn}), "NoSuchEntity");
  EXPECT_EQ(code<ops::DeletePolicy>({own_arn}), "ok");
  EXPECT_EQ(code<ops::GetPolicy>({own_arn}), "NoSuchEntity");
}

TEST_F(RoleTest, managed_policies_are_listed) {
  call<ops::CreatePolicy>({.policy_name = "Own", .policy_document = kReadBucket}).value();
  EXPECT_EQ(code<ops::CreatePolicy>({.policy_name = "own", .policy_document = kReadBucket}),
            "EntityAlreadyExists");
  EXPECT_EQ(call<ops::ListPolicies>({.scope = "Local"})->policies->size(), 1u);
  EXPECT_EQ(call<ops::ListPolicies>({.scope = "AWS"})->policies->size(), 100u);
  // Pages of every size show each policy once, the account's own first.
  for (const char* name : {"Beta", "alpha", "Gamma"})
    call<ops::CreatePolicy>({.policy_name = name, .policy_document = kReadBucket}).value();
  for (std::int64_t size : {1, 2, 3, 4, 7, 1000}) {
    std::set<std::string> seen;
    std::optional<std::string> marker;
    std::size_t shown = 0;
    do {
      const auto page = call<ops::ListPolicies>({.marker = marker, .max_items = size}).value();
      for (const auto& policy : *page.policies) seen.insert(*policy.arn);
      shown += page.policies->size();
      ASSERT_LE(page.policies->size(), std::size_t(size));
      ASSERT_EQ(*page.is_truncated, page.marker.has_value());
      marker = page.marker;
    } while (marker);
    EXPECT_EQ(seen.size(), managed_policies().size() + 4);
    EXPECT_EQ(shown, seen.size());
  }
  const std::string default_version = *call<ops::GetPolicy>({kS3Full})->policy->default_version_id;
  auto version = call<ops::GetPolicyVersion>({kS3Full, default_version}).value();
  EXPECT_NE(percent_decode(*version.policy_version->document)->find("s3:*"), std::string::npos);
  EXPECT_EQ(code<ops::GetPolicyVersion>({kS3Full, "v99"}), "NoSuchEntity");
}

TEST_F(RoleTest, pages_of_roles_hold_little_text) {
  std::string trust = kTrustSageMaker;
  trust.insert(1, std::string(4000 - trust.size(), ' '));
  ops::CreateRole::Input wanted;
  wanted.assume_role_policy_document = trust;
  for (int i = 0; i < 400; ++i) {
    wanted.role_name = "r" + std::to_string(1000 + i);
    ASSERT_EQ(code<ops::CreateRole>(wanted), "ok");
  }
  std::vector<std::string> names;
  std::optional<std::string> marker;
  int pages = 0;
  do {
    const auto page = call<ops::ListRoles>({.marker = marker, .max_items = 1000}).value();
    std::size_t bytes = 0;
    for (const auto& role : page.roles) {
      names.push_back(role.role_name);
      bytes += role.assume_role_policy_document->size();
    }
    EXPECT_LT(bytes, kListedBytesMax + 20'000);
    ASSERT_EQ(*page.is_truncated, page.marker.has_value());
    marker = page.marker;
    ++pages;
  } while (marker);
  EXPECT_GT(pages, 1);
  ASSERT_EQ(names.size(), 400u);
  EXPECT_TRUE(std::ranges::is_sorted(names));
}

TEST_F(RoleTest, tags_are_taken_off_in_any_case) {
  create("r");
  EXPECT_EQ(code<ops::TagRole>({"r", {{"Team", "a"}, {"Cost", "b"}}}), "ok");
  EXPECT_EQ(code<ops::TagRole>({"r", {{"TEAM", "c"}}}), "ok");
  EXPECT_EQ(code<ops::UntagRole>({"r", {"tEAM"}}), "ok");
  const auto left = call<ops::ListRoleTags>({.role_name = "r"}).value();
  ASSERT_EQ(left.tags.size(), 1u);
  EXPECT_EQ(left.tags[0].key, "Cost");
}

TEST_F(RoleTest, tags) {
  create("r");
  EXPECT_EQ(code<ops::TagRole>({"r", {api::iam::Tag{"a", "1"}, api::iam::Tag{"b", "2"}}}), "ok");
  EXPECT_EQ(code<ops::TagRole>({"r", {api::iam::Tag{"A", "3"}}}), "ok");
  EXPECT_EQ(code<ops::TagRole>({"r", {api::iam::Tag{"x", "1"}, api::iam::Tag{"X", "2"}}}),
            "InvalidInput");
  auto tags = call<ops::ListRoleTags>({.role_name = "r"}).value().tags;
  ASSERT_EQ(tags.size(), 2u);
  EXPECT_EQ(tags[0].key, "A");
  EXPECT_EQ(tags[0].value, "3");
  EXPECT_EQ(code<ops::UntagRole>({"r", {"A"}}), "ok");
  EXPECT_EQ(call<ops::ListRoleTags>({.role_name = "r"}).value().tags.size(), 1u);
  std::vector<api::iam::Tag> many;
  for (int i = 0; i < 50; ++i) many.push_back({"k" + std::to_string(i), ""});
  EXPECT_EQ(code<ops::TagRole>({"r", many}), "LimitExceeded");
}

}  // namespace
}  // namespace tidemill::services::iam

#include "services/iam/authorization/request_conditions.h"

#include <algorithm>
#include <iterator>

#include "base/clock.h"
#include "services/iam/policy_language/wildcard.h"
#include "services/platform/dispatcher/dispatcher.h"

namespace tidemill::services::iam {
namespace {

// Keys that requests to this server never have: there are no organizations, VPCs, MFA devices,
// service-linked calls or access points here, and AWS leaves the keys out as well
// where these are missing.
constexpr std::string_view kNeverPresent[] = {
    "aws:assumedroot",
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:chatbotsourcearn",
    "aws:ec2instancesourceprivateipv4",
    "aws:ec2instancesourcevpc",
    "aws:multifactorauthage",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:principalservicenameslist",
    "aws:resourceorgid",
    "aws:resourceorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourcevpc",
    "aws:sourcevpcarn",
    "aws:sourcevpce",
    "aws:vpceaccount",
    "aws:vpceorgid",
    "aws:vpceorgpaths",
    "aws:vpcsourceip",
    "iam:roletemplatearn",
    "s3:accessgrantsinstancearn",
    "s3:accesspointnetworkorigin",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:accesspointtag/",
};
constexpr std::string_view kGlobal[] = {
    "aws:currenttime",
    "aws:epochtime",
    "aws:multifactorauthpresent",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principaltype",
    "aws:referer",
    "aws:requestedregion",
    "aws:resourceaccount",
    "aws:securetransport",
    "aws:sourceidentity",
    "aws:sourceip",
    "aws:tagkeys",
    "aws:tokenissuetime",
    "aws:useragent",
    "aws:userid",
    "aws:username",
    "aws:viaawsservice",
    "aws:federatedprovider",
};
// Condition keys that a tag's key follows.
constexpr std::string_view kTagKeys[] = {
    "aws:principaltag/",     "aws:requesttag/",      "aws:resourcetag/", "iam:resourcetag/",
    "s3:existingobjecttag/", "s3:requestobjecttag/", "s3:buckettag/",    "sagemaker:resourcetag/",
};
constexpr std::string_view kOther[] = {
    "iam:passedtoservice", "iam:permissionsboundary", "iam:policyarn",         "sts:externalid",
    "sts:rolesessionname", "sts:sourceidentity",      "sts:transitivetagkeys", "iam:awsservicename",
};
constexpr std::string_view kKmsKeys = "kms:", kEncryptionContextKeys = "kms:encryptioncontext:";
// Prefixes of the services that are served here; a key of another one is none of their requests'.
constexpr std::string_view kServed[] = {"aws", "cloudwatch", "iam", "logs",
                                        "s3",  "sagemaker",  "sqs", "sts"};

template <std::size_t N>
bool is_one_of(const std::string_view (&list)[N], std::string_view key) {
  return std::ranges::find(list, key) != std::end(list);
}
std::string_view before_tag(std::string_view key) { return key.substr(0, key.find('/') + 1); }

bool is_claim_key(std::string_view key) {
  const std::size_t colon = key.rfind(':');
  const std::string_view claim = key.substr(colon + 1);
  return key.substr(0, colon).contains('.') &&
         (claim == "aud" || claim == "sub" || claim == "amr" || claim == "azp" || claim == "oaud");
}

bool never_present(std::string_view key) {
  return is_one_of(kNeverPresent, key) ||
         (key.find('/') != key.npos && is_one_of(kNeverPresent, before_tag(key)));
}

// Without the port; an IPv6 address stands in brackets before it.
std::string address_of(std::string_view remote) {
  const std::size_t colon = remote.rfind(':');
  if (colon != remote.npos && remote.find(':') == colon) remote = remote.substr(0, colon);
  if (remote.starts_with('[')) remote = remote.substr(1, remote.find(']') - 1);
  // "fe80::1%eth0"
  return std::string(remote.substr(0, remote.find('%')));
}

std::string text_of(bool value) { return value ? "true" : "false"; }

// Tags' keys compare without regard to case in condition keys: a request may have several of one
// name.
template <class Tags>
std::vector<std::string> tag_value(const Tags& tags, std::string_view lower_name) {
  std::vector<std::string> values;
  for (const auto& [key, value] : tags)
    if (ascii_lower(key) == lower_name) values.push_back(value);
  return values;
}

// Keys of one value each, whose names the caller chooses.
bool is_named_by_callers(std::string_view key) {
  return key.starts_with(kEncryptionContextKeys) || is_one_of(kTagKeys, before_tag(key));
}

}  // namespace

bool is_evaluable_key(std::string_view key) {
  const std::size_t colon = key.find(':');
  if (colon == key.npos) return false;
  // Claims of a provider's tokens: "token.example.com:sub", "host/path:aud".
  if (is_claim_key(key)) return true;
  const std::string_view prefix = key.substr(0, colon), name = key.substr(colon + 1);
  if (never_present(key) || is_one_of(kGlobal, key) || is_one_of(kOther, key)) return true;
  if (const std::string_view before = before_tag(key); !before.empty() && before != key)
    if (is_one_of(kTagKeys, before)) return true;
  if (prefix == "s3") return is_s3_key(name);
  if (key.starts_with(kEncryptionContextKeys)) return true;
  if (prefix == "sagemaker") return is_sagemaker_key(name);
  return !is_one_of(kServed, prefix) && api::lists_condition_key(api::condition_keys(), key);
}

KeyAnswer RequestConditions::find(const std::string& lower_key) const {
  auto found = slots_.find(lower_key);
  if (found == slots_.end()) found = slots_.emplace(lower_key, look_up(lower_key)).first;
  const Slot& slot = found->second;
  return {slot.known, &slot.values, slot.values.size() > 1 && is_named_by_callers(lower_key)};
}

RequestConditions::Slot RequestConditions::look_up(const std::string& key) const {
  if (asked_.given) {
    Slot given;
    bool found = false;
    for (const auto& [name, values] : *asked_.given) {
      if (ascii_lower(name) != key) continue;
      found = true;
      given.values.insert(given.values.end(), values.begin(), values.end());
    }
    if (found) return given;
  }
  // KMS itself gives all keys that its requests have. What is none of its keys cannot be told.
  if (key.starts_with(kKmsKeys)) return {is_evaluable_key(key), {}};
  if (std::optional<Slot> slot = global_key(key)) return *std::move(slot);
  if (std::optional<Slot> slot = service_key(key)) return *std::move(slot);
  // Only sessions of AssumeRoleWithWebIdentity have claims, while they begin.
  if (never_present(key) || is_claim_key(key)) return {};
  // A key that AWS lists, but not for this action, is absent from its requests.
  const bool for_this_action =
      !asked_.rule || api::lists_condition_key(asked_.rule->condition_keys, key);
  const bool listed = api::lists_condition_key(api::condition_keys(), key);
  return {listed && !for_this_action, {}};
}

std::optional<RequestConditions::Slot> RequestConditions::global_key(std::string_view key) const {
  if (!key.starts_with("aws:")) return std::nullopt;
  const auto one = [](std::string value) { return Slot{true, {std::move(value)}}; };
  const auto text = [](std::string_view value) {
    return value.empty() ? Slot{} : Slot{true, {std::string(value)}};
  };
  const auto header = [&](std::string_view name) {
    const std::string* value = facts_.header ? facts_.header(name) : nullptr;
    return value ? Slot{true, {*value}} : Slot{};
  };
  if (key == "aws:currenttime") return one(format_iso8601(facts_.received));
  if (key == "aws:epochtime") return one(std::to_string(facts_.received.microseconds / 1'000'000));
  if (key == "aws:securetransport") return one(text_of(facts_.secure));
  if (key == "aws:sourceip") return text(address_of(facts_.remote_address));
  if (key == "aws:useragent") return header("user-agent");
  if (key == "aws:referer") return header("referer");
  if (key == "aws:requestedregion") return text(facts_.region);
  if (key == "aws:principalarn") return text(caller_.arn);
  if (key == "aws:principalaccount") return text(caller_.account);
  if (key == "aws:principaltype") return text(caller_.type);
  if (key == "aws:username") return text(caller_.user_name);
  if (key == "aws:userid") return text(caller_.user_id);
  if (key == "aws:sourceidentity") return text(caller_.source_identity);
  if (key == "aws:federatedprovider") return text(caller_.provider);
  if (key == "aws:resourceaccount")
    return text(asked_.resource_account.empty() ? caller_.account : asked_.resource_account);
  if (key == "aws:principalisawsservice") return one("false");
  if (key == "aws:viaawsservice")
    return one(text_of(facts_.header && facts_.header(platform::kViaServiceField)));
  if (key == "aws:multifactorauthpresent") return caller_.temporary ? one("false") : Slot{};
  if (key == "aws:tokenissuetime")
    return caller_.issued ? one(format_iso8601(*caller_.issued)) : Slot{};
  if (key == "aws:tagkeys") {
    if (!asked_.input) return Slot{};
    Slot slot{true, request_tag_keys(*asked_.input)};
    for (auto& [name, value] : request_tags(*asked_.input)) slot.values.push_back(std::move(name));
    return slot;
  }
  const std::string_view before = before_tag(key), name = key.substr(before.size());
  if (before == "aws:principaltag/")
    return caller_.tags ? Slot{true, tag_value(*caller_.tags, name)} : Slot{};
  if (before == "aws:requesttag/")
    return asked_.input ? Slot{true, tag_value(request_tags(*asked_.input), name)} : Slot{};
  if (before == "aws:resourcetag/") return resource_tag(name);
  return std::nullopt;
}

std::optional<RequestConditions::Slot> RequestConditions::service_key(std::string_view key) const {
  const std::size_t colon = key.find(':');
  const std::string_view prefix = key.substr(0, colon);
  constexpr std::string_view kRoleTag = "iam:resourcetag/", kSts = "sts:";
  if (key.starts_with(kRoleTag) && asked_.action.starts_with(kSts))
    return resource_tag(key.substr(kRoleTag.size()));
  if (colon == key.npos || !asked_.action.starts_with(key.substr(0, colon + 1)))
    return std::nullopt;
  const bool listed = asked_.rule && api::lists_condition_key(asked_.rule->condition_keys, key);
  const std::string_view before = before_tag(key);
  if (before == "s3:buckettag/" || before == "sagemaker:resourcetag/" ||
      before == "iam:resourcetag/" || (before == "s3:existingobjecttag/" && listed))
    return resource_tag(key.substr(before.size()));
  const std::string_view name = key.substr(colon + 1);
  std::optional<std::vector<std::string>> values;
  if (prefix == "s3" && (listed || !asked_.rule))
    values = s3_key_values(name, asked_, facts_, caller_.account);
  if (prefix == "sagemaker")
    values = sagemaker_key_values(name, asked_, facts_.region, caller_.account);
  if (!values) return std::nullopt;
  return Slot{true, *std::move(values)};
}

RequestConditions::Slot RequestConditions::resource_tag(std::string_view name) const {
  const std::string_view prefix = asked_.action.substr(0, asked_.action.find(':'));
  // PassRole and AssumeRole are on roles, whoever asks.
  const auto source = tags_.find(prefix == "sts" ? std::string_view("iam") : prefix);
  if (source == tags_.end()) return {false, {}};
  const auto tags = source->second(asked_.resource);
  if (!tags) return {false, {}};
  return {true, tag_value(*tags, name)};
}

}  // namespace tidemill::services::iam

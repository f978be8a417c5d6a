// Condition keys of S3, and the tags that requests of every service carry.
#include <algorithm>
#include <initializer_list>
#include <iterator>

#include "base/encoding.h"
#include "services/iam/authorization/request_conditions.h"
#include "services/iam/authorization/s3_actions.h"
#include "services/iam/policy_language/wildcard.h"

namespace tidemill::services::iam {
namespace {

using Values = std::vector<std::string>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

struct MemberKey {
  std::string_view name;    // after "s3:"
  std::string_view member;  // of the input
};
constexpr MemberKey kMembers[] = {
    {"prefix", "Prefix"},
    {"delimiter", "Delimiter"},
    {"max-keys", "MaxKeys"},
    {"versionid", "VersionId"},
};
constexpr std::string_view kHeaderKeys[] = {"if-match", "if-none-match"};
// Keys of uploads. There is no object lock here, but a request may still ask for it.
constexpr std::string_view kObjectLock = "object-lock-";
constexpr std::string_view kAmz = "x-amz-";
constexpr std::string_view kCopySource = "x-amz-copy-source";
constexpr std::string_view kOthers[] = {
    "authtype",        "locationconstraint", "objectcreationoperation", "requestobjecttagkeys",
    "resourceaccount", "signatureage",       "signatureversion",        "tlsversion"};

std::optional<std::string> scalar(const Value* value) {
  if (!value) return std::nullopt;
  if (const std::string* text = value->as_string()) return *text;
  if (const auto* number = value->get_if<std::int64_t>()) return std::to_string(*number);
  return std::nullopt;
}

Values one_of(std::optional<std::string> value) {
  return value ? Values{*std::move(value)} : Values();
}

// The first of the members that is there.
std::string member_text(const Value& object, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (const Value* found = object.find(name))
      return found->as_string() ? *found->as_string() : std::string();
  return {};
}

// [{"Key": "a", "Value": "b"}], KMS's [{"TagKey": "a", "TagValue": "b"}], {"a": "b"} or "a=b&c=d".
void add_tags(const Value& tags, Pairs& out) {
  if (const ValueList* list = tags.as_list()) {
    for (const Value& each : *list)
      if (each.as_object())
        out.emplace_back(member_text(each, {"Key", "key", "TagKey", "tagKey"}),
                         member_text(each, {"Value", "value", "TagValue", "tagValue"}));
  } else if (const Value* set = tags.find("TagSet")) {
    add_tags(*set, out);
  } else if (const ValueObject* map = tags.as_object()) {
    for (const auto& [key, value] : *map)
      if (value.as_string()) out.emplace_back(key, *value.as_string());
  } else if (const std::string* text = tags.as_string()) {
    std::string_view rest = *text;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('&'), rest.size());
      const std::string_view pair = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const std::size_t equals = std::min(pair.find('='), pair.size());
      const auto decoded = [](std::string_view part) {
        return percent_decode(part, true).value_or(std::string(part));
      };
      out.emplace_back(decoded(pair.substr(0, equals)),
                       decoded(pair.substr(std::min(equals + 1, pair.size()))));
    }
  }
}

Values tag_keys(const Pairs& tags) {
  Values keys;
  keys.reserve(tags.size());
  for (const auto& [key, value] : tags) keys.push_back(key);
  return keys;
}

// Taken from the operation's input, since presigned URLs carry headers in their query, too; else
// from the headers themselves.
std::optional<std::string> header_value(std::string_view name, const AskedAction& asked,
                                        const RequestFacts& facts) {
  if (asked.input && asked.operation && asked.operation->input)
    for (const schema::Member& member : asked.operation->input->members)
      if (member.location == schema::Location::header && ascii_lower(member.wire_name) == name)
        if (std::optional<std::string> value = scalar(asked.input->find(member.name))) return value;
  const std::string* value = facts.header ? facts.header(name) : nullptr;
  return value ? std::optional(*value) : std::nullopt;
}

Values header_values(std::string_view name, const AskedAction& asked, const RequestFacts& facts) {
  std::optional<std::string> value = header_value(name, asked, facts);
  if (!value || name != kCopySource) return one_of(std::move(value));
  // Policies name it with and without a slash before it.
  const std::string path = copy_source_path(*value);
  return {path, "/" + path};
}

// The operations that write an object whole, in the words of AWS.
bool creates_object(std::string_view operation) {
  return operation == "PutObject" || operation == "CopyObject" ||
         operation == "CreateMultipartUpload" || operation == "CompleteMultipartUpload";
}

}  // namespace

bool is_s3_key(std::string_view name) {
  constexpr std::string_view kTag = "requestobjecttag/", kExisting = "existingobjecttag/";
  return std::ranges::find(kMembers, name, &MemberKey::name) != std::end(kMembers) ||
         std::ranges::find(kHeaderKeys, name) != std::end(kHeaderKeys) ||
         std::ranges::find(kOthers, name) != std::end(kOthers) || name.starts_with(kAmz) ||
         name.starts_with(kObjectLock) || name.starts_with(kTag) || name.starts_with(kExisting);
}

std::optional<Values> s3_key_values(std::string_view name, const AskedAction& asked,
                                    const RequestFacts& facts, std::string_view account) {
  for (const MemberKey& key : kMembers)
    if (key.name == name)
      return one_of(scalar(asked.input ? asked.input->find(key.member) : nullptr));
  if (name.starts_with(kAmz) || std::ranges::find(kHeaderKeys, name) != std::end(kHeaderKeys))
    return header_values(name, asked, facts);
  if (name.starts_with(kObjectLock))
    return header_values(std::string(kAmz) + std::string(name), asked, facts);
  if (name == "authtype")
    return facts.authentication.empty() ? Values() : Values{std::string(facts.authentication)};
  if (name == "signatureversion")
    return facts.signature_version.empty() ? Values()
                                           : Values{std::string(facts.signature_version)};
  if (name == "tlsversion")
    return facts.tls_version.empty() ? Values() : Values{std::string(facts.tls_version)};
  if (name == "signatureage") {
    if (!facts.signed_at) return Values();
    const std::int64_t age = facts.received.microseconds - facts.signed_at->microseconds;
    return Values{std::to_string(std::max<std::int64_t>(age, 0) / 1000)};
  }
  if (name == "resourceaccount") return Values{std::string(account)};
  if (name == "objectcreationoperation")
    return Values{asked.operation && creates_object(asked.operation->name) ? "true" : "false"};
  if (name == "locationconstraint") {
    const Value* settings = asked.input ? asked.input->find("CreateBucketConfiguration") : nullptr;
    return one_of(scalar(settings ? settings->find("LocationConstraint") : nullptr));
  }
  if (name == "requestobjecttagkeys")
    return asked.input ? tag_keys(request_tags(*asked.input)) : Values();
  constexpr std::string_view kTag = "requestobjecttag/";
  if (name.starts_with(kTag)) {
    Values found;
    if (asked.input)
      for (const auto& [key, value] : request_tags(*asked.input))
        if (key.size() == name.size() - kTag.size() &&
            std::ranges::equal(key, name.substr(kTag.size()), [](char a, char b) {
              return (a >= 'A' && a <= 'Z' ? char(a + 32) : a) == b;
            }))
          found.push_back(value);
    return found;
  }
  return std::nullopt;
}

Pairs request_tags(const Value& input) {
  Pairs out;
  for (std::string_view member : {"Tags", "tags", "Tagging", "TagsList"})
    if (const Value* tags = input.find(member)) add_tags(*tags, out);
  if (const Value* settings = input.find("CreateBucketConfiguration"))
    if (const Value* tags = settings->find("Tags")) add_tags(*tags, out);
  return out;
}

Values request_tag_keys(const Value& input) {
  Values out;
  // UntagLogGroup's tags are keys alone.
  for (std::string_view member : {"TagKeys", "tagKeys", "tags"}) {
    const Value* keys = input.find(member);
    if (!keys || !keys->as_list()) continue;
    for (const Value& key : *keys->as_list())
      if (key.as_string()) out.push_back(*key.as_string());
  }
  return out;
}

}  // namespace tidemill::services::iam

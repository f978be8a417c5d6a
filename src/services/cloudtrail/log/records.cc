#include "services/cloudtrail/log/records.h"

#include "base/checksum.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/json.h"
#include "services/cloudtrail/event/event_text.h"

namespace tidemill::services::cloudtrail {
namespace {

std::string text_of(const Value* value) {
  return value && value->as_string() ? *value->as_string() : std::string();
}

std::vector<std::string> index_keys(const StoredEvent& event) {
  std::vector<std::string> keys;
  for (const Attribute& attribute : event_attributes(event.text))
    keys.push_back(attribute_prefix(event.account, event.region, attribute));
  return keys;
}

}  // namespace

TIDEMILL_RECORD_CODEC(StoredEvent)
TIDEMILL_RECORD_CODEC(ChainHead)
TIDEMILL_RECORD_CODEC(Checkpoint)
TIDEMILL_RECORD_CODEC(SigningKeyRecord)

const store::Table<StoredEvent>& events_table() {
  static const store::Table<StoredEvent> table{
      "cloudtrail_events", {{"by_attribute", index_keys}}, &invariant};
  return table;
}

const store::Table<ChainHead>& heads_table() {
  static const store::Table<ChainHead> table{"cloudtrail_heads", {}, &invariant};
  return table;
}

const store::Table<Checkpoint>& checkpoints_table() {
  static const store::Table<Checkpoint> table{"cloudtrail_checkpoints", {}, &invariant};
  return table;
}

const store::Table<SigningKeyRecord>& keys_table() {
  static const store::Table<SigningKeyRecord> table{"cloudtrail_keys", {}, &invariant};
  return table;
}

std::string_view invariant(const StoredEvent& event) {
  if (event.text.empty()) return "an event must have a text";
  if (event.previous.size() != kFirstHash.size() || event.hash.size() != kFirstHash.size())
    return "an event must have its hash and the previous one";
  return {};
}

std::string_view invariant(const ChainHead& head) {
  if (head.deleted_position > head.position)
    return "the deleted position must not be after the last one";
  return {};
}

std::string_view invariant(const Checkpoint& checkpoint) {
  if (checkpoint.position == 0 || checkpoint.hash.empty())
    return "a checkpoint must have a position and a hash";
  if (checkpoint.key_fingerprint.empty() || checkpoint.signature.empty())
    return "a checkpoint must be signed";
  return {};
}

std::string_view invariant(const SigningKeyRecord& key) {
  if (key.fingerprint.empty()) return "a key must have a fingerprint";
  if (key.private_key_pem.empty() || key.public_key_der.empty())
    return "a key must have a private and a public half";
  return {};
}

std::string chain_hash(std::string_view previous, std::uint64_t position,
                       const StoredEvent& event) {
  const std::unique_ptr<Checksum> sum = Checksum::make(ChecksumAlgorithm::sha256);
  const std::string number = std::to_string(position);
  for (const std::string_view part :
       {previous, std::string_view(number), std::string_view(event.account),
        std::string_view(event.region)}) {
    sum->update(part);
    sum->update(std::string_view("\n"));
  }
  sum->update(std::string_view(event.text));
  return encode_hex(sum->digest());
}

std::string checkpoint_text(const Checkpoint& checkpoint) {
  return std::to_string(checkpoint.position) + "\n" + checkpoint.hash + "\n" +
         format_iso8601(checkpoint.time);
}

std::vector<Attribute> event_attributes(std::string_view text) {
  const Result<Value> event = parse_json(text);
  if (!event || !event->as_object()) return {};
  std::vector<Attribute> attributes{{"All", ""}};
  auto add = [&](const char* name, std::string value) {
    if (!value.empty()) attributes.push_back({name, std::move(value)});
  };
  add("EventId", text_of(event->find("eventID")));
  add("EventName", text_of(event->find("eventName")));
  add("EventSource", text_of(event->find("eventSource")));
  if (const Value* read_only = event->find("readOnly"))
    if (const bool* flag = read_only->get_if<bool>()) add("ReadOnly", *flag ? "true" : "false");
  if (const Value* identity = event->find("userIdentity")) {
    add("AccessKeyId", text_of(identity->find("accessKeyId")));
    add("Username", user_name(text_of(identity->find("arn"))));
  }
  const Value* resources = event->find("resources");
  if (resources && resources->as_list())
    for (const Value& resource : *resources->as_list()) {
      add("ResourceType", text_of(resource.find("type")));
      add("ResourceName", resource_name(text_of(resource.find("ARN"))));
    }
  // Two resources may be of one type.
  std::vector<Attribute> unique;
  for (Attribute& attribute : attributes) {
    bool seen = false;
    for (const Attribute& other : unique)
      seen = seen || (other.name == attribute.name && other.value == attribute.value);
    if (!seen) unique.push_back(std::move(attribute));
  }
  return unique;
}

std::string attribute_prefix(std::string_view account, std::string_view region,
                             const Attribute& attribute) {
  return store::key({account, region, attribute.name, attribute.value, ""});
}

}  // namespace tidemill::services::cloudtrail

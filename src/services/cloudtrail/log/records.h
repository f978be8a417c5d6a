// The audit log's records in the store: events in one chain of hashes, and signed checkpoints of
// the chain.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/describe.h"
#include "store/table.h"

namespace tidemill::services::cloudtrail {

// Hexadecimal SHA-256. The chain begins with this in place of a previous record's hash.
inline constexpr std::string_view kFirstHash =
    "0000000000000000000000000000000000000000000000000000000000000000";

struct StoredEvent {
  std::string account, region;
  Timestamp time;
  std::string text;      // the event as JSON
  std::string previous;  // hash of the record before this one
  std::string hash;      // chain_hash()
};
TIDEMILL_RECORD(StoredEvent, (), (account, region, time, text, previous, hash))

// The last record, written with each batch of records.
struct ChainHead {
  std::uint64_t position = 0;  // 0: no record yet
  std::string hash = std::string(kFirstHash);
  // The newest record that retention has deleted; the chain of what is left begins after it.
  std::uint64_t deleted_position = 0;
  std::string deleted_hash = std::string(kFirstHash);
};
TIDEMILL_RECORD(ChainHead, (), (position, hash, deleted_position, deleted_hash))

// A signed statement that the record at `position` had `hash`: who rewrites the chain cannot make
// these without the key.
struct Checkpoint {
  std::uint64_t position = 0;
  std::string hash;
  Timestamp time;
  std::string key_fingerprint;
  std::string signature;  // hexadecimal, of checkpoint_text()
};
TIDEMILL_RECORD(Checkpoint, (), (position, hash, time, key_fingerprint, signature))

struct SigningKeyRecord {
  std::string fingerprint;
  std::string private_key_pem;
  std::string public_key_der;  // base64 of a PKCS #1 RSAPublicKey
  Timestamp valid_from, valid_until;
};
TIDEMILL_RECORD(SigningKeyRecord, (),
                (fingerprint, private_key_pem, public_key_der, valid_from, valid_until))

// Why a record breaks its invariant (store/invariant.h), "" when it does not.
std::string_view invariant(const StoredEvent& event);
std::string_view invariant(const ChainHead& head);
std::string_view invariant(const Checkpoint& checkpoint);
std::string_view invariant(const SigningKeyRecord& key);

// Keys: positions (store/position_key.h). Index by_attribute: account, region, an attribute's name
// and its value (event_attributes()); "All" with an empty value lists every event.
const store::Table<StoredEvent>& events_table();
// One row: kHeadKey.
const store::Table<ChainHead>& heads_table();
inline constexpr std::string_view kHeadKey = "head";
// Keys: positions.
const store::Table<Checkpoint>& checkpoints_table();
// Keys: fingerprints.
const store::Table<SigningKeyRecord>& keys_table();

// hex(SHA-256(previous "\n" position "\n" account "\n" region "\n" text)).
std::string chain_hash(std::string_view previous, std::uint64_t position, const StoredEvent& event);
// The text that a checkpoint's signature covers.
std::string checkpoint_text(const Checkpoint& checkpoint);

struct Attribute {
  std::string name, value;
};
// The attributes by which LookupEvents finds an event, out of its text; several ResourceNames and
// ResourceTypes. Empty for text that is not an event.
std::vector<Attribute> event_attributes(std::string_view text);
std::string attribute_prefix(std::string_view account, std::string_view region,
                             const Attribute& attribute);

}  // namespace tidemill::services::cloudtrail

// Digest files: each names the files since the last one with their hashes, and the last digest with
// its signature.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
#include "base/checksum.h"
#include "base/encoding.h"
#include "base/json.h"
#include "services/cloudtrail/delivery/delivery.h"
#include "services/cloudtrail/delivery/file_names.h"
#include "services/cloudtrail/log/signing_key.h"

namespace tidemill::services::cloudtrail {
namespace {

Timestamp whole_seconds(Timestamp time) { return {time.microseconds / 1'000'000 * 1'000'000}; }

Value text_or_null(const std::string& text) { return text.empty() ? Value() : Value(text); }

Value file_entry(const DeliveredFile& file) {
  ValueObject entry;
  entry.append("s3Bucket", file.bucket);
  entry.append("s3Object", file.key);
  entry.append("hashValue", file.hash);
  entry.append("hashAlgorithm", "SHA-256");
  entry.append("newestEventTime", format_iso8601(whole_seconds(file.newest)));
  entry.append("oldestEventTime", format_iso8601(whole_seconds(file.oldest)));
  return entry;
}

std::string digest_text(const TrailRecord& trail, const DigestState& state, const std::string& key,
                        Timestamp end, const std::string& fingerprint) {
  ValueObject digest;
  digest.append("awsAccountId", trail.account);
  digest.append("digestStartTime", format_iso8601(whole_seconds(state.begun)));
  digest.append("digestEndTime", format_iso8601(whole_seconds(end)));
  digest.append("digestS3Bucket", trail.bucket);
  digest.append("digestS3Object", key);
  digest.append("digestPublicKeyFingerprint", fingerprint);
  digest.append("digestSignatureAlgorithm", kSignatureAlgorithm);
  std::optional<Timestamp> oldest, newest;
  ValueList files;
  for (const DeliveredFile& file : state.files) {
    if (!oldest || file.oldest < *oldest) oldest = file.oldest;
    if (!newest || file.newest > *newest) newest = file.newest;
    files.push_back(file_entry(file));
  }
  digest.append("newestEventTime",
                newest ? Value(format_iso8601(whole_seconds(*newest))) : Value());
  digest.append("oldestEventTime",
                oldest ? Value(format_iso8601(whole_seconds(*oldest))) : Value());
  digest.append("previousDigestS3Bucket", text_or_null(state.previous_bucket));
  digest.append("previousDigestS3Object", text_or_null(state.previous_key));
  digest.append("previousDigestHashValue", text_or_null(state.previous_hash));
  digest.append("previousDigestHashAlgorithm",
                state.previous_hash.empty() ? Value() : Value("SHA-256"));
  digest.append("previousDigestSignature", text_or_null(state.previous_signature));
  digest.append("logFiles", std::move(files));
  return write_json(digest);
}

}  // namespace

Result<void> TrailDelivery::write_digest(const TrailRecord& trail, DigestState& state,
                                         Timestamp end) {
  const SigningKeyRecord key = TRY(parts_.service.signing_key());
  const std::string name = digest_file_key(trail, state.region, end);
  const std::string text = digest_text(trail, state, name, end, key.fingerprint);
  const std::string hash = encode_hex(checksum_of(ChecksumAlgorithm::sha256, text));
  const std::string signature = TRY(sign(
      key, format_iso8601(whole_seconds(end)) + "\n" + trail.bucket + "/" + name + "\n" + hash +
               "\n" + (state.previous_signature.empty() ? "null" : state.previous_signature)));
  const std::string bytes = TRY(gzip(text));
  TRY(put(trail, name, bytes,
          {{"signature", signature}, {"signature-algorithm", std::string(kSignatureAlgorithm)}}));
  state.begun = end;
  state.files.clear();
  state.previous_bucket = trail.bucket;
  state.previous_key = name;
  state.previous_hash = hash;
  state.previous_signature = signature;
  return {};
}

Result<void> TrailDelivery::write_digests(const TrailRecord& trail) {
  store::Scan scan;
  scan.prefix = store::key({trail.account, trail.region, trail.name, ""});
  std::vector<store::Versioned<DigestState>> states;
  do {
    store::RecordPage<DigestState> page = TRY(digests_table().scan(parts_.store, scan));
    for (auto& row : page.records) states.push_back(std::move(row));
    scan.after = page.next;
  } while (!scan.after.empty());
  // The home region has digests from the beginning, also without events.
  bool has_home = false;
  for (const auto& state : states) has_home = has_home || state.record.region == trail.region;
  if (!has_home && trail.logging) {
    std::uint64_t version = 0;
    DigestState home = TRY(digest_state(trail, trail.region, version));
    states.push_back({std::move(home), version});
  }
  const Timestamp now = parts_.clock.now();
  for (auto& [state, version] : states) {
    if (!trail.logging && state.files.empty()) continue;
    for (int written = 0; state.begun + parts_.digest_interval <= now; ++written) {
      const bool last = written + 1 >= kDigestsAtOnceMax;
      TRY(write_digest(trail, state,
                       last ? whole_seconds(now) : state.begun + parts_.digest_interval));
      store::Transaction transaction;
      digests_table().put(transaction, digest_key(state), state, version);
      TRY(parts_.store.commit(std::move(transaction)));
      ++version;
      TRY(parts_.service.change_trail(trail.account, trail.region, trail.name,
                                      [&](TrailRecord& record) -> Result<void> {
                                        record.last_digest = now;
                                        return {};
                                      }));
    }
  }
  return {};
}

}  // namespace tidemill::services::cloudtrail

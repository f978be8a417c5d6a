#include "services/kms/common/root_key_file.h"

#include "base/cipher.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/text_file.h"

namespace tidemill::services::kms {

TIDEMILL_RECORD_CODEC(RootKeyMark)

namespace {

constexpr std::string_view kWhat = "the root encryption key";
constexpr std::string_view kMarkKey = "root";
constexpr std::string_view kMember = "Key";

Result<std::string> parse(const std::filesystem::path& path, std::string_view text) {
  const Result<Value> json = parse_json(text);
  const Value* member = json ? json->find(kMember) : nullptr;
  if (member && member->as_string())
    if (Result<std::string> key = decode_base64(*member->as_string());
        key && key->size() == kCipherKeyBytes)
      return key;
  return fail(codes::kCorrupt, std::string(kWhat) + " " + path.string() +
                                   " is damaged; restore it from a backup: what is encrypted in "
                                   "this data folder cannot be read without it");
}

}  // namespace

const store::Table<RootKeyMark>& root_key_marks_table() {
  static const store::Table<RootKeyMark> kTable{
      "kms_root_key", {}, [](const RootKeyMark& mark) -> std::string_view {
        return mark.fingerprint.empty() ? "the mark is a fingerprint" : "";
      }};
  return kTable;
}

Result<RootKeyFile> RootKeyFile::open(const std::filesystem::path& path, store::Store& store,
                                      Random& random) {
  const auto mark = TRY(root_key_marks_table().get(store, kMarkKey));
  Result<std::string> text = read_secret_file(path);
  if (!text && (text.error().code != codes::kNotFound || mark)) {
    if (text.error().code == codes::kNotFound)
      return fail(codes::kInvalid,
                  std::string(kWhat) + " " + path.string() +
                      " is missing; restore it from a backup: what is encrypted in this data "
                      "folder cannot be read without it");
    return std::unexpected(text.error());
  }
  std::string key;
  if (text) {
    key = TRY(parse(path, *text));
  } else {
    key = random_bytes(random, kCipherKeyBytes);
    ValueObject object;
    object.append(std::string(kMember), encode_base64(key));
    TRY(write_file_durably(path, write_json_pretty(Value(std::move(object))) + "\n", 0600));
  }
  RootKeyFile file(std::move(key));
  const std::string fingerprint = encode_hex(file.derive("fingerprint")).substr(0, 32);
  if (mark && mark->record.fingerprint != fingerprint)
    return fail(codes::kInvalid, std::string(kWhat) + " " + path.string() +
                                     " is not the one with which this data folder was encrypted");
  if (!mark) {
    store::Transaction transaction;
    root_key_marks_table().put(transaction, std::string(kMarkKey), {fingerprint}, 0);
    TRY(store.commit(std::move(transaction)));
  }
  return file;
}

std::string RootKeyFile::derive(std::string_view purpose) const {
  return hmac_sha256(key_, "tidemill:" + std::string(purpose));
}

}  // namespace tidemill::services::kms

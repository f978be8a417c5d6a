#include "services/iam/root_key.h"

#include "base/json.h"
#include "base/text_file.h"

namespace tidemill::services::iam {
namespace {

Result<RootKey> parse(const std::filesystem::path& path, std::string_view text) {
  auto corrupt = [&] {
    return fail(codes::kCorrupt, "the root access key " + path.string() +
                                     " is damaged; restore it, or delete it to make a new key");
  };
  Result<Value> json = parse_json(text);
  if (!json) return corrupt();
  RootKey key;
  auto read = [&](const char* name, std::string& out) {
    const Value* value = json->find(name);
    if (!value || !value->as_string() || value->as_string()->empty()) return false;
    out = *value->as_string();
    return true;
  };
  if (!read("AccessKeyId", key.access_key_id) || !read("SecretAccessKey", key.secret_access_key) ||
      !read("Account", key.account))
    return corrupt();
  return key;
}

}  // namespace

std::string make_access_key_id(Random& random, std::string_view prefix) {
  return std::string(prefix) + make_token(random, 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
}

std::string make_secret_access_key(Random& random) {
  return make_token(random, 40, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
}

Result<RootKey> load_or_create_root_key(const std::filesystem::path& path, Random& random) {
  const Result<std::string> stored = read_secret_file(path);
  if (stored) return parse(path, *stored);
  if (stored.error().code != codes::kNotFound) return std::unexpected(stored.error());
  RootKey key;
  key.access_key_id = make_access_key_id(random, "AKIA");
  key.secret_access_key = make_secret_access_key(random);
  ValueObject object;
  object.append("AccessKeyId", key.access_key_id);
  object.append("SecretAccessKey", key.secret_access_key);
  object.append("Account", key.account);
  TRY(write_file_durably(path, write_json_pretty(Value(std::move(object))) + "\n", 0600));
  return key;
}

}  // namespace tidemill::services::iam

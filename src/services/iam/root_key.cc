#include "services/iam/root_key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/json.h"

namespace tidemill::services::iam {
namespace {

constexpr std::size_t kFileBytesMax = 4096;

std::unexpected<Error> io_error(const std::filesystem::path& path, const char* what) {
  return fail(codes::kIo, std::string("cannot ") + what + " the root access key " + path.string() +
                              ": " + std::strerror(errno));
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

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

Result<RootKey> load(const std::filesystem::path& path, const Descriptor& file) {
  struct stat status{};
  if (::fstat(file.number(), &status) != 0) return io_error(path, "read");
  if (status.st_mode & 077)
    return fail(codes::kInvalid, "the root access key " + path.string() +
                                     " may be read by others; run: chmod 600 " + path.string());
  std::string text(kFileBytesMax, '\0');
  const ssize_t count = ::read(file.number(), text.data(), text.size());
  if (count < 0) return io_error(path, "read");
  text.resize(std::size_t(count));
  return parse(path, text);
}

Result<void> write_durably(const std::filesystem::path& path, std::string_view text) {
  // Under another name first: a crash leaves either no key or a whole one.
  const std::filesystem::path draft = path.string() + ".new";
  ::unlink(draft.c_str());
  {
    Descriptor file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file.number() < 0) return io_error(path, "write");
    if (::fchmod(file.number(), 0600) != 0 ||
        ::write(file.number(), text.data(), text.size()) != ssize_t(text.size()) ||
        ::fsync(file.number()) != 0)
      return io_error(path, "write");
  }
  if (::rename(draft.c_str(), path.c_str()) != 0) return io_error(path, "write");
  const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
  Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.number() < 0 || ::fsync(directory.number()) != 0) return io_error(path, "write");
  return {};
}

}  // namespace

std::string make_access_key_id(Random& random, std::string_view prefix) {
  return std::string(prefix) + make_token(random, 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
}

std::string make_secret_access_key(Random& random) {
  return make_token(random, 40, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
}

Result<RootKey> load_or_create_root_key(const std::filesystem::path& path, Random& random) {
  {
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.number() >= 0) return load(path, file);
    if (errno != ENOENT) return io_error(path, "read");
  }
  RootKey key;
  key.access_key_id = make_access_key_id(random, "AKIA");
  key.secret_access_key = make_secret_access_key(random);
  ValueObject object;
  object.append("AccessKeyId", key.access_key_id);
  object.append("SecretAccessKey", key.secret_access_key);
  object.append("Account", key.account);
  TRY(write_durably(path, write_json_pretty(Value(std::move(object))) + "\n"));
  return key;
}

}  // namespace tidemill::services::iam

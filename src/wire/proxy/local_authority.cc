#include "wire/proxy/local_authority.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "wire/http.h"
#include "wire/proxy/aws_hosts.h"
#include "wire/proxy/certificates.h"
#include "wire/server/tls_session.h"

namespace tidemill::wire {
namespace {

constexpr std::size_t file_bytes_max = 16 * 1024;

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

std::unexpected<Error> io_error(const std::filesystem::path& path, const char* what) {
  return fail(codes::kIo, std::string("cannot ") + what + " the local certificate authority's " +
                              path.string() + ": " + std::strerror(errno));
}

// Empty when there is no such file. `secret`: nobody but the owner may read it.
Result<std::string> read_file(const std::filesystem::path& path, bool secret) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0 && errno == ENOENT) return std::string();
  struct stat status{};
  if (file.number() < 0 || ::fstat(file.number(), &status) != 0) return io_error(path, "read");
  if (secret && (status.st_mode & 077))
    return fail(codes::kInvalid, "the local certificate authority's key " + path.string() +
                                     " may be read by others; run: chmod 600 " + path.string());
  std::string text(file_bytes_max, '\0');
  const ssize_t count = ::read(file.number(), text.data(), text.size());
  if (count < 0) return io_error(path, "read");
  text.resize(std::size_t(count));
  return text;
}

// Under another name first: a crash leaves either no file or a whole one.
Result<void> write_durably(const std::filesystem::path& path, std::string_view text,
                           unsigned mode) {
  const std::string draft = path.string() + ".new";
  ::unlink(draft.c_str());
  {
    Descriptor file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (file.number() < 0 || ::fchmod(file.number(), mode) != 0 ||
        ::write(file.number(), text.data(), text.size()) != ssize_t(text.size()) ||
        ::fsync(file.number()) != 0)
      return io_error(path, "write");
  }
  if (::rename(draft.c_str(), path.c_str()) != 0) return io_error(path, "write");
  Descriptor folder(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.number() < 0 || ::fsync(folder.number()) != 0) return io_error(path, "write");
  return {};
}

}  // namespace

struct LocalAuthority::Keys {
  PrivateKey authority;
  Certificate certificate;
  PrivateKey host;  // one for all hosts, made anew at each start and never written
};

LocalAuthority::LocalAuthority(std::unique_ptr<Keys> keys, const Clock& clock)
    : keys_(std::move(keys)), clock_(clock) {}

LocalAuthority::~LocalAuthority() = default;

Result<std::unique_ptr<LocalAuthority>> LocalAuthority::load_or_create(
    const std::filesystem::path& folder, const Clock& clock) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  const std::filesystem::path key_path = folder / "authority-key.pem";
  const std::filesystem::path certificate_path = folder / "authority.pem";
  std::string key_text = TRY(read_file(key_path, true));
  std::string certificate_text = TRY(read_file(certificate_path, false));
  auto keys = std::make_unique<Keys>();
  // The key is written first, so a certificate without a key is no crash's doing.
  if (key_text.empty() && !certificate_text.empty())
    return fail(codes::kCorrupt, key_path.string() + " is missing; restore it, or delete " +
                                     certificate_path.string() + " to make a new authority");
  if (key_text.empty()) {
    keys->authority = TRY(make_private_key());
    key_text = TRY(private_key_pem(keys->authority));
    TRY(write_durably(key_path, key_text, 0600));
  } else {
    keys->authority = TRY(parse_private_key(key_text, key_path.string()));
  }
  if (!certificate_text.empty()) {
    keys->certificate = TRY(parse_certificate(certificate_text, certificate_path.string()));
    // Its ten years are over, or a clock that was set wrong made it. The key stays, and with it
    // what was signed; clients get the new certificate from `tidemill env`.
    if (belong_together(keys->certificate, keys->authority) &&
        !is_valid_at(keys->certificate, clock.now())) {
      log::warning("the local authority's certificate is not valid at this time: a new one is made",
                   {{"file", certificate_path.string()}});
      certificate_text.clear();
    }
  }
  if (certificate_text.empty()) {
    keys->certificate =
        TRY(make_authority_certificate(keys->authority, aws_domains(), clock.now()));
    certificate_text = TRY(pem_of(keys->certificate));
    TRY(write_durably(certificate_path, certificate_text, 0644));
  }
  if (!belong_together(keys->certificate, keys->authority))
    return fail(codes::kCorrupt, key_path.string() + " is not the key of " +
                                     certificate_path.string() +
                                     "; restore the right one, or delete both to make a new "
                                     "authority");
  keys->host = TRY(make_private_key());
  std::unique_ptr<LocalAuthority> authority(new LocalAuthority(std::move(keys), clock));
  authority->certificate_pem_ = std::move(certificate_text);
  authority->certificate_der_ = TRY(der_of(authority->keys_->certificate));
  return authority;
}

Result<std::shared_ptr<TlsContext>> LocalAuthority::context_for(std::string_view host) {
  if (!is_aws_host(host))
    return fail(codes::kInvalid, "'" + std::string(host) + "' is not a host name of AWS");
  const std::string name = lower_case(host);
  std::lock_guard lock(mutex_);
  if (auto found = by_host_.find(name); found != by_host_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    if (clock_.now() < recent_.front().renew_after) return recent_.front().context;
    by_host_.erase(found);
    recent_.pop_front();
  }
  std::shared_ptr<TlsContext> context = TRY(make_context(name));
  recent_.push_front({name, context, clock_.now() + host_certificate_time / 2});
  by_host_.emplace(recent_.front().host, recent_.begin());
  if (recent_.size() > host_certificates_max) {
    by_host_.erase(recent_.back().host);
    recent_.pop_back();
  }
  return context;
}

Result<std::shared_ptr<TlsContext>> LocalAuthority::make_context(const std::string& host) {
  const Certificate certificate = TRY(make_host_certificate(
      host, keys_->host, keys_->certificate, keys_->authority, clock_.now(),
      std::chrono::duration_cast<std::chrono::seconds>(host_certificate_time)));
  std::unique_ptr<TlsContext> made =
      TRY(TlsContext::for_host(host, certificate.get(), keys_->host.get()));
  return std::shared_ptr<TlsContext>(std::move(made));
}

}  // namespace tidemill::wire

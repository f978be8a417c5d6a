#include "wire/proxy/local_authority.h"

#include "base/log.h"
#include "base/text_file.h"
#include "wire/http.h"
#include "wire/proxy/aws_hosts.h"
#include "wire/proxy/certificates.h"
#include "wire/server/tls_session.h"

namespace tidemill::wire {
namespace {

// Empty when the file does not exist.
Result<std::string> text_or_nothing(Result<std::string> read) {
  if (!read && read.error().code == codes::kNotFound) return std::string();
  return read;
}

}  // namespace

struct LocalAuthority::Keys {
  PrivateKey authority;
  Certificate certificate;
  PrivateKey host;  // one for all hosts, new at each start, never stored
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
  std::string key_text = TRY(text_or_nothing(read_secret_file(key_path)));
  std::string certificate_text = TRY(text_or_nothing(read_text_file(certificate_path)));
  auto keys = std::make_unique<Keys>();
  // The key is written first, so no crash leaves a certificate without a key.
  if (key_text.empty() && !certificate_text.empty())
    return fail(codes::kCorrupt, key_path.string() + " is missing; restore it, or delete " +
                                     certificate_path.string() + " to make a new authority");
  if (key_text.empty()) {
    keys->authority = TRY(make_private_key());
    key_text = TRY(private_key_pem(keys->authority));
    TRY(write_file_durably(key_path, key_text, 0600));
  } else {
    keys->authority = TRY(parse_private_key(key_text, key_path.string()));
  }
  if (!certificate_text.empty()) {
    keys->certificate = TRY(parse_certificate(certificate_text, certificate_path.string()));
    // The certificate expired, or a clock that was set wrong made it. Keep the key, so that
    // signatures stay valid; clients get the new certificate from `tidemill env`.
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
    TRY(write_file_durably(certificate_path, certificate_text, 0644));
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

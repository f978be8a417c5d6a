#include "wire/proxy/certificates.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace tidemill::wire {
namespace {

constexpr std::chrono::hours authority_time{24 * 3652};
// Clients whose clock is behind ours trust what was made just now.
constexpr std::chrono::hours backdated_time{24};
constexpr int serial_bytes = 16;  // RFC 5280: at most 20

struct FreeMemory {
  void operator()(BIO* memory) const { BIO_free(memory); }
};
using Memory = std::unique_ptr<BIO, FreeMemory>;

std::unexpected<Error> openssl_failed(const std::string& what) {
  char text[256] = "unknown reason";
  if (unsigned long code = ERR_get_error()) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return fail(codes::kIo, "OpenSSL cannot " + what + ": " + text);
}

std::string text_of(const Memory& memory) {
  char* data = nullptr;
  const long count = BIO_get_mem_data(memory.get(), &data);
  return std::string(data, std::size_t(std::max(0L, count)));
}

bool add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  if (!extension) return false;
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

bool set_serial(X509* certificate) {
  unsigned char bytes[serial_bytes];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
  bytes[0] &= 0x7f;  // positive
  BIGNUM* number = BN_bin2bn(bytes, sizeof bytes, nullptr);
  const bool set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
  BN_free(number);
  return set;
}

bool set_times(X509* certificate, Timestamp from, Timestamp until) {
  auto seconds = [](Timestamp time) { return time_t(time.microseconds / 1'000'000); };
  return ASN1_TIME_set(X509_getm_notBefore(certificate), seconds(from)) &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), seconds(until));
}

bool add_name(X509_NAME* name, const char* field, const std::string& value) {
  return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(value.data()),
                                    int(value.size()), -1, 0) == 1;
}

// All but issuer, extensions and signature.
Certificate begin_certificate(const PrivateKey& key, const std::string& common_name, Timestamp now,
                              std::chrono::seconds lifetime) {
  Certificate certificate(X509_new());
  if (!certificate || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      !set_serial(certificate.get()) ||
      !set_times(certificate.get(), now + -backdated_time, now + lifetime) ||
      X509_set_pubkey(certificate.get(), key.get()) != 1)
    return nullptr;
  X509_NAME* name = X509_get_subject_name(certificate.get());
  if (!add_name(name, "O", "Tidemill") || !add_name(name, "CN", common_name)) return nullptr;
  return certificate;
}

}  // namespace

void FreePrivateKey::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }
void FreeCertificate::operator()(x509_st* certificate) const { X509_free(certificate); }

Result<PrivateKey> make_private_key() {
  PrivateKey key(EVP_EC_gen("P-256"));
  if (!key) return openssl_failed("make a key");
  return key;
}

Result<std::string> private_key_pem(const PrivateKey& key) {
  Memory memory(BIO_new(BIO_s_mem()));
  if (!memory || PEM_write_bio_PKCS8PrivateKey(memory.get(), key.get(), nullptr, nullptr, 0,
                                               nullptr, nullptr) != 1)
    return openssl_failed("write a key");
  return text_of(memory);
}

Result<PrivateKey> parse_private_key(std::string_view pem, const std::string& name) {
  Memory memory(BIO_new_mem_buf(pem.data(), int(pem.size())));
  PrivateKey key(PEM_read_bio_PrivateKey(memory.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (key) return key;
  return fail(codes::kCorrupt, name + " holds no private key; restore it");
}

Result<Certificate> make_authority_certificate(const PrivateKey& key,
                                               std::span<const std::string_view> domains,
                                               Timestamp now) {
  // The serial in the name keeps authorities of several servers apart in a list of trusted ones.
  unsigned char mark[4];
  if (RAND_bytes(mark, sizeof mark) != 1) return openssl_failed("make random bytes");
  char digits[9];
  std::snprintf(digits, sizeof digits, "%02x%02x%02x%02x", mark[0], mark[1], mark[2], mark[3]);
  Certificate certificate = begin_certificate(
      key, std::string("Tidemill local authority ") + digits, now, authority_time);
  if (!certificate) return openssl_failed("make a certificate");
  std::string permitted = "critical";
  for (std::string_view domain : domains) permitted += ",permitted;DNS:" + std::string(domain);
  X509* raw = certificate.get();
  if (X509_set_issuer_name(raw, X509_get_subject_name(raw)) != 1 ||
      !add_extension(raw, raw, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !add_extension(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add_extension(raw, raw, NID_subject_key_identifier, "hash") ||
      !add_extension(raw, raw, NID_name_constraints, permitted) ||
      X509_sign(raw, key.get(), EVP_sha256()) == 0)
    return openssl_failed("make a certificate");
  return certificate;
}

Result<Certificate> make_host_certificate(const std::string& host, const PrivateKey& key,
                                          const Certificate& authority,
                                          const PrivateKey& authority_key, Timestamp now,
                                          std::chrono::seconds lifetime) {
  // Host names are longer than a common name may be; clients look at the alternative name only.
  Certificate certificate = begin_certificate(key, "Tidemill", now, lifetime);
  if (!certificate) return openssl_failed("make a certificate");
  X509 *raw = certificate.get(), *issuer = authority.get();
  if (X509_set_issuer_name(raw, X509_get_subject_name(issuer)) != 1 ||
      !add_extension(raw, issuer, NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(raw, issuer, NID_key_usage, "critical,digitalSignature") ||
      !add_extension(raw, issuer, NID_ext_key_usage, "serverAuth") ||
      !add_extension(raw, issuer, NID_subject_key_identifier, "hash") ||
      !add_extension(raw, issuer, NID_authority_key_identifier, "keyid:always") ||
      !add_extension(raw, issuer, NID_subject_alt_name, "DNS:" + host) ||
      X509_sign(raw, authority_key.get(), EVP_sha256()) == 0)
    return openssl_failed("make a certificate for " + host);
  return certificate;
}

Result<std::string> pem_of(const Certificate& certificate) {
  Memory memory(BIO_new(BIO_s_mem()));
  if (!memory || PEM_write_bio_X509(memory.get(), certificate.get()) != 1)
    return openssl_failed("write a certificate");
  return text_of(memory);
}

Result<std::string> der_of(const Certificate& certificate) {
  Memory memory(BIO_new(BIO_s_mem()));
  if (!memory || i2d_X509_bio(memory.get(), certificate.get()) != 1)
    return openssl_failed("write a certificate");
  return text_of(memory);
}

Result<Certificate> parse_certificate(std::string_view pem, const std::string& name) {
  Memory memory(BIO_new_mem_buf(pem.data(), int(pem.size())));
  Certificate certificate(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (certificate) return certificate;
  return fail(codes::kCorrupt, name + " holds no certificate; restore it");
}

bool belong_together(const Certificate& certificate, const PrivateKey& key) {
  const bool together = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  return together;
}

bool is_valid_at(const Certificate& certificate, Timestamp time) {
  std::time_t seconds = time.microseconds / 1'000'000;
  return X509_cmp_time(X509_get0_notBefore(certificate.get()), &seconds) < 0 &&
         X509_cmp_time(X509_get0_notAfter(certificate.get()), &seconds) > 0;
}

}  // namespace tidemill::wire

// X.509 certificates and their keys, by OpenSSL.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

struct evp_pkey_st;
struct x509_st;

namespace tidemill::wire {

struct FreePrivateKey {
  void operator()(evp_pkey_st* key) const;
};
struct FreeCertificate {
  void operator()(x509_st* certificate) const;
};
using PrivateKey = std::unique_ptr<evp_pkey_st, FreePrivateKey>;
using Certificate = std::unique_ptr<x509_st, FreeCertificate>;

// On the curve P-256. Its randomness is OpenSSL's own, which no seed of ours can make repeatable.
Result<PrivateKey> make_private_key();
Result<std::string> private_key_pem(const PrivateKey& key);
// `name` is what the text is called in the error (Tidemill.Corrupt).
Result<PrivateKey> parse_private_key(std::string_view pem, const std::string& name);

// Signed by itself, good for ten years, and only for names at or below `domains`.
Result<Certificate> make_authority_certificate(const PrivateKey& key,
                                               std::span<const std::string_view> domains,
                                               Timestamp now);
Result<Certificate> make_host_certificate(const std::string& host, const PrivateKey& key,
                                          const Certificate& authority,
                                          const PrivateKey& authority_key, Timestamp now,
                                          std::chrono::seconds lifetime);
Result<std::string> pem_of(const Certificate& certificate);
Result<std::string> der_of(const Certificate& certificate);
Result<Certificate> parse_certificate(std::string_view pem, const std::string& name);
bool belong_together(const Certificate& certificate, const PrivateKey& key);
// Whether the time lies between its beginning and its end.
bool is_valid_at(const Certificate& certificate, Timestamp time);

}  // namespace tidemill::wire

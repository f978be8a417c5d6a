// What clients are given to trust: the certificates that the machine trusts already, and the local
// authority's.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "wire/proxy/local_authority.h"

namespace tidemill::server {

// The authority's own: in the data folder, the key readable by its owner only.
std::filesystem::path authority_folder(const std::filesystem::path& data);
// What anybody may read, jobs included. The files below lie in it.
std::filesystem::path trust_folder(const std::filesystem::path& data);
// PEM, for OpenSSL, Python, Go, curl and most others.
std::filesystem::path bundle_path(const std::filesystem::path& data);
// Without the machine's own, for clients that add to what they trust (Node).
std::filesystem::path authority_path(const std::filesystem::path& data);
// A Java key store, password kTrustStorePassword: it holds no secret.
std::filesystem::path trust_store_path(const std::filesystem::path& data);
inline constexpr const char* kTrustStorePassword = "changeit";
// JAVA_TOOL_OPTIONS for a caller whose proxy is `proxy`, "http://127.0.0.1:4566": Java reads no
// other variable for either.
std::string java_options(const std::filesystem::path& data, const std::string& proxy);

// Writes them when something that they are made of has changed since (the machine's own
// certificates, say), or one of them has. Takes some 20 ms then, else a fraction of one.
// SSL_CERT_FILE of this process, when set, stands for the machine's. `server_certificate` is the
// file of the server's own TLS certificate, which clients meet at its address; empty: there is
// none. Of that file, which may hold the key, too, only certificates are taken.
Result<void> write_trust_files(const std::filesystem::path& data,
                               const wire::LocalAuthority& authority,
                               const std::filesystem::path& server_certificate, Timestamp now);

}  // namespace tidemill::server

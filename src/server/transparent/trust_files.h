// Trust files for clients: the certificates that the machine already trusts plus the local
// authority's.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "wire/proxy/local_authority.h"

namespace tidemill::server {

// The authority's own files: in the data folder, with a key that only its owner can read.
std::filesystem::path authority_folder(const std::filesystem::path& data);
// The folder of the files below. Everybody may read it, jobs included.
std::filesystem::path trust_folder(const std::filesystem::path& data);
// PEM, for OpenSSL, Python, Go, curl and most other clients.
std::filesystem::path bundle_path(const std::filesystem::path& data);
// Without the machine's certificates: for clients that add to their trusted ones (Node).
std::filesystem::path authority_path(const std::filesystem::path& data);
// A Java key store with the password kTrustStorePassword: it holds no secret.
std::filesystem::path trust_store_path(const std::filesystem::path& data);
inline constexpr const char* kTrustStorePassword = "changeit";
// JAVA_TOOL_OPTIONS for a caller whose proxy is `proxy`, "http://127.0.0.1:4566": Java reads no
// other variable for proxy or trust store.
std::string java_options(const std::filesystem::path& data, const std::string& proxy);

// Writes the files when one of them or of their sources (such as the machine's certificates) has
// changed: about 20 ms, otherwise under 1 ms. If this process has SSL_CERT_FILE set, that file
// replaces the machine's certificates. `server_certificate` is the file of the server's own TLS
// certificate, which clients see at its address; empty: none. Only certificates are taken from that
// file, which may also hold the key.
Result<void> write_trust_files(const std::filesystem::path& data,
                               const wire::LocalAuthority& authority,
                               const std::filesystem::path& server_certificate, Timestamp now);

}  // namespace tidemill::server

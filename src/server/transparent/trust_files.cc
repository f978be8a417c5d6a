#include "server/transparent/trust_files.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/log.h"
#include "base/text_file.h"

namespace tidemill::server {
namespace {

namespace filesystem = std::filesystem;

constexpr std::size_t kBundleBytesMax = 16u << 20;
// Paths on Debian, Fedora, SUSE, Alpine and the BSDs.
constexpr const char* kSystemBundles[] = {"/etc/ssl/certs/ca-certificates.crt",
                                          "/etc/pki/tls/certs/ca-bundle.crt",
                                          "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

std::string text_of(const filesystem::path& path) {
  std::error_code error;
  const auto bytes = filesystem::file_size(path, error);
  if (error || bytes == 0 || bytes > kBundleBytesMax) return {};
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return file ? text.str() : std::string();
}

// The file of the machine's trusted certificates. Empty, with a warning, when there is none.
std::string find_system_bundle(const filesystem::path& own) {
  std::vector<std::string> candidates(std::begin(kSystemBundles), std::end(kSystemBundles));
  if (const char* chosen = std::getenv("SSL_CERT_FILE"); chosen && own != chosen)
    candidates.insert(candidates.begin(), chosen);
  for (std::string& path : candidates) {
    std::error_code error;
    const auto bytes = filesystem::file_size(path, error);
    if (!error && bytes > 0 && bytes <= kBundleBytesMax) return std::move(path);
  }
  log::warning(
      "no certificates of the machine were found, so clients in transparent mode trust "
      "AWS's names at this server and no other host; install ca-certificates");
  return {};
}

// Java refuses the whole key store for one certificate that it cannot read.
bool is_whole_sequence(std::string_view der) {
  constexpr std::size_t kHeadBytes = 4;
  if (der.size() < kHeadBytes || der[0] != '\x30' || der[1] != '\x82') return false;
  const std::size_t length =
      std::size_t(static_cast<unsigned char>(der[2])) << 8 | static_cast<unsigned char>(der[3]);
  return der.size() == kHeadBytes + length;
}

// In DER. Decoded from the text without parsing the certificates, which would take ten times as
// long.
std::vector<std::string> certificates_in(const std::string& pem) {
  std::vector<std::string> out;
  BIO* memory = BIO_new_mem_buf(pem.data(), int(pem.size()));
  char *name = nullptr, *header = nullptr;
  unsigned char* bytes = nullptr;
  long count = 0;
  while (PEM_read_bio(memory, &name, &header, &bytes, &count) == 1) {
    const std::string_view kind = name;
    std::string der(reinterpret_cast<char*>(bytes), std::size_t(count));
    if ((kind == PEM_STRING_X509 || kind == PEM_STRING_X509_OLD) && is_whole_sequence(der))
      out.push_back(std::move(der));
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(bytes);
  }
  BIO_free(memory);
  ERR_clear_error();  // the end of the text counts as an error
  return out;
}

// Only the certificates of a text that may also hold other things, such as a private key.
std::string only_certificates(const std::string& pem) {
  std::string out;
  BIO* memory = BIO_new_mem_buf(pem.data(), int(pem.size()));
  while (X509* certificate = PEM_read_bio_X509(memory, nullptr, nullptr, nullptr)) {
    BIO* written = BIO_new(BIO_s_mem());
    char* data = nullptr;
    if (PEM_write_bio_X509(written, certificate) == 1) {
      const long count = BIO_get_mem_data(written, &data);
      out.append(data, std::size_t(count));
    }
    BIO_free(written);
    X509_free(certificate);
  }
  BIO_free(memory);
  ERR_clear_error();  // the end of the text counts as an error
  return out;
}

void append_number(std::uint64_t number, int bytes, std::string& out) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(char(number >> shift));
}

void append_text(std::string_view text, std::string& out) {
  append_number(text.size(), 2, out);
  out += text;
}

// Java's own format, JKS: numbers in network order, entries, and a digest seeded with the password
// in UTF-16. Every Java since 1.2 reads it; PKCS #12 stores differ between versions.
std::string java_trust_store(const std::vector<std::string>& certificates, Timestamp now) {
  constexpr std::uint32_t kMagic = 0xfeedfeed, kVersion = 2, kTrustedCertificate = 2;
  std::string out;
  append_number(kMagic, 4, out);
  append_number(kVersion, 4, out);
  append_number(certificates.size(), 4, out);
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    append_number(kTrustedCertificate, 4, out);
    append_text("certificate-" + std::to_string(i), out);
    append_number(std::uint64_t(now.microseconds / 1000), 8, out);
    append_text("X.509", out);
    append_number(certificates[i].size(), 4, out);
    out += certificates[i];
  }
  std::string digested;
  for (const char* c = kTrustStorePassword; *c; ++c) {
    digested.push_back('\0');
    digested.push_back(*c);
  }
  digested += "Mighty Aphrodite";
  digested += out;
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(digested.data()), digested.size(), digest);
  out.append(reinterpret_cast<const char*>(digest), sizeof digest);
  return out;
}

}  // namespace

filesystem::path authority_folder(const filesystem::path& data) { return data / "authority"; }
filesystem::path trust_folder(const filesystem::path& data) { return data / "trust"; }
filesystem::path bundle_path(const filesystem::path& data) {
  return trust_folder(data) / "bundle.pem";
}
filesystem::path authority_path(const filesystem::path& data) {
  return trust_folder(data) / "authority.pem";
}
filesystem::path trust_store_path(const filesystem::path& data) {
  return trust_folder(data) / "truststore.jks";
}

std::string java_options(const filesystem::path& data, const std::string& proxy) {
  const std::string place = proxy.substr(std::min(proxy.size(), proxy.find("://") + 3));
  const std::string host = place.substr(0, place.rfind(':'));
  const std::string port = proxy.substr(proxy.rfind(':') + 1);
  // Java splits the variable at spaces, except inside quotes.
  auto option = [](const std::string& name, const std::string& value) {
    const bool quoted = value.find_first_of(" \t'") != value.npos;
    return "-D" + name + "=" + (quoted ? "\"" + value + "\"" : value);
  };
  return option("javax.net.ssl.trustStore", trust_store_path(data).string()) + " " +
         option("javax.net.ssl.trustStorePassword", kTrustStorePassword) + " " +
         option("javax.net.ssl.trustStoreType", "JKS") + " " + option("https.proxyHost", host) +
         " " + option("https.proxyPort", port) + " " +
         option("http.nonProxyHosts", "localhost|127.*|[::1]");
}

namespace {

// A stamp of the sources and the written files: while it is unchanged, the files stay.
std::string stamp_of(const filesystem::path& data, const wire::LocalAuthority& authority,
                     const std::string& system_bundle, const filesystem::path& server_certificate) {
  constexpr const char* kFormat = "tidemill trust files, format 1\n";
  std::string stamp = kFormat + authority.certificate_pem();
  for (const filesystem::path& path :
       {filesystem::path(system_bundle), server_certificate, bundle_path(data),
        authority_path(data), trust_store_path(data)}) {
    struct stat status{};
    const bool found = !path.empty() && ::stat(path.c_str(), &status) == 0;
    stamp += path.string();
    for (const long number :
         {long(found), long(status.st_dev), long(status.st_ino), long(status.st_size),
          long(status.st_mtim.tv_sec), long(status.st_mtim.tv_nsec)})
      stamp += " " + std::to_string(number);
    stamp += "\n";
  }
  return stamp;
}

}  // namespace

Result<void> write_trust_files(const filesystem::path& data, const wire::LocalAuthority& authority,
                               const filesystem::path& server_certificate, Timestamp now) {
  const std::string system_bundle = find_system_bundle(bundle_path(data));
  // Not in the folder that everybody may read, because it names paths of the machine.
  const filesystem::path stamp_path = authority_folder(data) / "trust-stamp";
  const auto stamp = [&] { return stamp_of(data, authority, system_bundle, server_certificate); };
  if (text_of(stamp_path) == stamp()) return {};
  std::error_code error;
  filesystem::create_directories(trust_folder(data), error);
  std::string bundle = system_bundle.empty() ? std::string() : text_of(system_bundle);
  if (!bundle.empty() && !bundle.ends_with('\n')) bundle += '\n';
  std::string own = authority.certificate_pem();
  if (!server_certificate.empty()) own += only_certificates(text_of(server_certificate));
  bundle += own;
  TRY(write_file_atomically(bundle_path(data), bundle, 0644));
  TRY(write_file_atomically(authority_path(data), own, 0644));
  TRY(write_file_atomically(trust_store_path(data), java_trust_store(certificates_in(bundle), now),
                            0644));
  return write_file_atomically(stamp_path, stamp(), 0600);
}

}  // namespace tidemill::server

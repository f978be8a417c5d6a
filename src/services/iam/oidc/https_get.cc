#include "services/iam/oidc/https_get.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <strings.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "base/encoding.h"
#include "base/openssl.h"

namespace tidemill::services::iam {
namespace {

constexpr std::chrono::seconds kConnectingMax{3};
// A provider is asked for two documents, one after the other.
constexpr std::chrono::seconds kTotalMax{5};
constexpr std::size_t kDocumentBytesMax = 64u << 10;

struct Document {
  std::string bytes;
  bool too_long = false;
};

std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* to) {
  auto& document = *static_cast<Document*>(to);
  document.too_long = document.bytes.size() + size * count > kDocumentBytesMax;
  if (document.too_long) return 0;  // makes curl end the transfer
  document.bytes.append(bytes, size * count);
  return size * count;
}

std::string thumbprint_of(const X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int bytes = 0;
  if (X509_digest(certificate, EVP_sha1(), digest, &bytes) != 1) return {};
  return encode_hex({reinterpret_cast<const char*>(digest), bytes});
}

bool is_known(const X509* certificate, const std::vector<std::string>& thumbprints) {
  const std::string own = thumbprint_of(certificate);
  return !own.empty() && std::ranges::any_of(thumbprints, [&](const std::string& known) {
    return ::strcasecmp(known.c_str(), own.c_str()) == 0;
  });
}

// Verifies the chain that the server sent, trusting those of its certificates whose thumbprints
// are known.
bool is_vouched_for(X509_STORE_CTX* asked, const std::vector<std::string>& thumbprints) {
  STACK_OF(X509)* chain = X509_STORE_CTX_get0_untrusted(asked);
  const OpenSslPointer<X509_STORE, X509_STORE_free> trusted(X509_STORE_new());
  const OpenSslPointer<X509_STORE_CTX, X509_STORE_CTX_free> verification(X509_STORE_CTX_new());
  if (!chain || !trusted || !verification) return false;
  bool any = false;
  for (int i = 0; i < sk_X509_num(chain); ++i)
    if (X509* certificate = sk_X509_value(chain, i); is_known(certificate, thumbprints))
      any |= X509_STORE_add_cert(trusted.get(), certificate) == 1;
  if (!any || X509_STORE_CTX_init(verification.get(), trusted.get(),
                                  X509_STORE_CTX_get0_cert(asked), chain) != 1)
    return false;
  // A thumbprint may be that of a certificate between the server's and its root.
  X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(verification.get()),
                              X509_V_FLAG_PARTIAL_CHAIN);
  return X509_verify_cert(verification.get()) == 1;
}

// curl compares the certificate's names with the URL's host itself.
int verify(X509_STORE_CTX* asked, void* thumbprints) {
  if (X509_verify_cert(asked) == 1) return 1;
  if (!is_vouched_for(asked, *static_cast<const std::vector<std::string>*>(thumbprints))) return 0;
  X509_STORE_CTX_set_error(asked, X509_V_OK);
  return 1;
}

CURLcode set_verification(CURL*, void* context, void* thumbprints) {
  SSL_CTX_set_cert_verify_callback(static_cast<SSL_CTX*>(context), &verify, thumbprints);
  return CURLE_OK;
}

}  // namespace

Result<std::string> https_get(const std::string& url, const std::vector<std::string>& thumbprints) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle(
      ready == CURLE_OK ? curl_easy_init() : nullptr, &curl_easy_cleanup);
  if (!handle) return fail("Tidemill.Io", "out of memory", 500);
  auto set = [&](CURLoption option, auto value) { curl_easy_setopt(handle.get(), option, value); };
  Document document;
  char reason[CURL_ERROR_SIZE] = {};
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, "Tidemill");
  set(CURLOPT_FAILONERROR, 1L);
  set(CURLOPT_CONNECTTIMEOUT, long(kConnectingMax.count()));
  set(CURLOPT_TIMEOUT, long(kTotalMax.count()));
  // Without it, curl waits at the end for a name server that does not answer.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, long(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_SSL_CTX_FUNCTION, &set_verification);
  set(CURLOPT_SSL_CTX_DATA, const_cast<void*>(static_cast<const void*>(&thumbprints)));
  set(CURLOPT_WRITEFUNCTION, &take_body);
  set(CURLOPT_WRITEDATA, &document);
  set(CURLOPT_ERRORBUFFER, reason);
  const CURLcode code = curl_easy_perform(handle.get());
  if (document.too_long) return fail("Tidemill.Io", url + " is too long a document", 500);
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
    return fail("Tidemill.Invalid", url + " is not an https URL", 400);
  if (code != CURLE_OK)
    return fail("Tidemill.Io",
                url + " cannot be fetched: " + (*reason ? reason : curl_easy_strerror(code)), 500);
  return std::move(document.bytes);
}

}  // namespace tidemill::services::iam

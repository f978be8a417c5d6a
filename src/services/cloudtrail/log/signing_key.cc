#include "services/cloudtrail/log/signing_key.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/checksum.h"
#include "base/encoding.h"
#include "base/openssl.h"

namespace tidemill::services::cloudtrail {
namespace {

using Key = OpenSslPointer<EVP_PKEY, EVP_PKEY_free>;
using Bio = OpenSslPointer<BIO, BIO_free_all>;
using DigestContext = OpenSslPointer<EVP_MD_CTX, EVP_MD_CTX_free>;

}  // namespace

Result<SigningKeyRecord> make_signing_key() {
  const Key key(EVP_RSA_gen(kKeyBits));
  if (!key) return openssl_error("make an RSA key");
  const Bio memory(BIO_new(BIO_s_mem()));
  if (!memory ||
      PEM_write_bio_PrivateKey(memory.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return openssl_error("write an RSA key");
  char* pem = nullptr;
  const long pem_size = BIO_get_mem_data(memory.get(), &pem);
  unsigned char* der = nullptr;
  const int der_size = i2d_PublicKey(key.get(), &der);
  if (der_size <= 0) return openssl_error("write a public key");
  const std::string public_key(reinterpret_cast<char*>(der), std::size_t(der_size));
  OPENSSL_free(der);
  SigningKeyRecord record;
  record.private_key_pem.assign(pem, std::size_t(pem_size));
  record.public_key_der = encode_base64(public_key);
  record.fingerprint = encode_hex(checksum_of(ChecksumAlgorithm::md5, public_key));
  return record;
}

Result<std::string> sign(const SigningKeyRecord& record, std::string_view text) {
  const Bio memory(
      BIO_new_mem_buf(record.private_key_pem.data(), int(record.private_key_pem.size())));
  const Key key(memory ? PEM_read_bio_PrivateKey(memory.get(), nullptr, nullptr, nullptr)
                       : nullptr);
  if (!key) return openssl_error("read the audit log's signing key");
  const DigestContext context(EVP_MD_CTX_new());
  std::size_t size = 0;
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes_of(text), text.size()) != 1)
    return openssl_error("sign");
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     bytes_of(text), text.size()) != 1)
    return openssl_error("sign");
  signature.resize(size);
  return encode_hex(signature);
}

bool verify_signature(std::string_view public_key_der, std::string_view text,
                      std::string_view signature) {
  const Result<std::string> der = decode_base64(public_key_der);
  const Result<std::string> bytes = decode_hex(signature);
  if (!der || !bytes) return false;
  const unsigned char* at = bytes_of(*der);
  const Key key(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, long(der->size())));
  const DigestContext context(EVP_MD_CTX_new());
  return key && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(*bytes), bytes->size(), bytes_of(text),
                          text.size()) == 1;
}

}  // namespace tidemill::services::cloudtrail

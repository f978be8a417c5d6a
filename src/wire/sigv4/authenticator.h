// Proves who sent a request by its signature: SigV4 in the Authorization header and in presigned
// URLs, and S3's SigV2. prepare_body (payload.h) completes the proof for the body.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/credential_source.h"
#include "base/error.h"
#include "base/value.h"
#include "wire/http.h"
#include "wire/sigv4/identity.h"
#include "wire/sigv4/signing_key.h"

namespace tidemill::wire::sigv4 {

struct SignedRequest;
struct SignedRequestV2;

struct AuthenticatorOptions {
  enum class Mode {
    verify,
    any,  // for CI: any credentials are root; a twelve-digit access key id chooses the account
  };
  Mode mode = Mode::verify;
  std::string default_account = "123456789012";
  std::string default_region = "us-east-1";
  // The bucket in a virtual-host style Host, else "": the same function that routes. SigV2 signs
  // the bucket, not the host.
  std::function<std::string(std::string_view host)> virtual_host_bucket = {};
};

// Twelve digits.
bool is_account(std::string_view text);
// Whether the request has credentials of any kind (if not, only authtype none is allowed).
bool has_credentials(const HttpRequest& request);
// "20261123/us-east-1/s3/aws4_request" from the header or the presigned URL, unverified: for
// resolving the service. Its fields are empty when there is no such scope.
Scope claimed_scope(const HttpRequest& request);
// The fields of a browser's upload form that sign it: of signature version 4, or the old ones.
struct FormSignature {
  std::string policy;  // base64: what is signed
  std::string algorithm, credential, date;
  std::string access_key_id;  // old
  std::string signature;
  std::string session_token;
  bool is_v4() const { return !credential.empty() || !algorithm.empty(); }
};

// Thread-safe; never blocks (nor does CredentialSource).
class Authenticator {
 public:
  using Mode = AuthenticatorOptions::Mode;
  // `credentials` must outlive the authenticator.
  Authenticator(CredentialSource& credentials, AuthenticatorOptions options);

  // Without credentials: an anonymous identity for S3, where a bucket may be public, else the
  // service's error. In mode `any`: root of the default account.
  Result<Identity> authenticate(const HttpRequest& request, Dialect dialect, Timestamp now);

  // The same before the body has come. An empty result when the signature covers the body's hash
  // and the head does not tell it: all else is verified then; call authenticate() with the body. An
  // error when no body could make the request valid.
  Result<std::optional<Identity>> authenticate_head(const HttpRequest& request, Dialect dialect,
                                                    Timestamp now);

  // The sender of an upload form, by the signature of the form's policy document. In mode `any` the
  // signature counts for nothing.
  Result<Identity> authenticate_form(const FormSignature& form, Timestamp now);

  const AuthenticatorOptions& options() const { return options_; }

 private:
  Result<Identity> accept_any(const HttpRequest& request, Dialect dialect, Timestamp now);
  Result<Identity> verify_v4(const HttpRequest& request, Dialect dialect, bool presigned,
                             Timestamp now);
  Result<Identity> verify_v2(const HttpRequest& request, bool presigned, Timestamp now);
  Result<Credential> verify_v4_claims(const HttpRequest& request, Dialect dialect,
                                      const SignedRequest& signed_request, Timestamp now);
  Result<Credential> find_credential(const HttpRequest& request, Dialect dialect,
                                     std::string_view access_key_id, Timestamp now);
  Result<Credential> find_credential(std::string_view token, Dialect dialect,
                                     std::string_view access_key_id, Timestamp now);
  Result<void> check_v4_signature(const HttpRequest& request, Dialect dialect,
                                  const SignedRequest& signed_request, const Credential& credential,
                                  std::string_view payload_hash, Identity& identity);

  CredentialSource& credentials_;
  const AuthenticatorOptions options_;
  SigningKeyCache signing_keys_;
};

}  // namespace tidemill::wire::sigv4

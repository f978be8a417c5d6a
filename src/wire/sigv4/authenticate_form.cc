// Browsers' upload forms: the signature covers the policy document among the form's fields, not the
// request. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
#include "base/cipher.h"
#include "wire/sigv4/authenticator.h"
#include "wire/sigv4/errors.h"
#include "wire/sigv4/signed_request.h"
#include "wire/sigv4/sigv2.h"

namespace tidemill::wire::sigv4 {
namespace {

constexpr std::string_view kByForm = "POST";

std::unexpected<Error> missing_field(std::string_view name) {
  return fail(Error{"InvalidArgument",
                    "Bucket POST must contain a field named '" + std::string(name) +
                        "'.  If it is specified, please check the order of the fields.",
                    400,
                    {{"ArgumentName", std::string(name)}, {"ArgumentValue", ""}}});
}

}  // namespace

Result<Identity> Authenticator::authenticate_form(const FormSignature& form, Timestamp now) {
  std::optional<CredentialText> credential_text;
  std::string_view access_key_id = form.access_key_id;
  if (form.is_v4()) {
    for (const auto& [name, value] : {std::pair("X-Amz-Credential", &form.credential),
                                      {"X-Amz-Algorithm", &form.algorithm},
                                      {"X-Amz-Date", &form.date},
                                      {"X-Amz-Signature", &form.signature}})
      if (value->empty()) return missing_field(name);
    if (form.algorithm != "AWS4-HMAC-SHA256")
      return fail("InvalidArgument", "Unsupported Authorization Type", 400);
    credential_text = parse_credential(form.credential);
    if (!credential_text || credential_text->scope.service != "s3")
      return fail(malformed_presigned(
          Dialect::s3,
          "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
          "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."));
    const std::optional<Timestamp> time = parse_amz_date(form.date);
    if (!time || !form.date.starts_with(credential_text->scope.date))
      return fail("AccessDenied", "Invalid credential date", 403);
    access_key_id = credential_text->access_key_id;
  } else {
    if (form.access_key_id.empty()) return missing_field("AWSAccessKeyId");
    if (form.signature.empty()) return missing_field("Signature");
  }

  Identity identity;
  identity.authentication = kByForm;
  identity.signature_version = form.is_v4() ? "AWS4-HMAC-SHA256" : "AWS";
  identity.access_key_id = access_key_id;
  identity.region = options_.default_region;
  if (credential_text) identity.region = credential_text->scope.region;
  identity.service = "s3";
  Result<Credential> credential =
      find_credential(form.session_token, Dialect::s3, access_key_id, now);
  if (!credential) {
    const std::optional<Credential> known = TRY(credentials_.find(access_key_id));
    if (options_.mode != Mode::any || (known && known->session_token))
      return fail(std::move(credential).error());
    identity.root = true;
    identity.account =
        is_account(access_key_id) ? std::string(access_key_id) : options_.default_account;
    identity.arn = "arn:aws:iam::" + identity.account + ":root";
    identity.user_id = identity.account;
    return identity;
  }
  identity.root = credential->root;
  identity.account = credential->account;
  identity.arn = credential->arn;
  identity.user_id = credential->user_id;
  if (options_.mode == Mode::any) return identity;
  std::string expected;
  if (credential_text) {
    const SigningKeyCache::Key key =
        signing_keys_.find_or_derive(credential->secret_access_key, credential_text->scope);
    expected = HexDigest(hmac_sha256(view(key.digest), form.policy)).view();
  } else {
    expected = signature_v2(credential->secret_access_key, form.policy);
  }
  if (!equal_in_constant_time(expected, form.signature))
    return fail(signature_mismatch(Dialect::s3, {access_key_id, form.signature, form.policy, ""}));
  return identity;
}

}  // namespace tidemill::wire::sigv4

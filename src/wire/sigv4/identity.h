// What authentication found out about a request.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/value.h"
#include "wire/sigv4/hash.h"

namespace tidemill::wire::sigv4 {

// What the signature says about the body, and so what prepare_body (payload.h) still has to do.
enum class PayloadKind : std::uint8_t {
  none,                      // verified already, or nothing is claimed (UNSIGNED-PAYLOAD)
  sha256,                    // the body must hash to expected_sha256
  chunked_unsigned_trailer,  // STREAMING-UNSIGNED-PAYLOAD-TRAILER
  chunked_signed,            // STREAMING-AWS4-HMAC-SHA256-PAYLOAD
  chunked_signed_trailer,    // STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER
};

constexpr bool signs_chunks(PayloadKind kind) {
  return kind == PayloadKind::chunked_signed || kind == PayloadKind::chunked_signed_trailer;
}

struct Identity {
  bool anonymous = false;
  bool root = false;
  std::string access_key_id;  // empty when anonymous
  std::string account;
  std::string arn;
  std::string user_id;
  std::string region;   // of the scope, else the default region
  std::string service;  // of the scope; empty when there is none (SigV2, anonymous)

  // As policies know them: "REST-HEADER" or "REST-QUERY-STRING", "AWS4-HMAC-SHA256" or "AWS".
  std::string_view authentication = {};
  std::string_view signature_version = {};
  Timestamp signed_at = {};  // 0: not told

  PayloadKind payload = PayloadKind::none;
  std::string expected_sha256;  // lower-case hexadecimal
  // For the signatures of chunks; false: framing is removed and signatures are not looked at.
  bool verify_chunks = false;
  Digest signing_key{};
  // Empty unless signs_chunks(payload).
  std::string seed_signature;  // of the request, hexadecimal
  std::string date_time;       // "20261123T151742Z"
  std::string scope;           // "20261123/us-east-1/s3/aws4_request"
};

// How a service words authentication errors.
enum class Dialect : std::uint8_t { s3, json, query };

}  // namespace tidemill::wire::sigv4

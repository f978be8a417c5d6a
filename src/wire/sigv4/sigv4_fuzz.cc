// Signed requests from an attacker: a request line, then lines "name: value". Nothing may crash,
// and no request that was not signed with the secret may pass.
#include <cstdint>
#include <cstdlib>

#include "wire/sigv4/payload.h"
#include "wire/sigv4/test_support.h"

using namespace tidemill;
using namespace tidemill::wire::sigv4;

namespace {

wire::HttpRequest read_request(std::string_view text) {
  wire::HttpRequest request;
  auto line = [&] {
    std::string_view out = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), out.size() + 1));
    return out;
  };
  request.method = std::string(line());
  request.target = std::string(line());
  for (std::string_view field = line(); !field.empty(); field = line()) {
    const std::size_t colon = std::min(field.find(':'), field.size());
    std::string_view value = field.substr(std::min(colon + 1, field.size()));
    while (value.starts_with(' ')) value.remove_prefix(1);
    request.headers.add(std::string(field.substr(0, colon)), std::string(value));
  }
  request.body = std::string(text);
  return request;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static MapCredentials credentials;
  if (credentials.keys.empty()) {
    credentials.keys["AKIDEXAMPLE"] = {"a secret no input can know: 3f8a1c", "111122223333", "arn"};
    credentials.keys["ASIAEXAMPLE"] = {"another such secret: 9b2e77", "111122223333", "arn"};
    credentials.keys["ASIAEXAMPLE"].session_token = "token";
  }
  static Authenticator verify(credentials, {});
  static Authenticator any(credentials, {.mode = Authenticator::Mode::any});
  wire::HttpRequest request = read_request({reinterpret_cast<const char*>(data), size});
  if (!parse_target(request)) return 0;
  const Timestamp now{1'795'447'062'000'000};  // 2026-11-23T15:17:42Z
  for (Dialect dialect : {Dialect::s3, Dialect::json, Dialect::query}) {
    auto identity = verify.authenticate(request, dialect, now);
    if (identity && !identity->anonymous) std::abort();
  }
  auto identity = any.authenticate(request, Dialect::s3, now);
  if (identity) (void)prepare_body(request, *identity, Dialect::s3).has_value();
  return 0;
}

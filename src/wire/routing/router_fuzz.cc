#include <cstdlib>

#include "wire/routing/router.h"
#include "wire/test_s3_schema.h"

using namespace tidemill;        // NOLINT
using namespace tidemill::wire;  // NOLINT

// Lines of the input: method, target, host, x-amz-target, scope, body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const schema::Service* const kServices[] = {
      &test::kJsonService,     &test::kQueryService,   &test::kCborService,
      &test::kRestJsonService, &test::kRestXmlService, &test::kS3Service};
  static const Router kRouter(kServices, {{"s3.example.org"}});
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  auto line = [&] {
    std::string_view taken = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), taken.size() + 1));
    return std::string(taken);
  };
  HttpRequest request;
  request.method = line();
  request.target = line();
  if (!parse_target(request)) return 0;
  request.headers.add("host", line());
  if (std::string target = line(); !target.empty()) request.headers.add("x-amz-target", target);
  std::string scope = line();
  if (scope == "cbor") request.headers.add("smithy-protocol", "rpc-v2-cbor");
  request.headers.add("content-type", "application/x-www-form-urlencoded");
  request.body = std::string(rest);
  Result<Route> route = kRouter.resolve(request, scope);
  if (route && (!route->service || !route->operation)) std::abort();
  if (!route && route.error().code.starts_with("Tidemill.")) std::abort();
  if (!kRouter.dialect(request, scope).service) std::abort();
  return 0;
}

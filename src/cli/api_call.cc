#include "cli/api_call.h"

#include <algorithm>
#include <charconv>

#include "base/clock.h"
#include "base/json.h"
#include "cli/environment.h"
#include "runtime/event_loops.h"
#include "wire/client/http_client.h"
#include "wire/sigv4/hash.h"
#include "wire/sigv4/signing_key.h"

namespace tidemill::cli {
namespace {

constexpr const char* kContentType = "application/x-amz-json-1.1";

// "20261123T101500Z"
std::string amz_date(Timestamp now) {
  std::string text = format_iso8601(now);
  text = text.substr(0, text.find('.'));
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  if (!text.ends_with('Z')) text += 'Z';
  return text;
}

struct HostPort {
  std::string host;
  std::uint16_t port = 0;

  // The Host header: IPv6 addresses stand in brackets there.
  std::string authority() const {
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
  }
};

Result<HostPort> parse_endpoint(const std::string& endpoint) {
  constexpr std::string_view kScheme = "http://";
  if (!endpoint.starts_with(kScheme))
    return fail(codes::kInvalid, "this command speaks plain http only, not " + endpoint);
  std::string rest = endpoint.substr(kScheme.size());
  rest = rest.substr(0, rest.find('/'));
  const std::size_t colon = rest.rfind(':');
  HostPort out{rest.substr(0, colon), 80};
  if (colon != std::string::npos) {
    const auto [end, error] =
        std::from_chars(rest.data() + colon + 1, rest.data() + rest.size(), out.port);
    if (error != std::errc() || end != rest.data() + rest.size())
      return fail(codes::kInvalid, "the endpoint " + endpoint + " has no port number");
  }
  if (out.host.starts_with('[') && out.host.ends_with(']'))
    out.host = out.host.substr(1, out.host.size() - 2);
  if (out.host == "localhost") out.host = "127.0.0.1";
  return out;
}

// SigV4 over the given headers: "Create a signed AWS API request", IAM user guide.
void sign(const ApiTarget& target, const std::string& service, const std::string& host,
          wire::ClientRequest& request) {
  const std::string date = amz_date(SystemClock().now());
  const std::string day = date.substr(0, 8);
  request.headers.set("Host", host);
  request.headers.set("X-Amz-Date", date);
  if (!target.session_token.empty())
    request.headers.set("X-Amz-Security-Token", target.session_token);
  std::vector<std::pair<std::string, std::string>> fields;
  for (const auto& [name, value] : request.headers.fields())
    fields.emplace_back(wire::lower_case(name), value);
  std::ranges::sort(fields);
  std::string headers, names;
  for (const auto& [name, value] : fields) {
    headers += name + ":" + value + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  using namespace wire::sigv4;
  const std::size_t query = std::min(request.target.find('?'), request.target.size());
  const std::string canonical = request.method + "\n" + request.target.substr(0, query) + "\n" +
                                request.target.substr(std::min(query + 1, request.target.size())) +
                                "\n" + headers + "\n" + names + "\n" + hex(sha256(request.body));
  const std::string scope = day + "/" + target.region + "/" + service + "/aws4_request";
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" + hex(sha256(canonical));
  const Digest key = derive_signing_key(target.secret_access_key, {day, target.region, service});
  const std::string_view key_bytes(reinterpret_cast<const char*>(key.data()), key.size());
  request.headers.set("Authorization", "AWS4-HMAC-SHA256 Credential=" + target.access_key_id + "/" +
                                           scope + ", SignedHeaders=" + names +
                                           ", Signature=" + hex(hmac_sha256(key_bytes, to_sign)));
}

Result<ApiAnswer> exchange(const std::string& endpoint, const HostPort& at,
                           wire::ClientRequest request) {
  runtime::EventLoops loops(1);
  wire::HttpClient client(loops);
  Result<wire::ClientResponse> response = client.request_and_wait(
      wire::Destination::tcp(at.host, at.port), std::move(request), wire::ClientLimits{});
  client.stop();
  loops.stop();
  if (!response)
    return fail(response.error().code, "no answer from " + endpoint + ": " +
                                           response.error().message + "; is the server running?");
  return ApiAnswer{response->status, std::move(response->body)};
}

std::string text_at(const Value& object, std::string_view name) {
  const Value* value = object.find(name);
  return value && value->as_string() ? *value->as_string() : std::string();
}

}  // namespace

Result<ApiTarget> api_target(const server::Settings& settings,
                             const std::map<std::string, std::string>& variables) {
  auto set = [&](const char* name) {
    auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  };
  std::map<std::string, std::string> from = variables;
  if (set("AWS_ENDPOINT_URL").empty() || set("AWS_ACCESS_KEY_ID").empty())
    from = TRY(client_environment(settings, {.root = true})).variables;
  ApiTarget target;
  target.endpoint = from["AWS_ENDPOINT_URL"];
  target.region = from["AWS_REGION"].empty() ? from["AWS_DEFAULT_REGION"] : from["AWS_REGION"];
  if (target.region.empty()) target.region = settings.text("region");
  target.access_key_id = from["AWS_ACCESS_KEY_ID"];
  target.secret_access_key = from["AWS_SECRET_ACCESS_KEY"];
  target.session_token = from["AWS_SESSION_TOKEN"];
  return target;
}

Result<ApiAnswer> call_api(const ApiTarget& target, const ApiCall& call) {
  const HostPort at = TRY(parse_endpoint(target.endpoint));
  wire::ClientRequest request;
  request.method = call.method;
  request.target = call.target;
  for (const auto& [name, value] : call.headers) request.headers.add(name, value);
  request.body = call.body;
  sign(target, call.service, at.authority(), request);
  return exchange(target.endpoint, at, std::move(request));
}

Result<ApiAnswer> get_url(const std::string& url,
                          const std::vector<std::pair<std::string, std::string>>& headers) {
  const HostPort at = TRY(parse_endpoint(url));
  const std::size_t path = url.find('/', url.find("://") + 3);
  wire::ClientRequest request;
  request.method = "GET";
  request.target = path == std::string::npos ? "/" : url.substr(path);
  request.headers.set("Host", at.authority());
  for (const auto& [name, value] : headers) request.headers.add(name, value);
  return exchange(url.substr(0, path), at, std::move(request));
}

Result<Value> call_sagemaker(const ApiTarget& target, const std::string& operation,
                             const Value& input) {
  const ApiAnswer response = TRY(call_api(
      target,
      {.service = "sagemaker",
       .method = "POST",
       .target = "/",
       .headers = {{"Content-Type", kContentType}, {"X-Amz-Target", "SageMaker." + operation}},
       .body = write_json(input)}));
  Value answer = TRY(parse_json(response.body));
  if (response.status == 200) return answer;
  std::string message = text_at(answer, "message");
  if (message.empty()) message = text_at(answer, "Message");
  return fail(text_at(answer, "__type"), message);
}

}  // namespace tidemill::cli

#include "server/own_paths.h"

#include "base/clock.h"
#include "base/json.h"

namespace tidemill::server {
namespace {

using services::iam::TemporaryCredentials;
using wire::HttpResponse;

HttpResponse plain(int status, std::string body, const char* type = "text/plain; charset=utf-8") {
  HttpResponse response;
  response.status = status;
  response.headers.add("Content-Type", type);
  response.body = std::move(body);
  return response;
}

// The form that the container credential providers of AWS's SDKs expect.
HttpResponse json(int status, Value value) {
  HttpResponse response = plain(status, write_json(value), "application/json");
  response.headers.add("Cache-Control", "no-store");
  return response;
}

HttpResponse refusal(int status, const std::string& code, const std::string& message) {
  ValueObject body;
  body.append("code", code);
  body.append("message", message);
  return json(status, std::move(body));
}

HttpResponse credentials_response(const Result<TemporaryCredentials>& credentials) {
  if (!credentials) {
    const Error& error = credentials.error();
    const bool ours = error.code.starts_with("Tidemill.");
    return refusal(ours ? 500 : 403, ours ? "InternalFailure" : error.code, error.message);
  }
  ValueObject body;
  body.append("RoleArn", credentials->role_arn);
  body.append("AccessKeyId", credentials->access_key_id);
  body.append("SecretAccessKey", credentials->secret_access_key);
  body.append("Token", credentials->session_token);
  body.append("Expiration", format_iso8601(credentials->expiration));
  return json(200, std::move(body));
}

}  // namespace

HttpResponse OwnPaths::health() const {
  const std::string trouble = parts_.trouble ? parts_.trouble() : "";
  if (trouble.empty()) return plain(200, "{\"status\":\"ok\"}\n", "application/json");
  ValueObject body;
  body.append("status", "failed");
  body.append("reason", trouble);
  return json(503, std::move(body));
}

void OwnPaths::handle(const wire::HttpRequest& request, wire::HttpHandler::Respond respond) {
  const std::string& path = request.path;
  if (path.starts_with(services::iam::kCredentialsPath))
    return give_credentials(request, std::move(respond));
  if (path == "/_tidemill/health") return respond(health());
  if (path == "/_tidemill/metrics" && !request.job.empty())
    return respond(plain(403, "The server's metrics are not for jobs.\n"));
  if (path == "/_tidemill/metrics")
    return respond(plain(200, parts_.metrics.text(), "text/plain; version=0.0.4; charset=utf-8"));
  respond(plain(404, "Tidemill has /_tidemill/health and /_tidemill/metrics, not " + path + "\n"));
}

// Runs on a worker: new credentials are durable before the client gets them.
void OwnPaths::give_credentials(const wire::HttpRequest& request,
                                wire::HttpHandler::Respond respond) {
  if (request.method != "GET")
    return respond(refusal(405, "MethodNotAllowed", "Credentials are fetched with GET."));
  std::string holder = request.path.substr(services::iam::kCredentialsPath.size());
  if (!request.job.empty() && request.job != holder)
    return respond(refusal(403, "AccessDenied", "These are not this job's credentials."));
  std::string token(request.headers.get("authorization"));
  // Kept outside the task, so that it can still be used when the task is refused.
  auto answer = std::make_unique<wire::HttpHandler::Respond>(std::move(respond));
  wire::HttpHandler::Respond& here = *answer;
  runtime::WorkerPool::Task task = [this, holder = std::move(holder), token = std::move(token),
                                    answer = std::move(answer)]() mutable {
    (*answer)(credentials_response(parts_.iam.granted_credentials(holder, token)));
  };
  if (!parts_.workers.try_submit(std::move(task)))
    here(refusal(503, "Throttling", "Every worker is busy; try again."));
}

}  // namespace tidemill::server

#include "server/request_chain.h"

#include "base/hidden_folder.h"
#include "base/json.h"
#include "base/log.h"
#include "server/s3_rules.h"
#include "wire/protocols/protocol.h"
#include "wire/sigv4/aws_chunked.h"
#include "wire/sigv4/errors.h"
#include "wire/sigv4/payload.h"

namespace tidemill::server {
namespace {

using wire::HttpResponse;
using wire::sigv4::Dialect;

// Layers below the services use internal codes; clients get AWS's codes.
Error for_client(const Error& error, Dialect dialect) {
  if (!error.code.starts_with("Tidemill.")) return error;
  Error mapped = error;
  bool s3 = dialect == Dialect::s3;
  if (error.code == codes::kOverloaded) {
    mapped.code = s3 ? "SlowDown" : "ThrottlingException";
    mapped.http_status = s3 ? 503 : 400;
  } else if (error.code == codes::kTimeout) {
    mapped.code = s3 ? "RequestTimeout" : "RequestTimeoutException";
    mapped.http_status = 400;
  } else if (error.code == codes::kInvalid) {
    mapped.code = s3 ? "InvalidRequest" : "ValidationException";
    mapped.http_status = 400;
  } else if (error.code == codes::kIo && error.http_status == 400) {
    // The client's connection failed, not our disk.
    mapped.code = s3 ? "IncompleteBody" : "ValidationException";
    mapped.message = "The request's body ended before it was complete.";
  } else if (error.code == codes::kStorageFull) {
    mapped.code = s3 ? "InternalError" : "InternalFailure";
    mapped.message = "The disk of this Tidemill server is full: " + error.message;
    mapped.http_status = s3 ? 500 : 507;
  } else {
    mapped.code = s3 ? "InternalError" : "InternalFailure";
    mapped.http_status = 500;
  }
  return mapped;
}

// A presigned URL is a secret: its signature and token are kept out of the log.
std::string loggable(const std::string& target) {
  std::string out;
  std::size_t at = 0;
  while (at < target.size()) {
    std::size_t end = target.find_first_of("?&", at);
    end = end == std::string::npos ? target.size() : end + 1;
    std::string_view part(target.data() + at, end - at);
    std::string_view name = part.substr(0, part.find('='));
    bool secret = wire::equal_ignoring_case(name, "X-Amz-Signature") ||
                  wire::equal_ignoring_case(name, "X-Amz-Security-Token") || name == "Signature";
    if (secret) {
      out += std::string(name) + "=...";
      if (part.ends_with('&')) out += '&';
    } else {
      out += part;
    }
    at = end;
  }
  return out;
}

std::string_view operation_name(const Call& call) {
  return call.route.operation ? call.route.operation->name : std::string_view("-");
}
std::string_view service_name(const Call& call) {
  return call.route.service ? call.route.service->name : std::string_view("-");
}

}  // namespace

wire::sigv4::Dialect dialect_of(const wire::Route& route) {
  switch (route.protocol) {
    case schema::Protocol::rest_xml:
      return Dialect::s3;
    case schema::Protocol::aws_query:
    case schema::Protocol::ec2_query:
      return Dialect::query;
    default:
      return Dialect::json;
  }
}

FairQueueOptions RequestChain::upload_options(std::size_t workers) {
  const std::size_t threads = workers * kUploadThreadsPerWorker;
  return {"upload", threads, share_of_one(threads), kUploadsWaitingMax,
          share_of_one(kUploadsWaitingMax)};
}

Error for_dialect(Error error, wire::sigv4::Dialect dialect) {
  if (error.code == "AccessDenied" && dialect == Dialect::json) error.code += "Exception";
  return error;
}

void RequestChain::handle(wire::HttpRequest request, Respond respond) {
  if (ConnectPath::takes(request) && parts_.connect_path)
    return parts_.connect_path->handle(request, std::move(respond));
  if (std::optional<HttpResponse> refusal = misdirected(request, parts_.callers))
    return respond(*std::move(refusal));
  if (parts_.front_page)
    if (std::optional<HttpResponse> page = parts_.front_page(request))
      return respond(*std::move(page));
  std::unique_ptr<Call> call = call_of(std::move(request), std::move(respond));
  const bool admitted = call->route.service != nullptr;
  if (!admitted) {
    if (std::optional<HttpResponse> preflight = parts_.callers.preflight(call->request))
      return call->respond(*std::move(preflight));
    if (parts_.bucket_pages)
      if (std::optional<HttpResponse> preflight = parts_.bucket_pages->preflight(call->request))
        return call->respond(*std::move(preflight));
    const std::optional<Error> refusal = parts_.callers.refusal(call->request);
    if (!refusal && OwnPaths::takes(call->request))
      return own_paths_.handle(call->request, std::move(call->respond));
    if (refusal) return finish(*call, refuse_unrouted(*call, *refusal));
  }
  if (std::optional<wire::Route> form = form_route(call->request)) {
    call->route = *std::move(form);
    call->form = std::make_unique<FormAnswer>();
  }
  if (!call->route.operation) {
    wire::sigv4::Scope scope = wire::sigv4::claimed_scope(call->request);
    Result<wire::Route> route = parts_.router.resolve(call->request, scope.service);
    if (!route) return finish(*call, refuse_unrouted(*call, route.error()));
    call->route = *std::move(route);
    if (Result<void> known = call->proven ? check_identity(*call) : Result<void>(); !known)
      return finish(*call, encode_error(*call, known.error()));
  }
  call->handler = parts_.dispatcher.find(*call->route.operation);
  if (call->handler && !call->handler->blocks) return handle_on_loop(std::move(call));

  if (!call->form && !call->proven && call->request.body.size() <= kBodyBytesOnLoopMax)
    if (Result<void> known = authenticate(*call); !known)
      return finish(*call, encode_error(*call, known.error()));
  submit(std::move(call), [this](std::unique_ptr<Call> taken) { run(std::move(taken)); });
}

// For handlers that do not block. Large bodies go to a worker, because hashing them would hold up
// the loop.
void RequestChain::handle_on_loop(std::unique_ptr<Call> call) {
  if (call->request.body.size() <= kBodyBytesOnLoopMax) return run(std::move(call));
  submit(std::move(call), [this](std::unique_ptr<Call> taken) {
    Result<void> proved = taken->proven ? Result<void>() : authenticate(*taken);
    if (proved) proved = open_body(*taken);
    if (!proved) return finish(*taken, encode_error(*taken, proved.error()));
    taken->opened = true;
    parts_.loops.nearest().post(
        [this, call = std::move(taken)]() mutable { run(std::move(call)); });
  });
}

HttpResponse RequestChain::refuse_unrouted(Call& call, const Error& error) {
  wire::Dialect fallback =
      parts_.router.dialect(call.request, wire::sigv4::claimed_scope(call.request).service);
  call.route = {fallback.service, nullptr, fallback.protocol, {}};
  return encode_error(call, for_dialect(error, dialect_of(call.route)));
}

// Queues the call for the worker pool, or answers the client when the queue is full.
void RequestChain::submit(std::unique_ptr<Call> call,
                          std::function<void(std::unique_ptr<Call>)> work) {
  Call& here = *call;
  runtime::WorkerPool::Task task = [call = std::move(call), work = std::move(work)]() mutable {
    work(std::move(call));
  };
  // A refused task is unchanged, so the call is still here.
  const bool taken = here.request.stream
                         ? uploads_.try_submit(owner_of(here.identity), std::move(task))
                         : parts_.workers.try_submit(std::move(task));
  if (!taken)
    finish(here, encode_error(here, Error{codes::kOverloaded,
                                          "Every worker is busy and the queue is full; try again "
                                          "later, or raise the settings workers and queue."}));
}

// Runs on a worker, or on the loop for handlers that do not block.
void RequestChain::run(std::unique_ptr<Call> call) {
  Call& here = *call;
  SharedBudget::Hold document;
  Result<std::unique_ptr<services::platform::Call>> opened;
  try {
    opened = open(here, document);
  } catch (const std::exception& error) {
    log::error("a request could not be read", {{"request_id", here.request_id},
                                               {"operation", operation_name(here)},
                                               {"what", error.what()}});
    opened = fail("InternalFailure",
                  "Tidemill failed inside; its log has the cause under this request id.", 500);
  }
  if (!opened) return finish(here, encode_error(here, opened.error()));
  parts_.dispatcher.call(
      *std::move(opened),
      [this, call = std::move(call)](services::platform::Call& made, Result<Value>&& output) {
        call->request_id = std::move(made.context.request_id);
        call->identity.arn = std::move(made.context.principal.arn);
        finish(*call, encode_or_fail(*call, made.context, output));
      });
}

// Whatever happens, the client gets an answer.
HttpResponse RequestChain::encode_or_fail(const Call& call, services::Context& context,
                                          const Result<Value>& output) {
  try {
    return encode(call, context, output);
  } catch (const std::exception& error) {
    log::error("an answer could not be written", {{"request_id", call.request_id},
                                                  {"operation", operation_name(call)},
                                                  {"what", error.what()}});
    return encode_error(
        call, Error{"InternalFailure",
                    "Tidemill failed inside; its log has the cause under this request id.", 500});
  }
}

// The steps of "One request" in docs/architecture.md, up to the Dispatcher.
Result<std::unique_ptr<services::platform::Call>> RequestChain::open(Call& call,
                                                                     SharedBudget::Hold& document) {
  if (call.form) TRY(open_form(call));
  if (!call.proven) TRY(authenticate(call));
  if (!call.opened) TRY(open_body(call));
  const schema::Service& service = *call.route.service;
  const schema::Operation& operation = *call.route.operation;
  const services::Handler* handler = call.handler;
  if (!handler) return fail(services::platform::Dispatcher::not_implemented(service, operation));
  if (dialect_of(call.route) == Dialect::s3) TRY(check_s3_request(call.request, operation));
  std::unique_ptr<ByteSource> payload;
  if (!handler->blocks)
    payload = std::make_unique<StringSource>(std::exchange(call.request.body, {}));
  if (call.request.body.size() > kFreeDocumentBytesMax) document = TRY(hold_document(call));
  std::unique_ptr<services::platform::Call> made(new services::platform::Call{service, operation});
  Result<Value> input = decode(call);
  if (!input) return std::unexpected(std::move(input).error());
  made->input = *std::move(input);
  made->handler = handler;
  fill_context(call, made->context);
  if (payload) made->context.body = std::move(payload);
  return made;
}

Result<Value> RequestChain::decode(Call& call) {
  const schema::Operation& operation = *call.route.operation;
  if (!operation.input) return Value(ValueObject());
  return wire::codec_for(call.route.protocol)
      .decode_request(*call.route.service, operation, call.request, call.route.labels);
}

Result<void> RequestChain::authenticate(Call& call) {
  // Operations without a signature, such as AssumeRoleWithWebIdentity, prove their caller
  // otherwise.
  if (call.route.operation && call.route.operation->unsigned_auth &&
      !wire::sigv4::has_credentials(call.request)) {
    call.identity = {};
    call.identity.anonymous = true;
    call.proven = true;
    return charge(call);
  }
  Result<wire::sigv4::Identity> identity =
      parts_.authenticator.authenticate(call.request, dialect_of(call.route), parts_.clock.now());
  if (!identity) return std::unexpected(std::move(identity).error());
  call.identity = *std::move(identity);
  call.proven = true;
  TRY(check_identity(call));
  return charge(call);
}

Result<void> RequestChain::check_identity(const Call& call) {
  const Dialect dialect = dialect_of(call.route);
  // Anonymous requests are allowed only for buckets whose policy or ACLs may make them public. All
  // others are refused here, before their bodies are read.
  if (call.identity.anonymous) {
    if (dialect == Dialect::s3 && parts_.bucket_pages)
      for (const auto& [name, value] : call.route.labels)
        if (name == "Bucket" && parts_.bucket_pages->may_be_public(value)) return {};
    return fail(wire::sigv4::missing_credentials(dialect));
  }
  // A signature for one service must not be valid for another. In any-mode credentials are not
  // checked.
  const std::string& signed_for = call.identity.service;
  if (call.identity.verify_chunks && signed_for != call.route.service->signing_name)
    return fail(wire::sigv4::wrong_service(dialect, call.route.service->signing_name, signed_for));
  return {};
}

Result<void> RequestChain::open_body(Call& call) {
  if (dialect_of(call.route) == Dialect::s3)
    TRY(check_s3_length(call.request, *call.route.operation));
  return wire::sigv4::prepare_body(call.request, call.identity, dialect_of(call.route));
}

// Takes out of the call what only the handler needs, and the request's id and the principal's ARN
// until it has answered: copies of them would be a tenth of a quick request's allocations.
void RequestChain::fill_context(Call& call, services::Context& context) {
  wire::sigv4::Identity& identity = call.identity;
  context.request_id = std::move(call.request_id);
  context.region = identity.region.empty() ? parts_.region : identity.region;
  context.principal = {std::move(identity.account), std::move(identity.arn),
                       std::move(identity.user_id), std::move(identity.access_key_id),
                       identity.root};
  context.received = parts_.clock.now();
  context.deadline = call.started + kRequestTime;
  context.stop = stop_.get_token();
  context.remote_address = call.request.remote_address;
  context.signature = {identity.authentication, identity.signature_version, std::nullopt};
  if (identity.signed_at.microseconds > 0) context.signature.signed_at = identity.signed_at;
  context.find_header = [&headers = call.request.headers](std::string_view name) {
    return headers.find(name);
  };
  const std::string_view scheme = call.request.tls ? "https://" : "http://";
  const std::string_view host = call.request.host();
  context.endpoint.reserve(scheme.size() + host.size());
  context.endpoint.append(scheme).append(host);
  if (wire::streaming_payload(call.route.operation->input)) take_payload(call, context);
}

void RequestChain::take_payload(Call& call, services::Context& context) {
  if (!call.request.stream) {
    context.body = std::make_unique<StringSource>(std::move(call.request.body));
    return;
  }
  auto* framed = dynamic_cast<wire::sigv4::AwsChunkedSource*>(call.request.stream.get());
  context.body = std::move(call.request.stream);
  // Valid while context.body lives; the handler owns that until it returns.
  if (framed)
    context.trailers = [framed] {
      std::map<std::string, std::string> trailers;
      for (const auto& [name, value] : framed->trailers().fields())
        trailers.emplace(wire::lower_case(name), value);
      return trailers;
    };
}

HttpResponse RequestChain::encode(const Call& call, services::Context& context,
                                  const Result<Value>& output) {
  if (!output) {
    HttpResponse response = encode_error(call, output.error());
    // A 304 answer also carries the ETag.
    for (auto& [name, value] : context.response_headers) response.headers.set(name, value);
    return response;
  }
  HttpResponse response =
      wire::codec_for(call.route.protocol)
          .encode_response(*call.route.service, *call.route.operation, *output, call.request_id);
  if (context.response_status) response.status = context.response_status;
  for (auto& [name, value] : context.response_headers) response.headers.set(name, value);
  if (call.form) shape_form_answer(call, response);
  response.held = std::move(context.response_held);
  response.push = std::move(context.response_events);
  if (!context.response_body) return response;
  if (std::optional<std::string> whole = context.response_body->take_in_memory()) {
    response.body = *std::move(whole);
  } else {
    response.stream = std::move(context.response_body);
  }
  return response;
}

HttpResponse RequestChain::encode_error(const Call& call, const Error& error) {
  Error mapped = for_client(error, dialect_of(call.route));
  // A 501 reports a missing feature, a 503 a busy server: neither is a fault of the server.
  if (mapped.http_status >= 500 && mapped.http_status != 501 && mapped.http_status != 503)
    log::error("request failed", {{"request_id", call.request_id},
                                  {"operation", operation_name(call)},
                                  {"code", error.code},
                                  {"message", error.message}});
  mapped.message = hide_folder(std::move(mapped.message), parts_.data_folder);
  return wire::codec_for(call.route.protocol)
      .encode_error(*call.route.service, call.route.operation, mapped, call.request_id,
                    call.request);
}

void RequestChain::finish(Call& call, HttpResponse response) {
  if (!hold_answer(call, response))
    response = encode_error(call, Error{codes::kOverloaded,
                                        "The answers under way have as many bytes as the server "
                                        "holds at once; please reduce your request rate.",
                                        503});
  account(call, response.status);
  add_page_headers(call, response);
  call.respond(std::move(response));
}

// For a page that the setting allowed-origins permits, or the CORS rules of the bucket.
void RequestChain::add_page_headers(const Call& call, HttpResponse& response) {
  const std::string_view origin = call.request.headers.get("origin");
  if (!origin.empty() && parts_.callers.allows_origin(origin))
    parts_.callers.add_headers(origin, response);
  else if (!origin.empty() && parts_.bucket_pages && call.route.service &&
           dialect_of(call.route) == Dialect::s3)
    parts_.bucket_pages->add_headers(call.request, response);
}

// Charges the answer to the budget while its client reads it; false when that is used up.
bool RequestChain::hold_answer(const Call& call, HttpResponse& response) {
  const bool streams = response.stream || response.push;
  if (response.held || (!streams && response.body.size() <= kFreeAnswerBytesMax)) return true;
  SharedBudget::Hold hold = answer_bytes_.hold(owner_of(call.identity));
  if (!hold.grow_to(streams ? kStreamedAnswerBytes : response.body.size())) return false;
  response.held = std::make_shared<SharedBudget::Hold>(std::move(hold));
  return true;
}

// Updates metrics and the access log.
void RequestChain::account(const Call& call, int status) {
  auto duration = std::chrono::steady_clock::now() - call.started;
  parts_.metrics.record(service_name(call), operation_name(call), status, duration);
  bool wanted = parts_.access_log == AccessLog::all ||
                (parts_.access_log == AccessLog::errors && status >= 400);
  if (wanted)
    log::info("request",
              {{"request_id", call.request_id},
               {"service", service_name(call)},
               {"operation", operation_name(call)},
               {"method", call.request.method},
               {"target", loggable(call.request.target)},
               {"status", status},
               {"milliseconds", std::chrono::duration<double, std::milli>(duration).count()},
               {"principal", call.identity.arn},
               {"client", call.request.remote_address}});
}

HttpResponse RequestChain::bad_request(int status, std::string_view reason) {
  std::string request_id = make_uuid(parts_.random);
  log::info("bad request", {{"request_id", request_id}, {"status", status}, {"reason", reason}});
  // The service is unknown: use XML, which S3 clients, query clients and people can read.
  HttpResponse response;
  response.status = status;
  response.headers.add("Content-Type", "application/xml");
  response.body =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>BadRequest</Code><Message>" +
      std::string(reason) + "</Message><RequestId>" + request_id + "</RequestId></Error>\n";
  response.headers.add("x-amz-request-id", request_id);
  return response;
}

}  // namespace tidemill::server

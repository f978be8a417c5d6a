// Checks before a request's body is read: who sends the request, and whether there is room.
#include "server/request_admission.h"

#include "wire/sigv4/errors.h"

namespace tidemill::server {
namespace {

using wire::HttpRequest;
using wire::HttpResponse;
using wire::sigv4::Dialect;

// Body limit of forms of query services, whose operation is in the body: AWS's own limit.
constexpr std::uint64_t kFormBytesMax = 1u << 20;

// Whether the operation is known only once the body has arrived.
bool is_query_form(const HttpRequest& request, const std::string& signing_name) {
  return request.method == "POST" && signing_name != "s3" &&
         !request.headers.find("x-amz-target") && !request.find_query("Action") &&
         request.headers.get("content-type").starts_with("application/x-www-form-urlencoded");
}

Error too_large(Dialect dialect, std::uint64_t bytes_max) {
  const bool s3 = dialect == Dialect::s3;
  return {s3 ? "MaxMessageLengthExceeded" : "RequestEntityTooLargeException",
          "The request's document exceeds " + std::to_string(bytes_max) + " bytes.",
          s3 ? 400 : 413};
}

Error too_many_bytes(Dialect dialect) {
  std::string message =
      "The bodies of the requests under way have as many bytes as the server holds at once; "
      "please reduce your request rate.";
  if (dialect == Dialect::s3) return {"SlowDown", std::move(message), 503};
  return {"ThrottlingException", std::move(message), 429};
}

// The address without the port, which a client can change freely.
std::string_view client_address(const HttpRequest& request) {
  return std::string_view(request.remote_address).substr(0, request.remote_address.rfind(':'));
}

// The parts of a request that are needed to write and log a refusal.
HttpRequest outline(const HttpRequest& request) {
  HttpRequest out;
  out.method = request.method;
  out.target = request.target;
  out.remote_address = request.remote_address;
  for (const auto& [name, value] : request.headers.fields())
    if (wire::equal_ignoring_case(name, "x-amzn-query-mode") ||
        wire::equal_ignoring_case(name, "origin"))
      out.headers.add(name, value);
  return out;
}

}  // namespace

std::string owner_of(const wire::sigv4::Identity& identity) {
  // A role can have any number of sessions: arn:aws:sts::<account>:assumed-role/<role>/<session>
  const std::size_t role = identity.arn.find(":assumed-role/");
  const std::size_t session = role == std::string::npos ? role : identity.arn.rfind('/');
  return identity.arn.substr(0, session);
}

std::optional<HttpResponse> RequestAdmission::keep(std::uint64_t bytes) {
  const Dialect dialect = dialect_of(call_->route);
  if (!streams && bytes > gathered_bytes_max)
    return chain_.refuse(*call_, chain_.loop_handler(call_->route)
                                     ? Error{"ValidationError",
                                             "The payload exceeds the limit of " +
                                                 std::to_string(gathered_bytes_max) + " bytes.",
                                             413}
                                     : too_large(dialect, gathered_bytes_max));
  if (hold_.grow_to(bytes)) return std::nullopt;
  return chain_.refuse(*call_, too_many_bytes(dialect));
}

bool RequestAdmission::move_to(SharedBudget& budget, std::string_view owner) {
  SharedBudget::Hold hold = budget.hold(owner);
  if (!hold.grow_to(hold_.amount())) return false;
  hold_ = std::move(hold);
  return true;
}

HttpResponse RequestChain::refuse(Call& call, const Error& error) {
  HttpResponse response = encode_error(call, error);
  account(call, response.status);
  add_page_headers(call, response);
  return response;
}

const services::Handler* RequestChain::loop_handler(const wire::Route& route) const {
  const services::Handler* handler =
      route.operation ? parts_.dispatcher.find(*route.operation) : nullptr;
  return handler && !handler->blocks ? handler : nullptr;
}

std::expected<std::unique_ptr<wire::Admission>, HttpResponse> RequestChain::admit(
    const HttpRequest& head) {
  auto call = std::make_unique<Call>();
  call->request = outline(head);
  if (std::optional<HttpResponse> refusal = misdirected(head, parts_.callers))
    return std::unexpected(*std::move(refusal));
  if (OwnPaths::takes(head)) return std::unexpected(bad_request(413, "No body is taken here."));
  begin(*call);
  const std::string signing_name(wire::sigv4::claimed_scope(head).service);
  std::optional<wire::Route> upload_form = form_route(head);
  if (upload_form) call->form = std::make_unique<FormAnswer>();
  Result<wire::Route> route =
      upload_form ? *std::move(upload_form) : parts_.router.resolve(head, signing_name);
  const bool form = !route && is_query_form(head, signing_name);
  if (route) {
    call->route = *std::move(route);
  } else {
    const wire::Dialect fallback = parts_.router.dialect(head, signing_name);
    call->route = {fallback.service, nullptr, fallback.protocol, {}};
  }
  if (std::optional<Error> refusal = parts_.callers.refusal(head))
    return std::unexpected(refuse(*call, for_dialect(*refusal, dialect_of(call->route))));
  if (!call->route.operation && !form) return std::unexpected(refuse(*call, route.error()));
  Result<bool> proven = authenticate_head(*call, head);
  if (!proven) return std::unexpected(refuse(*call, proven.error()));

  // The credentials of an upload form are in its body, which has not been read yet.
  const bool known = *proven && !call->form;
  SharedBudget::Hold hold = known ? gathered_bytes_.hold(owner_of(call->identity))
                                  : unproven_bytes_.hold(client_address(head));
  const schema::Operation* operation = call->route.operation;
  const services::Handler* on_loop = loop_handler(call->route);
  const bool streams =
      *proven && operation && !on_loop && wire::streaming_payload(operation->input) != nullptr;
  std::uint64_t bytes_max = form ? kFormBytesMax : kRequestDocumentBytesMax;
  if (streams) bytes_max = limits::buffered_body_bytes_max;
  if (on_loop) bytes_max = on_loop->payload_bytes_max;
  auto admission = std::make_unique<RequestAdmission>(*this, std::move(call), std::move(hold));
  admission->gathered_bytes_max = bytes_max;
  admission->streams = streams;
  return admission;
}

// True when the head proves the sender; false when the body's hash is needed for that.
Result<bool> RequestChain::authenticate_head(Call& call, const HttpRequest& head) {
  const Dialect dialect = dialect_of(call.route);
  std::optional<wire::sigv4::Identity> identity =
      TRY(parts_.authenticator.authenticate_head(head, dialect, parts_.clock.now()));
  if (!identity) return false;
  call.identity = *std::move(identity);
  call.proven = true;
  if (!call.form) TRY(check_identity(call));
  return true;
}

// Continues the request that admit() began.
std::unique_ptr<Call> RequestChain::call_of(HttpRequest&& request, Respond&& respond) {
  auto* admission = dynamic_cast<RequestAdmission*>(request.admission.get());
  std::unique_ptr<Call> call = admission ? admission->take_call() : std::make_unique<Call>();
  if (!admission) begin(*call);
  call->request = std::move(request);
  call->respond = std::move(respond);
  return call;
}

// Charges a body to its owner, who was not known when it arrived.
Result<void> RequestChain::charge(Call& call) {
  auto* admission = dynamic_cast<RequestAdmission*>(call.request.admission.get());
  if (!admission || admission->move_to(gathered_bytes_, owner_of(call.identity))) return {};
  return fail(too_many_bytes(dialect_of(call.route)));
}

// Reserves memory for the decoded document; streamed payloads are not decoded.
Result<SharedBudget::Hold> RequestChain::hold_document(const Call& call) {
  SharedBudget::Hold hold;
  const std::uint64_t bytes = call.request.body.size();
  if (wire::streaming_payload(call.route.operation->input)) return hold;
  hold = decoded_bytes_.hold(owner_of(call.identity));
  if (hold.grow_to(bytes * kDecodedBytesPerByte)) return hold;
  return fail(codes::kOverloaded,
              "The documents under way take as much memory as the server has for them; please "
              "reduce your request rate, or send smaller ones.");
}

void RequestChain::begin(Call& call) {
  call.started = std::chrono::steady_clock::now();
  call.request_id = make_uuid(parts_.random);
}

}  // namespace tidemill::server

// The wire's half of a request's way (request_chain.cc, open()): accept and parse (wire/server) ->
// which service and operation -> authenticate -> body -> handler known? -> decode -> Dispatcher
// (constraints, authorize, handler) -> encode -> metrics and access log.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/shared_budget.h"
#include "runtime/event_loops.h"
#include "runtime/worker_pool.h"
#include "server/bucket_pages.h"
#include "server/caller_rules.h"
#include "server/fair_queue.h"
#include "server/metrics.h"
#include "server/own_paths.h"
#include "server/transparent/connect_path.h"
#include "services/iam/interface.h"
#include "services/platform/dispatcher/dispatcher.h"
#include "services/platform/handlers/handlers.h"
#include "wire/http.h"
#include "wire/routing/router.h"
#include "wire/sigv4/authenticator.h"

namespace tidemill::server {

// Limit for bodies of operations without a streaming payload, held whole in memory.
inline constexpr std::uint64_t kRequestDocumentBytesMax = 16u << 20;
inline constexpr std::chrono::seconds kRequestTime{300};
// Limit for hashing or decoding on a loop; a worker does that for larger bodies.
inline constexpr std::size_t kBodyBytesOnLoopMax = 256u << 10;
// Each upload under way blocks a thread; that costs little memory and no CPU.
inline constexpr std::size_t kUploadThreadsPerWorker = 4;
inline constexpr std::size_t kUploadsWaitingMax = 1024;
// Budget for bodies gathered by loops, from arrival to answer, not counting the first 16 KiB of
// each.
inline constexpr std::uint64_t kGatheredBytesMax = 1u << 30;
// Budget for bodies whose signature covers a hash that the head does not tell, until they are
// verified; charged to the client's address.
inline constexpr std::uint64_t kUnprovenBytesMax = 512u << 20;
// Budget for decoded documents while their requests run. "[{},{},..." takes 32 times its size;
// documents up to 1 MiB fit on every worker.
inline constexpr std::uint64_t kDecodedBytesMax = 1u << 30;
inline constexpr std::uint64_t kDecodedBytesPerByte = 32;
inline constexpr std::size_t kFreeDocumentBytesMax = 64u << 10;
// Budget for answers that wait for their clients to read them; small ones do not count.
inline constexpr std::uint64_t kAnswerBytesMax = 1u << 30;
inline constexpr std::size_t kFreeAnswerBytesMax = 64u << 10;
// Charge for a streamed answer: the piece that is being sent.
inline constexpr std::uint64_t kStreamedAnswerBytes = 128u << 10;

// The largest share of a budget for one principal; the rest stays for others.
constexpr std::uint64_t share_of_one(std::uint64_t total) { return total - total / 4; }

enum class AccessLog { all, errors, off };

// The dialect of signatures and errors that the route's service uses.
wire::sigv4::Dialect dialect_of(const wire::Route& route);
// JSON services have another code for "AccessDenied".
Error for_dialect(Error error, wire::sigv4::Dialect dialect);

// How an upload form (upload_form.h) wants to be answered.
struct FormAnswer {
  std::string bucket;
  std::string key;
  std::string redirect;  // empty: none
  std::string status;    // success_action_status
};

// The state of one request. Owned by the code that currently works on it; moves from the event loop
// to a worker and back.
struct Call {
  wire::HttpRequest request;
  wire::HttpHandler::Respond respond;
  std::string request_id;
  std::chrono::steady_clock::time_point started;
  wire::Route route;
  const services::Handler* handler = nullptr;  // of the route, once it was looked up
  wire::sigv4::Identity identity;
  bool proven = false;                    // `identity` is proven: by the head, or by head and body
  bool opened = false;                    // the body matches the signature
  std::unique_ptr<FormAnswer> form = {};  // of an upload form, which is routed as PutObject
};

// The owner whose budget a request by this principal uses.
std::string owner_of(const wire::sigv4::Identity& identity);

struct RequestChainParts {
  const wire::Router& router;
  wire::sigv4::Authenticator& authenticator;
  services::iam::IamInterface& iam;
  services::platform::Dispatcher& dispatcher;
  runtime::WorkerPool& workers;
  runtime::WorkerPool& credential_workers;  // separate, so that jobs do not wait behind users
  runtime::EventLoops& loops;
  const Clock& clock;
  Random& random;
  Metrics& metrics;                                       // counts requests
  const services::platform::MetricRegistry& all_metrics;  // for /_tidemill/metrics
  ConnectPath* connect_path = nullptr;                    // nullptr: CONNECT is refused
  // The page for a browser at "/"; nullopt for all other requests.
  std::function<std::optional<wire::HttpResponse>(const wire::HttpRequest&)> front_page;
  // Why nothing can be stored any more; "" when storing works.
  std::function<std::string()> trouble;
  AccessLog access_log = AccessLog::errors;
  std::string region = "us-east-1";
  std::string data_folder = {};  // never told to a client
  CallerRules callers = CallerRules();
  const BucketPages* bucket_pages = nullptr;  // nullptr: CORS rules of buckets have no effect
};

class RequestChain final : public wire::HttpHandler {
 public:
  explicit RequestChain(RequestChainParts parts)
      : parts_(std::move(parts)),
        own_paths_({parts_.all_metrics, parts_.iam, parts_.credential_workers, parts_.trouble}),
        uploads_(upload_options(parts_.workers.threads())) {}

  void handle(wire::HttpRequest request, Respond respond) override;
  // In request_admission.cc: authenticates a request before its body is read, as far as the head
  // allows.
  std::expected<std::unique_ptr<wire::Admission>, wire::HttpResponse> admit(
      const wire::HttpRequest& head) override;
  // The answer to a message that is not valid HTTP or exceeds a limit of the server.
  wire::HttpResponse bad_request(int status, std::string_view reason);
  // Ends waiting handlers: the stop tokens of their contexts fire.
  void request_stop() { stop_.request_stop(); }

  // Used by RequestAdmission.
  wire::HttpResponse refuse(Call& call, const Error& error);
  // The handler if it runs on the event loop, else nullptr.
  const services::Handler* loop_handler(const wire::Route& route) const;

 private:
  static FairQueueOptions upload_options(std::size_t workers);
  void begin(Call& call);
  std::unique_ptr<Call> call_of(wire::HttpRequest&& request, Respond&& respond);
  Result<bool> authenticate_head(Call& call, const wire::HttpRequest& head);
  void handle_on_loop(std::unique_ptr<Call> call);
  void submit(std::unique_ptr<Call> call, std::function<void(std::unique_ptr<Call>)> work);
  void run(std::unique_ptr<Call> call);
  Result<std::unique_ptr<services::platform::Call>> open(Call& call, SharedBudget::Hold& document);
  Result<Value> decode(Call& call);
  Result<void> authenticate(Call& call);
  Result<void> check_identity(const Call& call);
  Result<void> charge(Call& call);
  Result<SharedBudget::Hold> hold_document(const Call& call);
  Result<void> open_body(Call& call);
  // In request_form.cc. nullopt: the request is no upload form.
  std::optional<wire::Route> form_route(const wire::HttpRequest& request) const;
  // Reads the fields, verifies their signature, and leaves a PutObject whose body is the file.
  Result<void> open_form(Call& call);
  void shape_form_answer(const Call& call, wire::HttpResponse& response) const;
  void fill_context(Call& call, services::Context& context);
  void take_payload(Call& call, services::Context& context);
  wire::HttpResponse encode(const Call& call, services::Context& context,
                            const Result<Value>& output);
  wire::HttpResponse encode_or_fail(const Call& call, services::Context& context,
                                    const Result<Value>& output);
  wire::HttpResponse encode_error(const Call& call, const Error& error);
  wire::HttpResponse refuse_unrouted(Call& call, const Error& error);
  void finish(Call& call, wire::HttpResponse response);
  void add_page_headers(const Call& call, wire::HttpResponse& response);
  bool hold_answer(const Call& call, wire::HttpResponse& response);
  void account(const Call& call, int status);

  RequestChainParts parts_;
  OwnPaths own_paths_;
  std::stop_source stop_;
  SharedBudget gathered_bytes_{kGatheredBytesMax, share_of_one(kGatheredBytesMax)};
  SharedBudget unproven_bytes_{kUnprovenBytesMax, share_of_one(kUnprovenBytesMax)};
  SharedBudget decoded_bytes_{kDecodedBytesMax, share_of_one(kDecodedBytesMax)};
  SharedBudget answer_bytes_{kAnswerBytesMax, share_of_one(kAnswerBytesMax)};
  // Waits for bodies that are still arriving: a client that sends slowly delays only its own other
  // uploads.
  FairQueue uploads_;
};

}  // namespace tidemill::server

// The whole way of a request, as one readable list (request_chain.cc, run()): accept and parse
// (wire/server) -> which service and operation -> authenticate -> body -> handler known? -> decode
// -> the model's constraints -> authorize -> handler -> encode -> metrics and access log.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "runtime/event_loops.h"
#include "runtime/worker_pool.h"
#include "server/byte_budget.h"
#include "server/metrics.h"
#include "server/own_paths.h"
#include "server/transparent/connect_path.h"
#include "services/iam/interface.h"
#include "services/service.h"
#include "wire/http.h"
#include "wire/routing/router.h"
#include "wire/sigv4/authenticator.h"

namespace tidemill::server {

// Bodies of operations without a streaming payload, read whole into memory.
inline constexpr std::uint64_t kRequestDocumentBytesMax = 16u << 20;
inline constexpr std::chrono::seconds kRequestTime{300};
inline constexpr std::size_t kUploadsWaitingMax = 1024;
// Of bodies of invocations too large for a loop to gather, from their arrival to their answers.
inline constexpr std::uint64_t kGatheredBytesMax = 1u << 30;

enum class AccessLog { all, errors, off };

// Which service's way of signing and of errors the route wants.
wire::sigv4::Dialect dialect_of(const wire::Route& route);

// What one request has become so far. Owned by whoever works on it; moves from the event loop to a
// worker and back.
struct Call {
  wire::HttpRequest request;
  wire::HttpHandler::Respond respond;
  std::string request_id;
  std::chrono::steady_clock::time_point started;
  wire::Route route;
  wire::sigv4::Identity identity;
  ByteBudget::Hold gathered;  // of a body that was too large for the loop to gather
};

// Operations that never touch the worker pool: the inference path. `respond` may come later, from
// any thread.
class AsyncOperation {
 public:
  virtual ~AsyncOperation() = default;
  virtual bool takes(const schema::Service& service, const schema::Operation& operation) const = 0;
  virtual std::uint64_t body_bytes_max() const = 0;
  // Called on an event-loop thread with an authenticated call whose body is complete and may be
  // taken; the call lives until `respond` is called.
  virtual void run(Call& call, std::move_only_function<void(wire::HttpResponse)> respond) = 0;
};

struct RequestChainParts {
  const wire::Router& router;
  wire::sigv4::Authenticator& authenticator;
  services::iam::IamInterface& iam;
  const services::Registry& registry;
  runtime::WorkerPool& workers;
  runtime::EventLoops& loops;
  const Clock& clock;
  Random& random;
  Metrics& metrics;
  AsyncOperation* async_operation = nullptr;
  ConnectPath* connect_path = nullptr;  // nullptr: CONNECT is refused
  // What a browser gets at "/"; nullopt for all other requests.
  std::function<std::optional<wire::HttpResponse>(const wire::HttpRequest&)> front_page;
  // Text after the metrics of requests.
  std::function<std::string()> further_metrics;
  AccessLog access_log = AccessLog::errors;
  std::string region = "us-east-1";
  std::string data_folder = {};  // is named to no client
};

class RequestChain final : public wire::HttpHandler {
 public:
  explicit RequestChain(RequestChainParts parts)
      : parts_(std::move(parts)),
        own_paths_({parts_.metrics, parts_.iam, parts_.workers, parts_.further_metrics}),
        uploads_({"upload", parts_.workers.threads(), kUploadsWaitingMax}) {}

  void handle(wire::HttpRequest request, Respond respond) override;
  // S3's uploads are authenticated before their clients send the body.
  std::optional<wire::HttpResponse> refuse_early(const wire::HttpRequest& request) override;
  // The answer to what is no HTTP request or passes a limit of the server.
  wire::HttpResponse bad_request(int status, std::string_view reason);
  // Ends the waits of handlers: their contexts' stop tokens fire.
  void request_stop() { stop_.request_stop(); }

 private:
  void handle_async(std::unique_ptr<Call> call);
  void gather_then_handle_async(std::unique_ptr<Call> call);
  void submit(std::unique_ptr<Call> call, std::function<void(std::unique_ptr<Call>)> work);
  wire::HttpResponse run_and_encode(Call& call);
  Result<wire::HttpResponse> run(Call& call);
  Result<void> authenticate(Call& call);
  Result<void> open_body(Call& call);
  Result<void> read_document(Call& call);
  Result<const services::Handler*> find_handler(const Call& call);
  services::Context make_context(Call& call);
  Result<void> authorize(const Call& call, const Value& input);
  services::Principal principal_of(const Call& call);
  const std::string& region_of(const Call& call);
  wire::HttpResponse encode(const Call& call, services::Context& context, const Value& output);
  wire::HttpResponse encode_error(const Call& call, const Error& error);
  void finish(Call& call, wire::HttpResponse response);
  void account(const Call& call, int status);

  RequestChainParts parts_;
  OwnPaths own_paths_;
  std::stop_source stop_;
  // Where bodies that are still arriving are waited for: clients that send slowly, however many,
  // hold up other uploads and nothing else.
  runtime::WorkerPool uploads_;
  ByteBudget gathered_bytes_{kGatheredBytesMax};
};

}  // namespace tidemill::server

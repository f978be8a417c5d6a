#include "wire/client/http_client.h"

#include <algorithm>
#include <deque>
#include <future>
#include <map>
#include <unordered_set>
#include <vector>

#include "wire/client/client_connection.h"

namespace tidemill::wire {
namespace {

std::string encode_head(const Destination& destination, const ClientRequest& request) {
  std::string head;
  head.reserve(256);
  head.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\n");
  if (!request.headers.find("host")) {
    head.append("Host: ");
    if (destination.unix_path.empty())
      head.append(destination.text());
    else
      head.append("localhost");
    head.append("\r\n");
  }
  for (const auto& [name, value] : request.headers.fields()) {
    if (equal_ignoring_case(name, "content-length") ||
        equal_ignoring_case(name, "transfer-encoding"))
      continue;
    head.append(name).append(": ");
    const std::size_t start = head.size();
    head.append(value).append("\r\n");
    // Text from a client must not end the line.
    std::replace_if(
        head.begin() + std::ptrdiff_t(start), head.end() - 2,
        [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  }
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT")
    head.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  head.append("\r\n");
  return head;
}

// The part of the client on one event loop; used only on its thread.
class LoopClient final : public ConnectionOwner {
 public:
  LoopClient(runtime::EventLoop& loop, const HttpClientOptions& options)
      : loop_(loop), options_(options) {}

  void start(std::unique_ptr<Exchange> exchange);
  void forget(const Destination& destination);
  void stop();
  runtime::EventLoop& loop() { return loop_; }

  void became_idle(const std::shared_ptr<ClientConnection>& connection) override;
  void became_closed(const std::shared_ptr<ClientConnection>& connection,
                     std::unique_ptr<Exchange> unsent) override;

 private:
  struct Pool {
    std::vector<std::shared_ptr<ClientConnection>> idle;  // most recently used last
    std::unordered_set<std::shared_ptr<ClientConnection>> all;
    std::deque<std::unique_ptr<Exchange>> waiting;
  };
  void connect(Pool& pool, std::unique_ptr<Exchange> exchange);
  // The next waiting exchange that is not past its deadline.
  std::unique_ptr<Exchange> next_waiting(Pool& pool);
  void drop_if_empty(const Destination& destination);

  runtime::EventLoop& loop_;
  const HttpClientOptions& options_;
  std::map<Destination, Pool> pools_;
  bool stopped_ = false;
};

void LoopClient::start(std::unique_ptr<Exchange> exchange) {
  if (stopped_ || exchange->cancelled()) {
    exchange->finish(fail(codes::kCancelled, stopped_ ? "the HTTP client is stopping"
                                                      : "the caller has cancelled it"));
    return;
  }
  Pool& pool = pools_[exchange->destination];
  if (!pool.idle.empty()) {
    const std::shared_ptr<ClientConnection> connection = std::move(pool.idle.back());
    pool.idle.pop_back();
    connection->start(std::move(exchange));
  } else if (pool.all.size() < options_.connections_max) {
    connect(pool, std::move(exchange));
  } else if (pool.waiting.size() < options_.waiting_max) {
    pool.waiting.push_back(std::move(exchange));
  } else {
    exchange->finish(
        fail(codes::kOverloaded, "too many requests wait for " + exchange->destination.text()));
  }
}

void LoopClient::connect(Pool& pool, std::unique_ptr<Exchange> exchange) {
  auto connection =
      std::make_shared<ClientConnection>(loop_, *this, exchange->destination, options_);
  pool.all.insert(connection);
  connection->start(std::move(exchange));
}

std::unique_ptr<Exchange> LoopClient::next_waiting(Pool& pool) {
  while (!pool.waiting.empty()) {
    std::unique_ptr<Exchange> exchange = std::move(pool.waiting.front());
    pool.waiting.pop_front();
    if (exchange->cancelled()) {
      exchange->finish(fail(codes::kCancelled, "the caller has cancelled it"));
      continue;
    }
    if (exchange->deadline > std::chrono::steady_clock::now()) return exchange;
    exchange->finish(fail(codes::kTimeout, "no connection to " + exchange->destination.text() +
                                               " became free in time"));
  }
  return nullptr;
}

void LoopClient::became_idle(const std::shared_ptr<ClientConnection>& connection) {
  Pool& pool = pools_[connection->destination()];
  if (std::unique_ptr<Exchange> next = next_waiting(pool))
    connection->start(std::move(next));
  else
    pool.idle.push_back(connection);
}

void LoopClient::became_closed(const std::shared_ptr<ClientConnection>& connection,
                               std::unique_ptr<Exchange> unsent) {
  const auto found = pools_.find(connection->destination());
  if (found == pools_.end()) return;
  Pool& pool = found->second;
  pool.all.erase(connection);
  std::erase(pool.idle, connection);
  if (unsent) {
    connect(pool, std::move(unsent));
  } else if (!stopped_) {
    if (std::unique_ptr<Exchange> next = next_waiting(pool)) connect(pool, std::move(next));
  }
  drop_if_empty(connection->destination());
}

void LoopClient::drop_if_empty(const Destination& destination) {
  const auto found = pools_.find(destination);
  if (found != pools_.end() && found->second.all.empty() && found->second.waiting.empty())
    pools_.erase(found);
}

void LoopClient::forget(const Destination& destination) {
  const auto found = pools_.find(destination);
  if (found == pools_.end()) return;
  const std::vector<std::shared_ptr<ClientConnection>> idle = found->second.idle;
  for (const std::shared_ptr<ClientConnection>& connection : idle)
    connection->close(Error{codes::kCancelled, "the destination is going away", 0});
}

void LoopClient::stop() {
  stopped_ = true;
  std::vector<std::shared_ptr<ClientConnection>> connections;
  std::vector<std::unique_ptr<Exchange>> waiting;
  for (auto& [destination, pool] : pools_) {
    connections.insert(connections.end(), pool.all.begin(), pool.all.end());
    for (std::unique_ptr<Exchange>& exchange : pool.waiting) waiting.push_back(std::move(exchange));
    pool.waiting.clear();
  }
  const Error reason{codes::kCancelled, "the HTTP client is stopping", 0};
  for (const std::shared_ptr<ClientConnection>& connection : connections) connection->close(reason);
  for (std::unique_ptr<Exchange>& exchange : waiting) exchange->finish(fail(reason));
  pools_.clear();
}

}  // namespace

std::string Destination::text() const {
  if (!unix_path.empty()) return "unix:" + unix_path;
  const bool v6 = ip_address.find(':') != std::string::npos;
  return (v6 ? "[" + ip_address + "]" : ip_address) + ":" + std::to_string(port);
}

struct HttpClient::Impl {
  Impl(runtime::EventLoops& event_loops, HttpClientOptions client_options)
      : loops(event_loops), options(client_options) {
    for (std::size_t i = 0; i < loops.size(); ++i)
      clients.push_back(std::make_shared<LoopClient>(loops.at(i), options));
  }
  const std::shared_ptr<LoopClient>& client_of(runtime::EventLoop& loop) {
    return *std::ranges::find_if(clients, [&](const auto& c) { return &c->loop() == &loop; });
  }

  runtime::EventLoops& loops;
  const HttpClientOptions options;
  std::vector<std::shared_ptr<LoopClient>> clients;  // shared with tasks posted to the loops
  bool stopped = false;
};

HttpClient::HttpClient(runtime::EventLoops& loops, HttpClientOptions options)
    : impl_(std::make_unique<Impl>(loops, options)) {}

HttpClient::~HttpClient() { stop(); }

namespace {

std::unique_ptr<Exchange> make_exchange(const Destination& destination, ClientRequest request) {
  auto exchange = std::make_unique<Exchange>();
  exchange->destination = destination;
  exchange->head = encode_head(destination, request);
  exchange->body = std::move(request.body);
  exchange->head_only = request.method == "HEAD";
  exchange->idempotent = request.idempotent || exchange->head_only || request.method == "GET";
  return exchange;
}

}  // namespace

void HttpClient::request(const Destination& destination, ClientRequest request, ClientLimits limits,
                         Callback callback) {
  std::unique_ptr<Exchange> exchange = make_exchange(destination, std::move(request));
  exchange->response_bytes_max = limits.response_bytes_max;
  exchange->budget = limits.budget;
  exchange->deadline = std::chrono::steady_clock::now() + limits.timeout;
  exchange->callback = std::move(callback);
  runtime::EventLoop& loop = impl_->loops.nearest();
  loop.post([client = impl_->client_of(loop), exchange = std::move(exchange)]() mutable {
    client->start(std::move(exchange));
  });
}

std::shared_ptr<ResponseStream> HttpClient::stream(const Destination& destination,
                                                   ClientRequest request, ClientStreamLimits limits,
                                                   StreamCallbacks callbacks) {
  std::unique_ptr<Exchange> exchange = make_exchange(destination, std::move(request));
  const auto now = std::chrono::steady_clock::now();
  runtime::EventLoop& loop = impl_->loops.nearest();
  auto handle = std::make_shared<ResponseStream>(loop);
  exchange->response_bytes_max = limits.response_bytes_max;
  exchange->deadline = now + std::min(limits.head_timeout, limits.timeout);
  exchange->stream = std::make_shared<Exchange::Stream>(handle, std::move(callbacks),
                                                        limits.idle_timeout, now + limits.timeout);
  loop.post([client = impl_->client_of(loop), exchange = std::move(exchange)]() mutable {
    client->start(std::move(exchange));
  });
  return handle;
}

Result<ClientResponse> HttpClient::request_and_wait(const Destination& destination,
                                                    ClientRequest request, ClientLimits limits) {
  // Shared: the loop may still be inside set_value() when the wait ends.
  auto promise = std::make_shared<std::promise<Result<ClientResponse>>>();
  std::future<Result<ClientResponse>> future = promise->get_future();
  this->request(destination, std::move(request), limits, [promise](Result<ClientResponse> result) {
    promise->set_value(std::move(result));
  });
  return future.get();
}

void HttpClient::forget(const Destination& destination) {
  for (const std::shared_ptr<LoopClient>& client : impl_->clients)
    client->loop().post([client, destination] { client->forget(destination); });
}

void HttpClient::stop() {
  if (impl_->stopped) return;
  impl_->stopped = true;
  for (const std::shared_ptr<LoopClient>& client : impl_->clients)
    client->loop().run_and_wait([&] { client->stop(); });
}

}  // namespace tidemill::wire

// Sends GET /ping to model servers.
#include "services/sagemaker_runtime/inference.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

constexpr std::size_t kPingBytesMax = 64 * 1024;
constexpr int kStatusGood = 200;

wire::ClientRequest ping_request() {
  wire::ClientRequest request;
  request.target = "/ping";
  return request;
}

PingAnswer answer_of(const Result<wire::ClientResponse>& response) {
  using Kind = PingAnswer::Kind;
  if (response && response->status == kStatusGood) return {Kind::good};
  if (response) return {Kind::bad, "status " + std::to_string(response->status)};
  const Error& error = response.error();
  if (error.code == codes::kTimeout)
    return {Kind::silent, "no answer within " + std::to_string(kPingTime.count()) + " s"};
  return {error.code == codes::kIo ? Kind::refused : Kind::bad, error.message};
}

}  // namespace

wire::Destination destination_of(const ServerAddress& address) {
  if (!address.socket_path.empty()) return wire::Destination::unix_socket(address.socket_path);
  return wire::Destination::tcp("127.0.0.1", address.port, address.network);
}

bool Inference::ping(const ServerAddress& address) {
  Result<wire::ClientResponse> response =
      client_.request_and_wait(destination_of(address), ping_request(), {kPingTime, kPingBytesMax});
  return response && response->status == kStatusGood;
}

void Inference::check(const ServerAddress& address,
                      std::move_only_function<void(PingAnswer)> done) {
  wire::ClientRequest request = ping_request();
  request.headers.add("Connection", "close");
  checks_.request(destination_of(address), std::move(request), {kPingTime, kPingBytesMax},
                  [done = std::move(done)](Result<wire::ClientResponse> response) mutable {
                    // The server is stopping, so the result says nothing about the model server.
                    const bool stopping = !response && response.error().code == codes::kCancelled;
                    done(stopping ? PingAnswer{PingAnswer::Kind::good} : answer_of(response));
                  });
}

}  // namespace tidemill::services::sagemaker_runtime

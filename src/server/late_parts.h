// Stand-ins for parts that are made late: the address and the dispatcher exist before the modules
// open, the request chain and IAM only afterwards.
#pragma once

#include "services/platform/dispatcher/dispatcher.h"
#include "wire/http.h"

namespace tidemill::server {

// The handler of HTTP servers, which take their address before the request chain exists.
class Entrance final : public wire::HttpHandler {
 public:
  // Call before the HTTP servers start; the handler is borrowed.
  void lead_to(wire::HttpHandler& handler) { handler_ = &handler; }
  void handle(wire::HttpRequest request, Respond respond) override {
    handler_->handle(std::move(request), std::move(respond));
  }
  std::expected<std::unique_ptr<wire::Admission>, wire::HttpResponse> admit(
      const wire::HttpRequest& head) override {
    return handler_->admit(head);
  }

 private:
  wire::HttpHandler* handler_ = nullptr;
};

// Refuses every operation until ask() has set the authorizer that decides.
class LateAuthorizer final : public services::platform::Authorizer {
 public:
  // Call before any operation is called; the authorizer is borrowed.
  void ask(services::platform::Authorizer& authorizer) { authorizer_ = &authorizer; }
  Result<void> authorize_operation(const services::Context& context, const schema::Service& service,
                                   const schema::Operation& operation,
                                   const Value& input) override {
    if (!authorizer_)
      return fail("ServiceUnavailable", "The server is starting; try again in a moment.", 503);
    return authorizer_->authorize_operation(context, service, operation, input);
  }

 private:
  services::platform::Authorizer* authorizer_ = nullptr;
};

}  // namespace tidemill::server

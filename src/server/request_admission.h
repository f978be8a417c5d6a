// What a request whose body is still to come was found to be by its head; see
// RequestChain::admit().
#pragma once

#include <memory>

#include "base/shared_budget.h"
#include "server/request_chain.h"

namespace tidemill::server {

class RequestAdmission final : public wire::Admission {
 public:
  RequestAdmission(RequestChain& chain, std::unique_ptr<Call> call, SharedBudget::Hold hold)
      : chain_(chain), call_(std::move(call)), hold_(std::move(hold)) {}

  std::optional<wire::HttpResponse> keep(std::uint64_t bytes) override;
  // What it holds counts as this owner's from now on; false when that owner has too much.
  bool move_to(SharedBudget& budget, std::string_view owner);
  // The call with all but its request, which comes with the body.
  std::unique_ptr<Call> take_call() { return std::move(call_); }

 private:
  RequestChain& chain_;  // outlives the connections
  std::unique_ptr<Call> call_;
  SharedBudget::Hold hold_;
};

}  // namespace tidemill::server

// The result of checking a request's head before its body arrives; see
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
  // Charges its holds to this owner from now on; false when that owner holds too much already.
  bool move_to(SharedBudget& budget, std::string_view owner);
  // The call without its request, which comes with the body.
  std::unique_ptr<Call> take_call() { return std::move(call_); }

 private:
  RequestChain& chain_;  // outlives the connections
  std::unique_ptr<Call> call_;
  SharedBudget::Hold hold_;
};

}  // namespace tidemill::server

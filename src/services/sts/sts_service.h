// STS: identifies callers and issues temporary credentials.
#pragma once

#include "services/iam/interface.h"
#include "services/platform/handlers/handlers.h"

namespace tidemill::services::sts {

class StsService {
 public:
  // `sessions` must outlive the service.
  explicit StsService(iam::SessionInterface& sessions) : sessions_(sessions) {}
  void add_to(Registry& registry);

 private:
  iam::SessionInterface& sessions_;
};

}  // namespace tidemill::services::sts

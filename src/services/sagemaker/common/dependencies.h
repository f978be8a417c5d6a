// The parts that the SageMaker resources are built on. They are borrowed and outlive them.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "compute/compute.h"
#include "engine/engine.h"
#include "services/iam/interface.h"
#include "services/logs/interface.h"
#include "services/platform/held/held_answers.h"
#include "services/s3/interface.h"
#include "services/sagemaker/common/images/images.h"
#include "store/store.h"

namespace tidemill::services::sagemaker {

struct Settings {
  Programs programs;
  // How jobs reach this server when their creator's address is not one they can use; also after a
  // restart. "http://127.0.0.1:4566"
  std::string endpoint;
  // Jobs get networks of their own where the machine can give them (compute::Isolation).
  bool isolate_jobs = false;
  std::uint16_t port = 0;  // of this server, and of its door in the networks of jobs
  // Where jobs in the host's network fetch their role's credentials, when AWS's SDKs do not accept
  // `endpoint` for that: "http://127.0.0.1:38211"
  std::string credentials_url;
};

// The role with which the server calls, and the place of the job or endpoint that has it.
struct RoleUse {
  std::string role_arn, account, region;
  // When the role was passed for it (iam::RoleGrant): a role that was made later under the same
  // name is another one. {}: not known.
  Timestamp since = {};
};
// S3 as the role may use it: its policies decide, call by call.
using S3As = std::function<std::unique_ptr<s3::S3Interface>(const RoleUse& use)>;
// The session's name in the messages of refusals and in policies' aws:userid.
inline constexpr const char* kRoleSessionName = "SageMaker";

// S3 as SageMaker itself uses it in an account, for checks that need no right of a role.
using S3InAccount = std::function<std::unique_ptr<s3::S3Interface>(const std::string& account,
                                                                   const std::string& region)>;

struct Dependencies {
  store::Store& store;
  engine::Engine& engine;
  compute::Driver& compute;
  S3InAccount s3_in_account;
  logs::LogsInterface& logs;
  iam::IamInterface& iam;
  Clock& clock;
  Random& random;
  platform::HeldAnswers& held;  // by engine::record_id() of what they wait for
  S3As s3_as;
  Settings settings;
  // Measures how long jobs take (base/boot_clock.h): steps of the wall clock do not move it.
  // nullptr: `clock` does.
  const Clock* durations = nullptr;
};

// The first parts of the names of volumes (compute/volumes.h), of training jobs and of fleets.
inline constexpr const char* kTrainingVolumes = "training";
inline constexpr const char* kFleetVolumes = "endpoints";

inline constexpr const char* kServicePrincipal = "sagemaker.amazonaws.com";

}  // namespace tidemill::services::sagemaker

// What the SageMaker resources are built on. Everything is borrowed and outlives them.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "compute/compute.h"
#include "engine/engine.h"
#include "services/iam/interface.h"
#include "services/logs/interface.h"
#include "services/s3/interface.h"
#include "services/sagemaker/images/images.h"
#include "store/store.h"

namespace tidemill::services::sagemaker {

struct Settings {
  std::string jobs_directory;  // absolute; each job's /opt/ml lies below it; made when missing
  Programs programs;
  // How jobs reach this server when their creator's address is not one they can use; also after a
  // restart. "http://127.0.0.1:4566"
  std::string endpoint;
};

struct Dependencies {
  store::Store& store;
  engine::Engine& engine;
  compute::Compute& compute;
  s3::S3Interface& s3;
  logs::LogsInterface& logs;
  iam::IamInterface& iam;
  Clock& clock;
  Random& random;
  Settings settings;
};

inline constexpr const char* kServicePrincipal = "sagemaker.amazonaws.com";

}  // namespace tidemill::services::sagemaker

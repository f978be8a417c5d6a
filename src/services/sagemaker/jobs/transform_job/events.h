// The events of a transform job's state machine. The store contains the types' names.
#pragma once

#include <string>

#include "services/sagemaker/jobs/transform_job/transform_job.h"

namespace tidemill::services::sagemaker::jobs::transform_events {

struct Started : TransformStart {
  static constexpr const char* kType = kStarted;
};
BOOST_DESCRIBE_STRUCT(Started, (TransformStart), ())

struct Transformed : TransformResult {
  static constexpr const char* kType = kTransformed;
};
BOOST_DESCRIBE_STRUCT(Transformed, (TransformResult), ())

struct ModelChanged {
  static constexpr const char* kType = kModelChanged;
  Value model;  // its processes, anew
};
BOOST_DESCRIBE_STRUCT(ModelChanged, (), (model))

struct CleanedUp {
  static constexpr const char* kType = kCleanedUp;
};
BOOST_DESCRIBE_STRUCT(CleanedUp, (), ())

}  // namespace tidemill::services::sagemaker::jobs::transform_events

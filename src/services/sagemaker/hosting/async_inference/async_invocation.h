// The record of one asynchronous invocation, its states and its events.
//
//   Queued -> Running -> gone (its output is in S3);  Queued, Running -> Failing -> gone
//
// Running goes back to Queued when the model had no room for it or the server ended.
#pragma once

#include <boost/describe.hpp>
#include <string>

#include "base/describe.h"
#include "base/value.h"
#include "engine/engine.h"
#include "store/table.h"

namespace tidemill::services::sagemaker::hosting {

enum class AsyncPhase { queued, running, failing };
BOOST_DESCRIBE_ENUM(AsyncPhase, queued, running, failing)

struct AsyncInvocation {
  std::string account, region, endpoint;
  std::string id;            // unique; its order is that of arrival
  std::string inference_id;  // the client's or ours
  std::string input_location;
  Blob inline_body;  // when there is no input_location
  std::string content_type, accept, custom_attributes;
  std::string output_location;
  std::string role_arn;          // reads the input, writes the output and the failure
  std::string failure_location;  // "" none: failures are only logged
  Timestamp received, expires;
  std::int64_t timeout_seconds = 0;
  AsyncPhase phase = AsyncPhase::queued;
  std::int64_t attempts = 0;  // begun and not given back
  std::string failure;
  bool overdue = false;  // its timer rang while it was running
  Timestamp role_since;  // as RoleUse::since
};
TIDEMILL_RECORD(AsyncInvocation, (),
                (account, region, endpoint, id, inference_id, input_location, inline_body,
                 content_type, accept, custom_attributes, output_location, role_arn,
                 failure_location, received, expires, timeout_seconds, phase, attempts, failure,
                 overdue, role_since))

inline constexpr const char* kAsyncMachine = "sagemaker_async_invocation";

// Why a record breaks its invariant (store/invariant.h), "" when it does not.
std::string_view invariant(const AsyncInvocation& invocation);
const store::Table<AsyncInvocation>& async_invocations();
// In the order of arrival within an endpoint.
std::string async_invocation_key(const AsyncInvocation& invocation);
std::string async_invocation_id(Timestamp received, Random& random);

// The events of its state machine. The store contains the types' names.
namespace async_events {
inline constexpr const char* kDispatched = "Dispatched";
inline constexpr const char* kReleased = "Released";
inline constexpr const char* kInterrupted = "Interrupted";
inline constexpr const char* kFailed = "Failed";
inline constexpr const char* kExpired = "Expired";

struct Dispatched {
  static constexpr const char* kType = kDispatched;
};
BOOST_DESCRIBE_STRUCT(Dispatched, (), ())

// The model had no room: back to the queue as if nothing had been.
struct Released {
  static constexpr const char* kType = kReleased;
};
BOOST_DESCRIBE_STRUCT(Released, (), ())

// It ended before there was an answer, through no fault of the model's as far as is known;
// kAsyncAttemptsMax times, then it fails.
struct Interrupted {
  static constexpr const char* kType = kInterrupted;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(Interrupted, (), (reason))

struct Failed {
  static constexpr const char* kType = kFailed;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(Failed, (), (reason))

// Its time in the queue is over.
struct Expired {
  static constexpr const char* kType = kExpired;
};
BOOST_DESCRIBE_STRUCT(Expired, (), ())
}  // namespace async_events

namespace async_tasks {
inline constexpr const char* kExpire = "Expire";  // a timer
inline constexpr const char* kWriteFailure = "WriteFailure";
inline constexpr const char* kRemove = "Remove";
}  // namespace async_tasks

// A model that ends the server with it is not asked for ever.
inline constexpr std::int64_t kAsyncAttemptsMax = 3;

// The first record and its timer.
engine::Step<AsyncInvocation> begin_async_invocation(AsyncInvocation invocation);
// Pure. nullopt when the event does not apply any more.
Result<std::optional<engine::Step<AsyncInvocation>>> async_transition(
    const AsyncInvocation& invocation, const engine::Event& event, Timestamp now);

}  // namespace tidemill::services::sagemaker::hosting

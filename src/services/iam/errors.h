// IAM's errors; their HTTP statuses come from the model.
#pragma once

#include <string>

#include "base/error.h"

namespace tidemill::services::iam {

inline std::unexpected<Error> no_such_entity(std::string message) {
  return fail("NoSuchEntity", std::move(message), 404);
}
inline std::unexpected<Error> already_exists(std::string message) {
  return fail("EntityAlreadyExists", std::move(message), 409);
}
inline std::unexpected<Error> delete_conflict(std::string message) {
  return fail("DeleteConflict", std::move(message), 409);
}
inline std::unexpected<Error> limit_exceeded(std::string message) {
  return fail("LimitExceeded", std::move(message), 409);
}
// A role under the name of the deleted one that was passed.
inline std::unexpected<Error> made_again(const std::string& role_arn) {
  return fail("AccessDenied",
              "The role " + role_arn +
                  " was deleted and made again after it was passed. The new role must be passed "
                  "anew: make the job, model or endpoint configuration that names it again.",
              403);
}
inline std::unexpected<Error> validation_error(std::string message) {
  return fail("ValidationError", std::move(message), 400);
}

}  // namespace tidemill::services::iam

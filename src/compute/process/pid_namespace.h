// Processes of a job that can see and reach no others, and end together.
#pragma once

#include "base/descriptor.h"
#include "base/error.h"

namespace tidemill::compute {

// A pid namespace with a first process of ours, which adopts the job's orphans and waits. The job
// itself is the second process, so that SIGTERM ends it like any other; the first process of a
// namespace ignores it. All processes inside end with the first one, which ends with this object.
class PidNamespace {
 public:
  // Only as root. The caller stays in its own namespace.
  static Result<PidNamespace> make();
  PidNamespace() = default;

  explicit operator bool() const { return first_pid_ > 0; }
  // While this lives, the caller's forked children are inside. For single-threaded callers only.
  class Entered {
   public:
    explicit Entered(const PidNamespace& space);
    ~Entered();
    Entered(const Entered&) = delete;
    Entered& operator=(const Entered&) = delete;

   private:
    Descriptor own_;
  };

 private:
  int first_pid_ = 0;    // a child of the caller, reaped by it
  Descriptor space_;     // the namespace
  Descriptor lifeline_;  // the first process ends when the last holder ends
};

}  // namespace tidemill::compute

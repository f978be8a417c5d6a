// Processes of a job that see and reach no others, and end together.
#pragma once

#include "base/descriptor.h"
#include "base/error.h"

namespace tidemill::compute {

// A pid namespace with a first process of ours, which adopts the job's orphans and waits. The job
// itself is the second process, so that it gets SIGTERM like any other; the first process of a
// namespace ignores it. Whatever is inside ends with the first process, which ends with this.
class PidNamespace {
 public:
  // As root only. The caller keeps its own namespace.
  static Result<PidNamespace> make();
  PidNamespace() = default;

  explicit operator bool() const { return first_pid_ > 0; }
  // While this lives, children that the caller forks are inside. Not for callers with threads.
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
  Descriptor lifeline_;  // the first process ends when the last holder of this has ended
};

}  // namespace tidemill::compute

// The process's signals: waited for on one thread instead of interrupting any.
#pragma once

namespace tidemill::runtime {

// SIGINT, SIGTERM and SIGHUP as something to wait for. Made first in main(), before any thread, so
// that every thread inherits the mask. SIGPIPE is ignored from then on: writes answer EPIPE.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Blocks until one of the signals, or interrupt(), comes. The signal's number, 0 after
  // interrupt().
  int wait();
  // Ends a wait() of another thread. Thread-safe.
  void interrupt();

 private:
  int signal_descriptor_;
  int event_descriptor_;
};

}  // namespace tidemill::runtime

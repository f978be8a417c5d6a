// The process's signals: one thread waits for them; no other thread is interrupted.
#pragma once

namespace tidemill::runtime {

// Waits for SIGINT, SIGTERM and SIGHUP. Make it first in main(), before any thread starts, so that
// every thread inherits the mask. It also ignores SIGPIPE: writes return EPIPE.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Blocks until one of the signals or interrupt() comes. Returns the signal's number, or 0 after
  // interrupt().
  int wait();
  // Ends a wait() on another thread. Thread-safe.
  void interrupt();

 private:
  int signal_descriptor_;
  int event_descriptor_;
};

}  // namespace tidemill::runtime

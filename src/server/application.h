// The server, put together: which concrete parts there are, in which order they start and stop.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "server/settings.h"

namespace tidemill::server {

// Which operations are implemented: a table for people, or service name -> operations as JSON.
std::string coverage_text(bool as_json);

class Application {
 public:
  // Opens the data folder and starts everything; requests are served when it returns. Errors say
  // what to do: the folder is in use, the address is taken, the certificate is bad.
  static Result<std::unique_ptr<Application>> start(const Settings& settings);
  // Stops taking requests, lets those in flight finish, and closes the folder. Jobs go on.
  ~Application();

  // "http://127.0.0.1:4566"
  const std::string& endpoint() const;

 private:
  friend std::string coverage_text(bool as_json);
  struct Parts;
  explicit Application(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// Runs an application until SIGINT or SIGTERM; the process's exit code.
int serve(const Settings& settings);

}  // namespace tidemill::server

// The server's doors in the networks of jobs (compute::JobDoors): each is one listening socket more
// of an HTTP server that is there for jobs alone, plain HTTP whatever the server speaks outside.
#pragma once

#include "compute/compute.h"
#include "wire/server/http_server.h"

namespace tidemill::server {

class HttpJobDoors final : public compute::JobDoors {
 public:
  explicit HttpJobDoors(wire::HttpServer& server) : server_(server) {}
  void open(const std::string& job, Descriptor listener) override {
    server_.add_door(job, listener.release());
  }
  void close(const std::string& job) override { server_.remove_door(job); }

 private:
  wire::HttpServer& server_;
};

}  // namespace tidemill::server

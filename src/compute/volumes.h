// Files for jobs. A volume is a tree of files with a name, which a driver shows to jobs. Services
// fill the server's copy before a job starts and read it after the job's end; publish() and
// collect() carry the files to where jobs run and back. A driver that runs jobs on this machine
// shows the server's copy itself, and then both do nothing.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace tidemill::compute {

// Thread-safe for different volumes; one volume has one user at a time in the server.
class Volumes {
 public:
  virtual ~Volumes() = default;
  // The server's copy, an absolute path; there after make(). A name is made of parts like a path:
  // "training/<job>/ml". The first part says whose it is.
  virtual std::string folder(const std::string& name) const = 0;
  // Makes an empty volume unless it exists. The folders above it are closed to other users.
  virtual Result<void> make(const std::string& name) = 0;
  // Shows jobs the server's copy. Call it before prepare() of a job that mounts the volume. Running
  // jobs that mount it see new files too.
  virtual Result<void> publish(const std::string& name) = 0;
  // Brings what jobs wrote into the server's copy. Call it once they have ended.
  virtual Result<void> collect(const std::string& name) = 0;
  // Removes the volume and those whose names begin with its name and a slash. Idempotent. No job
  // that mounts one may be running.
  virtual Result<void> remove(const std::string& name) = 0;
};

// Volumes on this machine's disk; jobs are shown the server's copy itself.
class LocalVolumes final : public Volumes {
 public:
  // `directory`: absolute. `owners`: the first parts that names may have; empty: any.
  explicit LocalVolumes(std::string directory, std::vector<std::string> owners = {});
  std::string folder(const std::string& name) const override;
  Result<void> make(const std::string& name) override;
  Result<void> publish(const std::string& name) override;
  Result<void> collect(const std::string& name) override;
  Result<void> remove(const std::string& name) override;

 private:
  Result<void> check(const std::string& name) const;

  const std::string directory_;
  const std::vector<std::string> owners_;
};

}  // namespace tidemill::compute

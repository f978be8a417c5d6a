// A driver whose jobs do not see the server's copies of volumes, as on another machine: files move
// only by publish() and collect().
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "compute/compute.h"

namespace tidemill::compute {

class RemoteVolumes final : public Volumes {
 public:
  // `far`: what jobs see. Borrowed.
  RemoteVolumes(std::string directory, Volumes& far) : near_(std::move(directory)), far_(far) {}

  std::string folder(const std::string& name) const override { return near_.folder(name); }
  Result<void> make(const std::string& name) override { return near_.make(name); }
  Result<void> publish(const std::string& name) override {
    if (Result<void> made = far_.make(name); !made) return made;
    return copy(near_.folder(name), far_.folder(name));
  }
  Result<void> collect(const std::string& name) override {
    return copy(far_.folder(name), near_.folder(name));
  }
  Result<void> remove(const std::string& name) override {
    if (Result<void> removed = near_.remove(name); !removed) return removed;
    return far_.remove(name);
  }

 private:
  // Files that both have are taken to be the same unless the source is newer.
  static Result<void> copy(const std::string& from, const std::string& to) {
    namespace fs = std::filesystem;
    std::error_code problem;
    for (auto walk = fs::recursive_directory_iterator(from, problem);
         !problem && walk != fs::recursive_directory_iterator(); walk.increment(problem)) {
      const fs::path target = to / walk->path().lexically_relative(from);
      if (walk->is_symlink() && fs::is_symlink(fs::symlink_status(target))) continue;
      if (walk->is_directory() && !walk->is_symlink()) {
        fs::create_directories(target);
        continue;
      }
      fs::copy(walk->path(), target,
               fs::copy_options::copy_symlinks | fs::copy_options::update_existing, problem);
    }
    if (problem) return fail(codes::kIo, "copy " + from + ": " + problem.message());
    return {};
  }

  LocalVolumes near_;
  Volumes& far_;
};

class DriverWithRemoteVolumes final : public Driver {
 public:
  DriverWithRemoteVolumes(std::unique_ptr<Driver> driver, std::string directory)
      : driver_(std::move(driver)), volumes_(std::move(directory), driver_->volumes()) {}

  Result<void> adopt(JobListener& listener) override { return driver_->adopt(listener); }
  void stop_watching() override { driver_->stop_watching(); }
  Result<void> prepare(const JobSpec& spec) override { return driver_->prepare(spec); }
  Result<void> start(const std::string& id) override { return driver_->start(id); }
  Result<JobStatus> observe(const std::string& id) override { return driver_->observe(id); }
  Result<LogPart> log(const std::string& id, std::uint64_t offset, std::size_t bytes_max) override {
    return driver_->log(id, offset, bytes_max);
  }
  Result<LogTail> log_tail(const std::string& id, std::size_t bytes_max) override {
    return driver_->log_tail(id, bytes_max);
  }
  Result<void> stop(const std::string& id, std::chrono::seconds grace) override {
    return driver_->stop(id, grace);
  }
  Result<void> remove(const std::string& id) override { return driver_->remove(id); }
  Address address(const std::string& id, std::uint16_t port) override {
    return driver_->address(id, port);
  }
  bool listens(const std::string& id, std::uint16_t port) override {
    return driver_->listens(id, port);
  }
  Volumes& volumes() override { return volumes_; }
  std::string path_in_jobs(const std::string& volume, const std::string& destination) override {
    return driver_->path_in_jobs(volume, destination);
  }
  Isolation isolation() const override { return driver_->isolation(); }

 private:
  std::unique_ptr<Driver> driver_;
  RemoteVolumes volumes_;
};

}  // namespace tidemill::compute

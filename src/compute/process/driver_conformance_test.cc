// The process driver in the suite that every driver passes.
#include "compute/conformance/driver_conformance.h"
#include "compute/conformance/test_remote_volumes.h"
#include "compute/process/process_compute.h"

namespace tidemill::compute {
namespace {

namespace fs = std::filesystem;

Result<std::unique_ptr<Driver>> open_process_driver(const fs::path& folder, Clock& clock) {
  ProcessOptions options;
  options.directory = folder / "jobs";
  options.shim_command = {"/proc/self/exe", "shim"};
  options.volumes_directory = folder / "volumes";
  return TRY(make_process_driver(std::move(options), clock));
}

Result<std::unique_ptr<Driver>> open_with_remote_volumes(const fs::path& folder, Clock& clock) {
  return std::make_unique<DriverWithRemoteVolumes>(TRY(open_process_driver(folder, clock)),
                                                   folder / "copies");
}

[[maybe_unused]] const bool registered =
    add_driver_under_test({"process", &open_process_driver}) &&
    add_driver_under_test({"process_with_remote_volumes", &open_with_remote_volumes});

}  // namespace
}  // namespace tidemill::compute

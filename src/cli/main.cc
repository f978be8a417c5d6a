// The entry point. A job's shim and built-in algorithms run as processes of the same binary; main()
// recognizes them before it starts any part of the server.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/crash_point.h"
#include "cli/cli.h"
#include "compute/process/confine.h"
#include "compute/process/shim.h"
#include "infer/check_model.h"
#include "model_server/onnx_serve.h"
#include "server/application.h"
#include "server/audit_command.h"
#include "server/image_list.h"
#include "train/xgboost_main.h"

namespace {

// Loading may use as much as the largest known models need, but no more.
int check_model(const std::string& directory, const tidemill::infer::LoadOptions& options) {
  constexpr std::uint64_t kMemoryBytes = 2ull << 30, kMemoryPerByte = 16;
  constexpr std::uint64_t kCpuSeconds = 240;  // over all threads; the caller limits elapsed time
  std::uint64_t bytes = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, ignored))
    if (entry.is_regular_file(ignored)) bytes += entry.file_size(ignored);
  return tidemill::compute::run_confined(
      {directory, kMemoryBytes + kMemoryPerByte * bytes, kCpuSeconds},
      [&options](const std::string& folder) {
        return tidemill::infer::check_model_main(folder, options);
      });
}

}  // namespace

int main(int argc, char** argv) {
  tidemill::arm_crash_points();
  using std::string_view;
  string_view command = argc > 1 ? argv[1] : "";
  if (command == "shim") return tidemill::compute::shim_main(argc, argv);
  if (command == "train") {
    // Without a mount namespace of their own, jobs have their /opt/ml elsewhere.
    const char* root = std::getenv("TIDEMILL_ML_ROOT");
    if (argc == 3 && string_view(argv[2]) == "xgboost")
      return tidemill::train::xgboost_main(root ? root : "/opt/ml");
    std::fprintf(stderr, "tidemill: the built-in algorithms are: xgboost\n");
    return 2;
  }
  if (command == "check-model" && (argc == 3 || argc == 4))
    return check_model(
        argv[2], {.combine = argc == 4 && string_view(argv[3]) == tidemill::infer::kCombineWord});
  if (command == "onnx-serve") return tidemill::model_server::onnx_serve_main();
  return tidemill::cli::run(
      argc, argv,
      {tidemill::server::serve, tidemill::server::coverage_text, tidemill::server::images_text,
       tidemill::server::verify_audit, tidemill::server::export_audit});
}

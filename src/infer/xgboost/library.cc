#include "infer/xgboost/library.h"

#include <dlfcn.h>

#include <cstdlib>

namespace tidemill::infer::xgboost {
namespace {

constexpr const char* kLibraryName = "libxgboost.so.0";

Result<Library> open_library() {
  // Otherwise idle OpenMP threads would spin for milliseconds after each parallel region and take
  // cores from the event loops. libgomp reads the variable when it is loaded below.
  setenv("OMP_WAIT_POLICY", "passive", 0);
  void* handle = dlopen(kLibraryName, RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return fail(codes::kNotFound, std::string("cannot load XGBoost: ") + dlerror() +
                                      "; install the Debian package libxgboost0");
  Library library;
#define TIDEMILL_XGBOOST_LOAD(name)                                              \
  library.name = reinterpret_cast<decltype(library.name)>(dlsym(handle, #name)); \
  if (!library.name)                                                             \
    return fail(codes::kNotFound, std::string(kLibraryName) + " has no function " #name);
  TIDEMILL_XGBOOST_FUNCTIONS(TIDEMILL_XGBOOST_LOAD)
#undef TIDEMILL_XGBOOST_LOAD
  return library;
}

}  // namespace

std::string Library::last_error() const {
  std::string text = XGBGetLastError();
  // "[12:00:00] ./src/learner.cc:1: Check failed: ...: message\nStack trace:\n ..."
  if (auto trace = text.find("\nStack trace"); trace != std::string::npos) text.resize(trace);
  if (text.starts_with('[')) {
    if (auto close = text.find("] "); close != std::string::npos) text.erase(0, close + 2);
    if (auto place = text.find(": "); place != std::string::npos && text.find(".cc:") < place)
      text.erase(0, place + 2);
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

Result<const Library*> library() {
  static const Result<Library> opened = open_library();
  if (!opened) return fail(opened.error());
  return &*opened;
}

}  // namespace tidemill::infer::xgboost

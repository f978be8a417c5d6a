#include "runtime/thread_name.h"

#include <pthread.h>

#include <string>

namespace tidemill::runtime {

void set_thread_name(std::string_view name) {
  const std::string short_name(name.substr(0, 15));
  pthread_setname_np(pthread_self(), short_name.c_str());
}

}  // namespace tidemill::runtime

// Names of threads, as `top -H` and debuggers show them.
#pragma once

#include <string_view>

namespace tidemill::runtime {

// Names the calling thread; the kernel keeps the first fifteen bytes.
void set_thread_name(std::string_view name);

}  // namespace tidemill::runtime

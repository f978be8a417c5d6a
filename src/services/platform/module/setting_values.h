// The server's settings, as modules read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemill::services::platform {

class SettingValues {
 public:
  virtual ~SettingValues() = default;
  // By the setting's name, such as "log-sweep-seconds". The setting must exist.
  virtual const std::string& text(std::string_view name) const = 0;
  virtual std::int64_t number(std::string_view name) const = 0;
};

}  // namespace tidemill::services::platform

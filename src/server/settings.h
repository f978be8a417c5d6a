// Configuration: one table with every setting and the source of its value. Order of precedence:
// command-line flag, TIDEMILL_* variable, configuration file, default.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "services/platform/module/setting_values.h"

namespace tidemill::server {

struct SettingSpec {
  std::string_view
      name;  // "log-level": flag --log-level, variable TIDEMILL_LOG_LEVEL, key log-level
  std::string_view default_value;
  std::string_view description;
  // The accepted words; empty: any text.
  std::vector<std::string_view> choices = {};
  bool number = false;
  std::int64_t number_min = 0;
};

std::span<const SettingSpec> setting_specs();
// "log-level" -> "TIDEMILL_LOG_LEVEL"
std::string variable_name(std::string_view setting);

class Settings final : public services::platform::SettingValues {
 public:
  struct Entry {
    std::string value;
    std::string source;  // "flag", "TIDEMILL_LISTEN", "/etc/tidemill.yaml", "default"
  };
  // `flags` by setting name. `variables` is the environment. --config or TIDEMILL_CONFIG names the
  // file; without either, tidemill.yaml in the working directory is read if present. Unknown keys,
  // unknown TIDEMILL_* variables and values out of range are errors that name them.
  static Result<Settings> resolve(const std::map<std::string, std::string>& flags,
                                  const std::map<std::string, std::string>& variables);

  const std::string& text(std::string_view name) const override;
  std::int64_t number(std::string_view name) const override;
  // One line per setting: name, value, source. Settings never hold secrets.
  std::string explain() const;
  std::string explain_json() const;

 private:
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace tidemill::server

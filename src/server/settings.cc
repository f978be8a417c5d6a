#include "server/settings.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <filesystem>

#include "api/regions.h"
#include "base/json.h"

namespace tidemill::server {
namespace {

std::string joined(const std::vector<std::string_view>& words) {
  std::string out;
  for (std::string_view word : words) out += (out.empty() ? "" : ", ") + std::string(word);
  return out;
}

const std::vector<SettingSpec>& described_specs() {
  static const std::vector<SettingSpec> all = {
      {"data", "tidemill-data", "folder for all data of the server"},
      {"listen", "127.0.0.1:4566", "address and port to listen on; port 0 takes a free one"},
      {"auth",
       "verify",
       "verify: signatures are checked; any: every credential is root (for CI)",
       {"verify", "any"}},
      {"capture",
       "background",
       "background: answers do not wait for captured data; durable: they wait until it is safe",
       {"background", "durable"}},
      {"region", "us-east-1", "region for requests that do not name one"},
      {"strict-aws",
       "off",
       "on: AWS's own limits where Tidemill allows more (invocations of 6 MiB and 60 s)",
       {"off", "on"}},
      {"domain", "", "host name whose subdomains are buckets, besides localhost"},
      {"allowed-hosts", "",
       "with auth any: other allowed host names of the server, such as a container's (a, *.b, *)"},
      {"allowed-origins", "",
       "web pages that may use the server, such as http://localhost:3000 (or *)"},
      {"tunnel",
       "loopback",
       "tunnels to hosts other than AWS's (CONNECT). loopback: for this machine; jobs: also for "
       "jobs",
       {"loopback", "jobs", "off"}},
      {"python", "python3", "interpreter of script-mode jobs and Python models"},
      {"job-network",
       "isolated",
       "isolated: jobs and model servers reach only this server; host: they use the host's network",
       {"isolated", "host"}},
      {"tls-certificate", "", "PEM file; with tls-key, the server speaks HTTPS"},
      {"tls-key", "", "PEM file"},
      {"log-level", "info", "lowest level to log", {"debug", "info", "warning", "error"}},
      {"log-format", "text", "form of a log line", {"text", "json"}},
      {"log-sweep-seconds",
       "300",
       "seconds between deletions of log events past their group's retention",
       {},
       true,
       1},
      {"audit-days", "90", "days for which the audit log keeps its records", {}, true, 1},
      {"trail-delivery-seconds",
       "300",
       "seconds between deliveries of events to the buckets of trails",
       {},
       true,
       1},
      {"trail-digest-seconds", "3600", "seconds that a digest of a trail covers", {}, true, 1},
      {"access-log", "errors", "which requests are logged", {"all", "errors", "off"}},
      {"event-loops", "0", "network threads; 0: one per core", {}, true},
      {"ping-interval-seconds",
       "5",
       "seconds between /ping requests to a model server in service; 0: never",
       {},
       true},
      {"workers", "24", "threads that run handlers", {}, true, 1},
      {"queue",
       "4096",
       "requests that may wait for a worker; further ones are answered with 503",
       {},
       true,
       1},
      {"connections-max",
       "10000",
       "most connections open at once; the limit of open files may lower it",
       {},
       true,
       1},
      {"idle-timeout-seconds", "75", "idle connections are closed after this time", {}, true, 1},
      {"stop-grace-seconds", "5", "time for requests in flight to finish at a stop", {}, true},
  };
  return all;
}

// Appends the accepted words to the descriptions that do not explain each of them.
const std::vector<SettingSpec>& specs() {
  static std::deque<std::string> texts;
  static const std::vector<SettingSpec> all = [] {
    std::vector<SettingSpec> described = described_specs();
    for (SettingSpec& spec : described) {
      const auto explained = [&spec](std::string_view choice) {
        return spec.description.contains(std::string(choice) + ": ");
      };
      if (std::ranges::all_of(spec.choices, explained)) continue;
      spec.description =
          texts.emplace_back(std::string(spec.description) + " (" + joined(spec.choices) + ")");
    }
    return described;
  }();
  return all;
}

const SettingSpec* find_spec(std::string_view name) {
  auto found = std::ranges::find(specs(), name, &SettingSpec::name);
  return found == specs().end() ? nullptr : &*found;
}

// The region is part of every ARN and of bucket names that clients derive from it.
Result<void> check_region(const std::string& who, const std::string& value) {
  const std::span<const std::string_view> known = api::region_names();
  if (std::ranges::find(known, value) != known.end()) return {};
  return fail(codes::kInvalid, who + ": '" + value +
                                   "' is not one of the regions of AWS's partition aws: " +
                                   joined({known.begin(), known.end()}));
}

// "http://a" and "a:4566" would never match a request's host.
Result<void> check_host_names(const std::string& who, const std::string& value) {
  if (value.find_first_of("/:@") == std::string::npos) return {};
  return fail(codes::kInvalid, who +
                                   " takes names of hosts without scheme, port and path, such as "
                                   "tidemill.example.com, not '" +
                                   value + "'");
}

Result<void> check(const SettingSpec& spec, const std::string& value, const std::string& source) {
  std::string who = std::string(spec.name) + " (from " + source + ")";
  if (!spec.choices.empty() && std::ranges::find(spec.choices, value) == spec.choices.end())
    return fail(codes::kInvalid,
                who + " must be one of " + joined(spec.choices) + ", not '" + value + "'");
  if (spec.name == "region") TRY(check_region(who, value));
  if (spec.name == "domain" || spec.name == "allowed-hosts") TRY(check_host_names(who, value));
  if (spec.number) {
    std::int64_t number = 0;
    auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < spec.number_min ||
        number > 1'000'000)
      return fail(codes::kInvalid, who + " must be a whole number from " +
                                       std::to_string(spec.number_min) + " to 1000000, not '" +
                                       value + "'");
  }
  return {};
}

Result<void> check_tls_pair(const Settings::Entry& certificate, const Settings::Entry& key) {
  if (certificate.value.empty() == key.value.empty()) return {};
  const bool has_key = certificate.value.empty();
  return fail(codes::kInvalid,
              std::string(has_key ? "tls-key (from " + key.source
                                  : "tls-certificate (from " + certificate.source) +
                  ") needs " + (has_key ? "tls-certificate" : "tls-key") +
                  ", too: HTTPS takes a certificate and its key");
}

// All keys with their values as text; Tidemill.Invalid names the file and the line.
Result<std::map<std::string, std::string>> read_file(const std::string& path) {
  std::map<std::string, std::string> values;
  if (!std::filesystem::exists(path))
    return fail(codes::kInvalid,
                "there is no file " + path + "; --config or TIDEMILL_CONFIG names it");
  try {
    YAML::Node root = YAML::LoadFile(path);
    if (root.IsNull()) return values;
    if (!root.IsMap()) return fail(codes::kInvalid, path + " must be a mapping of setting: value");
    for (const auto& item : root) {
      std::string name = item.first.as<std::string>();
      if (!find_spec(name))
        return fail(codes::kInvalid, path + ", line " + std::to_string(item.first.Mark().line + 1) +
                                         ": there is no setting '" + name +
                                         "'; `tidemill config` lists them");
      values[name] = item.second.as<std::string>();
    }
  } catch (const std::exception& error) {
    return fail(codes::kInvalid, "cannot read the configuration " + path + ": " + error.what());
  }
  return values;
}

// A misspelt variable would otherwise be a setting that is silently ignored.
Result<void> check_variables(const std::map<std::string, std::string>& variables) {
  // Not settings: the file's own path, base/crash_point.h, and variables of tests and tools.
  constexpr std::string_view kOthers[] = {
      "TIDEMILL_CONFIG",  "TIDEMILL_CRASH_AT",  "TIDEMILL_BINARY",        "TIDEMILL_BENCH_DIR",
      "TIDEMILL_ML_ROOT", "TIDEMILL_TEST_SEED", "TIDEMILL_DUCKDB_LIBRARY"};
  for (const auto& [name, value] : variables) {
    if (!name.starts_with("TIDEMILL_") || std::ranges::find(kOthers, name) != std::end(kOthers))
      continue;
    auto same = [&name](const SettingSpec& spec) { return variable_name(spec.name) == name; };
    if (std::ranges::none_of(specs(), same))
      return fail(codes::kInvalid, "there is no setting for the variable " + name +
                                       "; `tidemill config` lists them all");
  }
  return {};
}

}  // namespace

std::span<const SettingSpec> setting_specs() { return specs(); }

std::string variable_name(std::string_view setting) {
  std::string name = "TIDEMILL_" + std::string(setting);
  for (char& c : name) c = c == '-' ? '_' : char(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

Result<Settings> Settings::resolve(const std::map<std::string, std::string>& flags,
                                   const std::map<std::string, std::string>& variables) {
  TRY(check_variables(variables));
  Settings settings;
  for (const SettingSpec& spec : specs())
    settings.entries_[std::string(spec.name)] = {std::string(spec.default_value), "default"};

  std::string file;
  if (auto flag = flags.find("config"); flag != flags.end()) {
    file = flag->second;
  } else if (auto variable = variables.find("TIDEMILL_CONFIG"); variable != variables.end()) {
    file = variable->second;
  } else if (std::filesystem::exists("tidemill.yaml")) {
    file = "tidemill.yaml";
  }
  if (!file.empty()) {
    std::map<std::string, std::string> values = TRY(read_file(file));
    for (auto& [name, value] : values) settings.entries_[name] = {value, file};
  }
  for (const SettingSpec& spec : specs()) {
    std::string variable = variable_name(spec.name);
    if (auto found = variables.find(variable); found != variables.end())
      settings.entries_[std::string(spec.name)] = {found->second, variable};
    if (auto found = flags.find(std::string(spec.name)); found != flags.end())
      settings.entries_[std::string(spec.name)] = {found->second, "flag"};
  }
  for (const SettingSpec& spec : specs()) {
    const Entry& entry = settings.entries_.find(spec.name)->second;
    TRY(check(spec, entry.value, entry.source));
  }
  TRY(check_tls_pair(settings.entries_.find("tls-certificate")->second,
                     settings.entries_.find("tls-key")->second));
  return settings;
}

const std::string& Settings::text(std::string_view name) const {
  return entries_.find(name)->second.value;
}

std::int64_t Settings::number(std::string_view name) const {
  const std::string& value = text(name);
  std::int64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

std::string Settings::explain() const {
  std::string out;
  for (const SettingSpec& spec : specs()) {
    const Entry& entry = entries_.find(spec.name)->second;
    char line[512];
    std::snprintf(line, sizeof line, "%-22s %-22s %-24s %s\n", std::string(spec.name).c_str(),
                  entry.value.empty() ? "\"\"" : entry.value.c_str(), entry.source.c_str(),
                  std::string(spec.description).c_str());
    out += line;
  }
  return out;
}

std::string Settings::explain_json() const {
  ValueObject object;
  for (const auto& [name, entry] : entries_) {
    ValueObject one;
    one.append("value", entry.value);
    one.append("source", entry.source);
    object.append(name, std::move(one));
  }
  return write_json_pretty(object);
}

}  // namespace tidemill::server

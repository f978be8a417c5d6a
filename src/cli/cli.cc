#include "cli/cli.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "base/json.h"
#include "cli/api_call.h"
#include "cli/endpoint_history.h"
#include "cli/environment.h"
#include "cli/storage_report.h"
#include "server/version.h"

extern char** environ;

namespace tidemill::cli {
namespace {

std::map<std::string, std::string> environment_variables() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry; ++entry) {
    std::string_view text = *entry;
    std::size_t equals = text.find('=');
    if (equals != text.npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

// Adds a flag for each setting to a command that reads settings.
void add_setting_flags(CLI::App& command, std::map<std::string, std::string>& values) {
  command.add_option_function<std::string>(
      "--config", [&values](const std::string& value) { values["config"] = value; },
      "YAML file of settings (default: tidemill.yaml when it is there)");
  for (const server::SettingSpec& spec : server::setting_specs()) {
    std::string name(spec.name);
    std::string help(spec.description);
    if (!spec.default_value.empty()) help += " [" + std::string(spec.default_value) + "]";
    CLI::Option* option = command.add_option_function<std::string>(
        "--" + name, [&values, name](const std::string& value) { values[name] = value; }, help);
    // "--strict-aws" without a value means on.
    if (spec.choices == std::vector<std::string_view>{"off", "on"})
      option->expected(0, 1)->default_str("on");
  }
}

// A failed `env` is often inside eval "$(...)", which succeeds when it is given nothing: then the
// shell would go on with its old variables.
void let_eval_fail(int argc, char** argv) {
  if (argc < 2 || std::string_view(argv[1]) != "env" || ::isatty(STDOUT_FILENO)) return;
  for (int i = 2; i < argc; ++i)
    if (std::string_view(argv[i]).ends_with("json")) return;
  std::cout << "false\n";
}

int complain(const Error& error) {
  std::cerr << "tidemill: " << error.message << "\n";
  return 1;
}

std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

int print_environment(const server::Settings& settings, EnvironmentOptions options,
                      const std::string& format) {
  if (const char* no_proxy = std::getenv("NO_PROXY")) options.no_proxy = no_proxy;
  Result<ClientEnvironment> environment = client_environment(settings, options);
  if (!environment) return complain(environment.error());
  if (!environment->warning.empty()) std::cerr << "tidemill: " << environment->warning << "\n";
  if (format == "json") {
    ValueObject object;
    for (const auto& [name, value] : environment->variables) object.append(name, value);
    std::cout << write_json_pretty(object);
    return 0;
  }
  for (const std::string& name : environment->unset) std::cout << "unset " << name << "\n";
  for (const auto& [name, value] : environment->variables)
    std::cout << "export " << name << "=" << shell_quoted(value) << "\n";
  return 0;
}

int print_storage(const server::Settings& settings, bool as_json) {
  Result<ApiTarget> target = api_target(settings, environment_variables());
  if (!target) return complain(target.error());
  Result<std::string> text = storage_report(*target, as_json);
  if (!text) return complain(text.error());
  std::cout << *text;
  return 0;
}

int print_history(const server::Settings& settings, const std::string& endpoint, bool as_json) {
  Result<ApiTarget> target = api_target(settings, environment_variables());
  if (!target) return complain(target.error());
  Result<std::string> text = endpoint_history(*target, endpoint, as_json);
  if (!text) return complain(text.error());
  std::cout << *text;
  return 0;
}

}  // namespace

int run(int argc, char** argv, const ServerCommands& commands) {
  CLI::App app{"Tidemill: MLOps on your own machines, with AWS's own clients.", "tidemill"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "tidemill " + std::string(server::kVersion),
                       "print the version and exit");
  std::map<std::string, std::string> flags;
  std::string format = "shell";
  bool as_json = false;

  CLI::App* serve = app.add_subcommand("serve", "run the server until it is interrupted");
  add_setting_flags(*serve, flags);
  CLI::App* env = app.add_subcommand(
      "env", "print the variables that a shell needs to use the server: eval \"$(tidemill env)\"");
  add_setting_flags(*env, flags);
  env->add_option("--format", format, "shell or json")->check(CLI::IsMember({"shell", "json"}));
  EnvironmentOptions environment;
  env->add_flag("--transparent", environment.transparent,
                "make AWS's own host names lead to the server, too (proxy and certificates)");
  CLI::Option* role = env->add_option(
      "--role", environment.role,
      "act as this role, with automatically renewed credentials [the execution role that the "
      "first start makes]");
  env->add_flag("--root", environment.root, "the root key instead of a role")->excludes(role);
  CLI::App* config =
      app.add_subcommand("config", "print the current settings and the source of each");
  add_setting_flags(*config, flags);
  config->add_flag("--json", as_json, "as JSON");
  CLI::App* version = app.add_subcommand("version", "print the version");
  CLI::App* coverage = app.add_subcommand("coverage", "print which operations are implemented");
  coverage->add_flag("--json", as_json, "as JSON");

  CLI::App* images =
      app.add_subcommand("images", "print the known container images and what runs them");
  images->add_flag("--json", as_json, "as JSON");

  CLI::App* endpoint = app.add_subcommand("endpoint", "what the server knows about an endpoint");
  endpoint->require_subcommand(1);
  CLI::App* history = endpoint->add_subcommand("history", "print its deployments, oldest first");
  std::string endpoint_name;
  history->add_option("NAME", endpoint_name, "the endpoint's name")->required();
  history->add_flag("--json", as_json, "as JSON");
  add_setting_flags(*history, flags);

  CLI::App* storage =
      app.add_subcommand("storage", "print what the buckets hold, by storage class");
  storage->add_flag("--json", as_json, "as JSON");
  add_setting_flags(*storage, flags);

  CLI::App* audit = app.add_subcommand("audit", "the audit log: who did what, and how it ended");
  audit->require_subcommand(1);
  std::string audit_file;
  CLI::App* verify = audit->add_subcommand(
      "verify", "find records of the log that were altered, removed or moved");
  verify->add_option("FILE", audit_file, "an exported file [the log in the data folder]");
  add_setting_flags(*verify, flags);
  CLI::App* export_log =
      audit->add_subcommand("export", "write the log to a file that can be verified elsewhere");
  export_log->add_option("FILE", audit_file, "a new file; - is the standard output")->required();
  add_setting_flags(*export_log, flags);

  auto is_named = [&](const CLI::App* command) { return command->get_name() == argv[1]; };
  if (argc > 1 && argv[1][0] != '-' && app.get_subcommands(is_named).empty()) {
    std::cerr << "tidemill: there is no command '" << argv[1] << "'; tidemill --help lists them\n";
    return 2;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    int code = app.exit(error);
    if (code != 0) let_eval_fail(argc, argv);
    return code == 0 ? 0 : 2;
  }
  if (*version) {
    std::cout << "tidemill " << server::kVersion << "\n";
    return 0;
  }
  if (*coverage) {
    std::cout << commands.coverage(as_json);
    return 0;
  }
  if (*images) {
    std::cout << commands.images(as_json);
    return 0;
  }
  Result<server::Settings> settings = server::Settings::resolve(flags, environment_variables());
  if (!settings) {
    let_eval_fail(argc, argv);
    return complain(settings.error());
  }
  if (*config) {
    std::cout << (as_json ? settings->explain_json() : settings->explain());
    return 0;
  }
  if (*verify) return commands.verify_audit(*settings, audit_file);
  if (*export_log) return commands.export_audit(*settings, audit_file);
  if (*storage) return print_storage(*settings, as_json);
  if (*endpoint) return print_history(*settings, endpoint_name, as_json);
  if (*env) {
    const int status = print_environment(*settings, environment, format);
    if (status != 0) let_eval_fail(argc, argv);
    return status;
  }
  return commands.serve(*settings);
}

}  // namespace tidemill::cli

#include "server/coverage_table.h"

#include <algorithm>
#include <cstdio>

#include "api/all_services.h"
#include "base/schema.h"

namespace tidemill::server {
namespace {

constexpr std::size_t kLineColumns = 100;

// The names, separated by commas, in lines that are indented by two columns.
std::string wrapped(const ValueList& names) {
  std::string out, line;
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::string word = *names[i].as_string() + (i + 1 < names.size() ? "," : "");
    if (!line.empty() && line.size() + 1 + word.size() > kLineColumns) {
      out += line + "\n";
      line.clear();
    }
    line += (line.empty() ? "  " : " ") + word;
  }
  return out + line + "\n";
}

}  // namespace

std::string coverage_table(const Value& implemented) {
  std::string table, names;
  const auto row = [&table](const std::string& service, const std::string& have,
                            const std::string& in_model) {
    char line[160];
    std::snprintf(line, sizeof line, "%-20s %12s %14s\n", service.c_str(), have.c_str(),
                  in_model.c_str());
    table += line;
  };
  row("service", "implemented", "in the model");
  for (const schema::Service* service : api::all_services()) {
    const Value* found = implemented.find(service->name);
    const ValueList* listed = found ? found->as_list() : nullptr;
    const std::size_t have = listed ? listed->size() : 0;
    row(std::string(service->name), std::to_string(have),
        std::to_string(service->operations.size()));
    if (have > 0) names += "\n" + std::string(service->name) + "\n" + wrapped(*listed);
  }
  return table + names +
         "\nOther operations are refused as not implemented. docs/coverage.md names them, too; "
         "--json prints this for programs.\n";
}

}  // namespace tidemill::server

#include "cli/endpoint_history.h"

#include <cmath>

#include "base/clock.h"
#include "base/json.h"

namespace tidemill::cli {
namespace {

std::string text_of(const Value& object, std::string_view name) {
  const Value* value = object.find(name);
  return value && value->as_string() ? *value->as_string() : std::string();
}

double number_of(const Value& object, std::string_view name) {
  const Value* value = object.find(name);
  if (!value) return std::nan("");
  if (const double* real = value->get_if<double>()) return *real;
  if (const std::int64_t* whole = value->get_if<std::int64_t>()) return double(*whole);
  return std::nan("");
}

// In this protocol timestamps are seconds with a fraction.
std::string time_of(const Value& object, std::string_view name) {
  const double seconds = number_of(object, name);
  if (std::isnan(seconds)) return "-";
  return format_iso8601(Timestamp{std::int64_t(seconds * 1e6)});
}

std::string one_decimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string describe(const Value& deployment) {
  std::string out = time_of(deployment, "StartTime") + "  " + text_of(deployment, "Result") + "  " +
                    text_of(deployment, "Operation");
  const std::string before = text_of(deployment, "PreviousEndpointConfigName");
  const std::string after = text_of(deployment, "EndpointConfigName");
  out += before.empty() || before == after ? "  " + after : "  " + before + " -> " + after;
  const double taken = number_of(deployment, "EndTime") - number_of(deployment, "StartTime");
  if (!std::isnan(taken)) out += "  (" + one_decimal(taken) + " s)";
  out += "\n    " + text_of(deployment, "Policy");
  if (const std::string who = text_of(deployment, "Trigger"); !who.empty()) out += ", by " + who;
  out += "\n";
  if (const Value* steps = deployment.find("Steps"); steps && steps->as_list())
    for (const Value& step : *steps->as_list())
      out += "    " + time_of(step, "Time") + "  " + text_of(step, "What") + "  " +
             one_decimal(number_of(step, "TrafficPercent")) + "% to the new fleet\n";
  if (const std::string reason = text_of(deployment, "Reason"); !reason.empty())
    out += "    " + reason + "\n";
  return out;
}

}  // namespace

Result<std::string> endpoint_history(const ApiTarget& target, const std::string& endpoint,
                                     bool as_json) {
  ValueList all;
  std::string token;
  do {
    ValueObject input;
    input.append("EndpointName", endpoint);
    if (!token.empty()) input.append("NextToken", token);
    Value page = TRY(call_sagemaker(target, "ListEndpointDeployments", input));
    if (const Value* deployments = page.find("Deployments"); deployments && deployments->as_list())
      for (const Value& deployment : *deployments->as_list()) all.push_back(deployment);
    token = text_of(page, "NextToken");
  } while (!token.empty());
  if (as_json) return write_json_pretty(Value(all));
  std::string out;
  for (const Value& deployment : all) out += describe(deployment);
  return out;
}

}  // namespace tidemill::cli

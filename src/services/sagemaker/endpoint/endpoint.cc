#include "services/sagemaker/endpoint/endpoint.h"

#include <charconv>

#include "services/sagemaker/listing/listing.h"

namespace tidemill::services::sagemaker {

const store::Table<Endpoint>& endpoints() {
  static const store::Table<Endpoint> table{
      "sagemaker_endpoints",
      {{"by_created",
        [](const Endpoint& each) {
          return std::vector<std::string>{
              creation_index_key(each.account, each.region, each.created, each.name)};
        }},
       {"by_status", [](const Endpoint& each) {
          return std::vector<std::string>{
              store::key({each.account, each.region, each.status, each.name})};
        }}}};
  return table;
}

std::string endpoint_key(std::string_view account, std::string_view region, std::string_view name) {
  return store::key({account, region, name});
}

std::string endpoint_arn(std::string_view account, std::string_view region, std::string_view name) {
  return "arn:aws:sagemaker:" + std::string(region) + ":" + std::string(account) + ":endpoint/" +
         std::string(name);
}

std::string instance_job_id(const Endpoint& endpoint, const InstanceRef& ref) {
  return kEndpointJobPrefix + endpoint.account + "." + endpoint.region + "." + endpoint.name + "." +
         ref.fleet + "." + std::to_string(ref.variant) + "." + std::to_string(ref.instance) + "." +
         std::to_string(ref.attempt);
}

Result<InstanceJob> parse_instance_job_id(std::string_view id) {
  constexpr std::size_t kParts = 8;
  std::vector<std::string> parts;
  for (std::string_view rest = id;;) {
    const std::size_t dot = rest.find('.');
    parts.emplace_back(rest.substr(0, dot));
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  if (!id.starts_with(kEndpointJobPrefix) || parts.size() != kParts)
    return fail(codes::kInvalid, "not the job of an endpoint: " + std::string(id));
  InstanceJob job{parts[1], parts[2], parts[3], {}};
  job.ref.fleet = parts[4];
  auto number = [](const std::string& text, std::int64_t& out) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size();
  };
  if (!number(parts[5], job.ref.variant) || !number(parts[6], job.ref.instance) ||
      !number(parts[7], job.ref.attempt))
    return fail(codes::kInvalid, "not the job of an endpoint: " + std::string(id));
  return job;
}

std::string instance_log_stream(const Variant& variant, const std::string& fleet,
                                std::int64_t instance) {
  return variant.name + "/i-" + fleet + "-" + std::to_string(instance);
}

}  // namespace tidemill::services::sagemaker

#include "wire/http.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/push_body.h"
#include "wire/server/upgrade.h"

namespace tidemill::wire {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; }

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
  return true;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

const std::string* Headers::find(std::string_view name) const {
  for (const Field& field : fields_)
    if (equal_ignoring_case(field.first, name)) return &field.second;
  return nullptr;
}

std::string_view Headers::get(std::string_view name) const {
  const std::string* value = find(name);
  return value ? std::string_view(*value) : std::string_view();
}

void Headers::erase(std::string_view name) {
  std::erase_if(fields_,
                [&](const Field& field) { return equal_ignoring_case(field.first, name); });
}

void Headers::set(std::string_view name, std::string value) {
  if (find(name)) erase(name);
  fields_.emplace_back(std::string(name), std::move(value));
}

std::expected<std::unique_ptr<Admission>, HttpResponse> HttpHandler::admit(const HttpRequest&) {
  return nullptr;
}

HttpResponse::HttpResponse() = default;
HttpResponse::~HttpResponse() = default;
HttpResponse::HttpResponse(HttpResponse&&) noexcept = default;
HttpResponse& HttpResponse::operator=(HttpResponse&&) noexcept = default;

const QueryParameter* HttpRequest::find_query(std::string_view name) const {
  for (const QueryParameter& parameter : query)
    if (parameter.name == name) return &parameter;
  return nullptr;
}

std::string_view HttpRequest::host() const { return headers.get("host"); }

Result<void> parse_target(HttpRequest& request) {
  std::string_view target = request.target;
  // Absolute form, which proxies send: "http://host/path".
  if (std::size_t scheme = target.find("://"); !target.starts_with('/') && scheme != target.npos) {
    std::size_t slash = target.find('/', scheme + 3);
    target = slash == target.npos ? std::string_view("/") : target.substr(slash);
  }
  std::size_t mark = target.find('?');
  request.raw_path = std::string(target.substr(0, mark));
  request.raw_query = mark == target.npos ? "" : std::string(target.substr(mark + 1));
  request.path = TRY(percent_decode(request.raw_path));
  request.query.clear();
  std::string_view rest = request.raw_query;
  while (!rest.empty()) {
    std::string_view part = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    if (part.empty()) continue;
    std::size_t equals = part.find('=');
    QueryParameter parameter;
    parameter.has_value = equals != part.npos;
    parameter.name = TRY(percent_decode(part.substr(0, equals), true));
    if (parameter.has_value) parameter.value = TRY(percent_decode(part.substr(equals + 1), true));
    request.query.push_back(std::move(parameter));
  }
  return {};
}

}  // namespace tidemill::wire

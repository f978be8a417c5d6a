#include "cli/role_check.h"

#include <string_view>

namespace tidemill::cli {
namespace {

constexpr int kForbidden = 403;
// As many role names as a message lists.
constexpr int kRolesListed = 50;

// The texts of one element of a response of IAM.
std::string texts_of(std::string_view xml, const std::string& element) {
  const std::string open = "<" + element + ">", close = "</" + element + ">";
  std::string out;
  for (std::size_t at = xml.find(open); at != xml.npos; at = xml.find(open, at)) {
    at += open.size();
    const std::size_t end = xml.find(close, at);
    if (end == xml.npos) break;
    out += (out.empty() ? "" : ", ") + std::string(xml.substr(at, end - at));
  }
  return out;
}

// " Roles that exist: a, b", or nothing when they cannot be asked for.
std::string existing_roles(const ApiTarget& root) {
  ApiCall call;
  call.service = "iam";
  call.method = "POST";
  call.target = "/";
  call.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  call.body = "Action=ListRoles&Version=2010-05-08&MaxItems=" + std::to_string(kRolesListed);
  Result<ApiAnswer> answer = call_api(root, call);
  if (!answer || answer->status != 200) return "";
  const std::string names = texts_of(answer->body, "RoleName");
  if (names.empty()) return " There is no role yet; `tidemill env --root` prints the root key.";
  const bool more = answer->body.find("<IsTruncated>true") != std::string::npos;
  return " Roles that exist: " + names + (more ? ", ..." : "") +
         ". `tidemill env --root` prints the root key.";
}

}  // namespace

Result<void> check_role(const std::string& role, const std::string& credentials_url,
                        const std::string& token, const ApiTarget& root) {
  Result<ApiAnswer> answer = get_url(credentials_url, {{"Authorization", token}});
  if (!answer) return fail(answer.error());
  if (answer->status == 200) return {};
  if (answer->status == kForbidden)
    return fail(codes::kNotFound, "there is no role " + role + "." + existing_roles(root));
  return fail(codes::kIo, "the server gives no credentials of the role " + role + ": " +
                              std::to_string(answer->status) + " " + answer->body);
}

}  // namespace tidemill::cli

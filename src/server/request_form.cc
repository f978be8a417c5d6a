// Upload forms in the request chain: a POST of multipart/form-data to a bucket becomes a PutObject
// whose headers are the form's fields.
#include <algorithm>

#include "base/encoding.h"
#include "server/post_policy.h"
#include "server/request_chain.h"
#include "server/upload_form.h"
#include "wire/protocols/xml.h"
#include "wire/sigv4/errors.h"

namespace tidemill::server {
namespace {

using wire::HttpRequest;
using wire::HttpResponse;
using wire::sigv4::Dialect;

constexpr std::string_view kFileName = "${filename}";

// Fields that are headers of PutObject by the same name. The names that begin with "x-amz-" are,
// too, but for those of the signature.
constexpr std::string_view kHeaderFields[] = {
    "cache-control", "content-type", "content-disposition", "content-encoding", "content-language",
    "content-md5",   "expires"};
constexpr std::string_view kSignatureFields[] = {
    "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "x-amz-security-token"};
// The only headers of the request itself that are used; a form signs none of them.
constexpr std::string_view kKeptHeaders[] = {"host", "origin", "referer", "user-agent",
                                             ":tls-version"};

template <std::size_t N>
bool is_one_of(const std::string_view (&list)[N], std::string_view name) {
  return std::ranges::find(list, name) != std::end(list);
}

std::unexpected<Error> invalid_argument(std::string message, std::string_view name,
                                        std::string_view value) {
  return fail(Error{"InvalidArgument",
                    std::move(message),
                    400,
                    {{"ArgumentName", std::string(name)}, {"ArgumentValue", std::string(value)}}});
}

// Fields become headers of the object's answers: a line end would begin another header there.
bool has_controls(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

// Browsers may tell the file's whole path.
std::string_view last_component(std::string_view path) {
  const std::size_t slash = path.find_last_of("/\\");
  return slash == path.npos ? path : path.substr(slash + 1);
}

FormFields with_file_name(const FormFields& fields, std::string_view file_name) {
  FormFields expanded;
  for (const auto& [name, given] : fields.all()) {
    std::string value = given;
    for (std::size_t at = 0; (at = value.find(kFileName, at)) != value.npos; at += file_name.size())
      value.replace(at, kFileName.size(), file_name);
    expanded.add(name, std::move(value));
  }
  return expanded;
}

wire::sigv4::FormSignature signature_of(const FormFields& fields) {
  const auto text = [&](std::string_view name) { return std::string(fields.get(name)); };
  wire::sigv4::FormSignature out;
  out.policy = text("policy");
  out.algorithm = text("x-amz-algorithm");
  out.credential = text("x-amz-credential");
  out.date = text("x-amz-date");
  out.access_key_id = text("AWSAccessKeyId");
  out.signature = text(out.is_v4() ? "x-amz-signature" : "signature");
  out.session_token = text("x-amz-security-token");
  return out;
}

// <Tagging><TagSet>... as the header has it: a=b&c=d.
Result<std::string> tagging_header(const schema::Service& service, std::string_view document) {
  const schema::Operation* operation = schema::find_operation(service, "PutObjectTagging");
  const auto member =
      std::ranges::find(operation->input->members, "Tagging", &schema::Member::name);
  const Result<Value> tagging = wire::read_xml(*member->shape, document, false, "Tagging");
  const Value* set = tagging ? tagging->find("TagSet") : nullptr;
  if (!set || !set->as_list())
    return fail("MalformedXML",
                "The XML you provided was not well-formed or did not validate against our "
                "published schema",
                400);
  std::string header;
  for (const Value& tag : *set->as_list()) {
    const Value* key = tag.find("Key");
    const Value* value = tag.find("Value");
    if (!header.empty()) header += '&';
    header += percent_encode(key && key->as_string() ? *key->as_string() : "") + "=" +
              percent_encode(value && value->as_string() ? *value->as_string() : "");
  }
  return header;
}

Result<wire::Headers> headers_of(const schema::Service& service, const HttpRequest& request,
                                 const FormFields& fields) {
  wire::Headers headers;
  for (const auto& [name, value] : request.headers.fields())
    if (is_one_of(kKeptHeaders, wire::lower_case(name))) headers.add(name, value);
  for (const auto& [given, value] : fields.all()) {
    std::string name = wire::lower_case(given);
    const bool is_document = name == "tagging";
    if (is_document) name = "x-amz-tagging";
    if (name == "acl") name = "x-amz-acl";
    const bool is_header = is_one_of(kHeaderFields, name) ||
                           (name.starts_with("x-amz-") && !is_one_of(kSignatureFields, name));
    if (!is_header) continue;
    if (has_controls(value) || has_controls(name))
      return invalid_argument("The value of a form field has a control character.", given, "");
    // "acl" and "x-amz-acl" are one header.
    if (headers.find(name))
      return invalid_argument("POST requires exactly one value for each field.", given, value);
    headers.set(name, is_document ? TRY(tagging_header(service, value)) : value);
  }
  return headers;
}

// A redirect to anything other than a plain http or https address is ignored.
bool is_redirect(std::string_view url) {
  return (url.starts_with("http://") || url.starts_with("https://")) &&
         std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f; });
}

void add_element(std::string_view name, std::string_view value, std::string& out) {
  out.append("<").append(name).append(">");
  wire::write_xml_text(value, out);
  out.append("</").append(name).append(">");
}

}  // namespace

std::optional<wire::Route> RequestChain::form_route(const HttpRequest& request) const {
  if (!is_upload_form(request)) return std::nullopt;
  const std::string_view signed_for = wire::sigv4::claimed_scope(request).service;
  if (!signed_for.empty() && signed_for != "s3") return std::nullopt;
  // The bucket is where a PUT of an object would have it.
  HttpRequest put;
  put.method = "PUT";
  put.path = request.path.ends_with('/') ? request.path : request.path + "/";
  put.path += "k";
  put.raw_path = request.raw_path.ends_with('/') ? request.raw_path : request.raw_path + "/";
  put.raw_path += "k";
  put.target = put.raw_path;
  put.headers.add("Host", std::string(request.host()));
  Result<wire::Route> route = parts_.router.resolve(put, "s3");
  if (!route || !route->operation || route->operation->name != "PutObject") return std::nullopt;
  for (const auto& [name, value] : route->labels)
    if (name == "Key" && value != "k") return std::nullopt;  // a POST to an object
  return *std::move(route);
}

Result<void> RequestChain::open_form(Call& call) {
  HttpRequest& request = call.request;
  std::unique_ptr<ByteSource> body =
      request.stream ? std::move(request.stream)
                     : std::make_unique<StringSource>(std::exchange(request.body, {}));
  UploadForm form = TRY(read_upload_form(request.headers.get("content-type"), std::move(body)));
  const FormFields fields = with_file_name(form.fields, last_component(form.file_name));
  std::string bucket;
  for (auto& [name, value] : call.route.labels)
    if (name == "Bucket") bucket = value;
  call.identity = {};
  call.identity.anonymous = true;
  call.identity.region = parts_.region;
  if (const std::string* policy = fields.find("policy")) {
    call.identity =
        TRY(parts_.authenticator.authenticate_form(signature_of(fields), parts_.clock.now()));
    const Result<std::string> document = decode_base64(*policy);
    if (!document) return fail("InvalidPolicyDocument", "Invalid Policy: it is not base64.", 400);
    *form.bounds = TRY(check_post_policy(*document, fields, bucket, parts_.clock.now()));
  } else if (parts_.authenticator.options().mode == wire::sigv4::AuthenticatorOptions::Mode::any) {
    return fail(wire::sigv4::missing_credentials(Dialect::s3));
  }
  TRY(check_identity(call));
  TRY(charge(call));
  const std::string* key = fields.find("key");
  if (!key)
    return invalid_argument(
        "Bucket POST must contain a field named 'key'.  If it is specified, please check the "
        "order of the fields.",
        "key", "");
  if (key->empty())
    return invalid_argument("User key must have a length greater than 0.", "key", "");
  for (auto& [name, value] : call.route.labels)
    if (name == "Key") value = *key;
  request.headers = TRY(headers_of(*call.route.service, request, fields));
  request.query.clear();
  request.stream = std::move(form.file);
  call.form->bucket = bucket;
  call.form->key = *key;
  call.form->status = fields.get("success_action_status");
  const std::string* redirect = fields.find("success_action_redirect");
  if (!redirect) redirect = fields.find("redirect");
  if (redirect && is_redirect(*redirect)) call.form->redirect = *redirect;
  call.proven = call.opened = true;
  return {};
}

void RequestChain::shape_form_answer(const Call& call, HttpResponse& response) const {
  const FormAnswer& form = *call.form;
  const std::string etag(response.headers.get("ETag"));
  const std::string location = (call.request.tls ? "https://" : "http://") +
                               std::string(call.request.host()) + "/" + form.bucket + "/" +
                               percent_encode(form.key, true);
  response.body.clear();
  response.headers.erase("Content-Type");
  if (!form.redirect.empty()) {
    response.status = 303;
    const char separator = form.redirect.find('?') == std::string::npos ? '?' : '&';
    response.headers.set("Location",
                         form.redirect + separator + "bucket=" + percent_encode(form.bucket) +
                             "&key=" + percent_encode(form.key) + "&etag=" + percent_encode(etag));
    return;
  }
  response.headers.set("Location", location);
  response.status = form.status == "200" ? 200 : form.status == "201" ? 201 : 204;
  if (response.status != 201) return;
  response.headers.set("Content-Type", "application/xml");
  response.body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse>";
  add_element("Location", location, response.body);
  add_element("Bucket", form.bucket, response.body);
  add_element("Key", form.key, response.body);
  add_element("ETag", etag, response.body);
  response.body += "</PostResponse>";
}

}  // namespace tidemill::server

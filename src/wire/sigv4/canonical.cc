#include "wire/sigv4/canonical.h"

#include <algorithm>

#include "base/encoding.h"

namespace tidemill::wire::sigv4 {
namespace {

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}
bool is_upper_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); }

int hex_value(char c) { return c <= '9' ? c - '0' : c - 'A' + 10; }

// Whether decoding and encoding the text leaves it unchanged: the common case.
bool is_canonical(std::string_view text, bool keep_slash) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_unreserved(text[i]) || (keep_slash && text[i] == '/')) continue;
    if (text[i] != '%' || i + 2 >= text.size()) return false;
    if (!is_upper_hex(text[i + 1]) || !is_upper_hex(text[i + 2])) return false;
    const char decoded = char(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
    if (is_unreserved(decoded) || (keep_slash && decoded == '/')) return false;
    i += 2;
  }
  return true;
}

std::string canonical_component(std::string_view text) {
  if (is_canonical(text, false)) return std::string(text);
  Result<std::string> decoded = percent_decode(text, true);
  return percent_encode(decoded ? std::string_view(*decoded) : text);
}

// Whether all forms of the path equal the path as sent: the common case.
bool is_plain_path(std::string_view path) {
  if (!path.starts_with('/')) return false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '/' && !is_unreserved(path[i])) return false;
    // Doubled slashes and possible dot segments.
    if (path[i] == '/' && i + 1 < path.size() && (path[i + 1] == '/' || path[i + 1] == '.'))
      return false;
  }
  return true;
}

// RFC 3986 5.2.4, and removes doubled slashes, like AWS's clients.
std::string normalize(std::string_view path) {
  std::vector<std::string_view> segments;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (!segment.empty() && segment != ".") {
      segments.push_back(segment);
    }
    at = end + 1;
  }
  std::string out;
  out.reserve(path.size() + 1);
  for (std::string_view segment : segments) out.append("/").append(segment);
  if (out.empty() || path.ends_with('/')) out += '/';
  return out;
}

}  // namespace

std::string canonical_path(std::string_view raw_path, PathForm form) {
  if (raw_path.empty()) raw_path = "/";
  switch (form) {
    case PathForm::as_sent:
      return std::string(raw_path);
    case PathForm::encoded_once: {
      if (is_canonical(raw_path, true)) return std::string(raw_path);
      Result<std::string> decoded = percent_decode(raw_path);
      return percent_encode(decoded ? std::string_view(*decoded) : raw_path, true);
    }
    case PathForm::normalized_encoded:
      return percent_encode(normalize(raw_path), true);
    case PathForm::encoded_again:
      return percent_encode(raw_path, true);
  }
  return std::string(raw_path);
}

std::string canonical_query(std::string_view raw_query) {
  struct Parameter {
    std::string name, value;
    auto operator<=>(const Parameter&) const = default;
  };
  std::vector<Parameter> parameters;
  for (std::size_t at = 0; at < raw_query.size();) {
    const std::size_t end = std::min(raw_query.find('&', at), raw_query.size());
    const std::string_view part = raw_query.substr(at, end - at);
    at = end + 1;
    if (part.empty()) continue;
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string_view name = part.substr(0, equals);
    if (equal_ignoring_case(name, "X-Amz-Signature")) continue;
    parameters.push_back(
        {canonical_component(name),
         equals == part.size() ? std::string() : canonical_component(part.substr(equals + 1))});
  }
  std::ranges::sort(parameters);
  std::string out;
  out.reserve(raw_query.size() + parameters.size());
  for (const Parameter& parameter : parameters) {
    if (!out.empty()) out += '&';
    out.append(parameter.name).append("=").append(parameter.value);
  }
  return out;
}

void append_trimmed(std::string_view value, std::string& out) {
  // Two searches: find_first_of() would do one for each character.
  if (!value.contains(' ') && !value.contains('\t')) {
    out += value;
    return;
  }
  const std::size_t start = out.size();
  bool space = false;
  for (char c : value) {
    if (c == ' ' || c == '\t') {
      space = out.size() > start;
      continue;
    }
    if (space) out += ' ';
    space = false;
    out += c;
  }
}

void append_canonical_headers(const Headers& headers, const std::vector<std::string_view>& names,
                              std::string& out) {
  for (std::string_view name : names) {
    out.append(name).append(":");
    bool first = true;
    for (const Headers::Field& field : headers.fields()) {
      if (!equal_ignoring_case(field.first, name)) continue;
      if (!first) out += ',';
      first = false;
      append_trimmed(field.second, out);
    }
    out += '\n';
  }
}

std::string canonical_request(const CanonicalInput& input) {
  std::string out;
  // Leaves room for the string to sign, which the authenticator appends.
  out.reserve(512 + input.request.target.size() + 64 * input.signed_headers.size());
  out.append(input.request.method).append("\n");
  if (is_plain_path(input.request.raw_path))
    out.append(input.request.raw_path).append("\n");
  else
    out.append(canonical_path(input.request.raw_path, input.path_form)).append("\n");
  if (!input.request.raw_query.empty()) out.append(canonical_query(input.request.raw_query));
  out += '\n';
  append_canonical_headers(input.request.headers, input.signed_headers, out);
  out.append("\n").append(input.signed_headers_text).append("\n").append(input.payload_hash);
  return out;
}

}  // namespace tidemill::wire::sigv4

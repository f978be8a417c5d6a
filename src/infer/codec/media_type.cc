#include "infer/codec/media_type.h"

#include <cctype>

namespace tidemill::infer {

std::string media_type(std::string_view header) {
  std::string_view type = header.substr(0, header.find(';'));
  std::string out;
  for (char letter : type)
    if (letter != ' ' && letter != '\t')
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return out;
}

std::string accepted_type(std::string_view accept, const std::string& otherwise) {
  if (media_type(accept).empty()) return otherwise;
  while (!accept.empty()) {
    std::size_t comma = accept.find(',');
    std::string type = media_type(accept.substr(0, comma));
    accept.remove_prefix(comma == std::string_view::npos ? accept.size() : comma + 1);
    if (type == "*/*" || type == "application/*" || type == "text/*") return otherwise;
    if (type == "text/csv" || type == "application/json" || type == "application/jsonlines")
      return type;
    if (type == "application/x-jsonlines" || type == "application/jsonl")
      return "application/jsonlines";
  }
  return {};
}

}  // namespace tidemill::infer

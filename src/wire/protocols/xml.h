// XML bodies under a schema: restXml reads and writes them; query protocols write them.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/schema.h"
#include "base/value.h"

namespace tidemill::wire {

// Larger documents are refused: CompleteMultipartUpload with 10,000 parts and DeleteObjects with
// 1,000 long keys are smaller.
inline constexpr std::size_t xml_body_bytes_max = 8u << 20;

// Reads a document whose root represents `shape`; only body members with `body_only`. Document
// types are refused, so entities are never expanded. The root must be named `root_name`, unless
// that is empty. Otherwise Tidemill.Invalid.
Result<Value> read_xml(const schema::Shape& shape, std::string_view text, bool body_only,
                       std::string_view root_name);

// Always writes well-formed XML 1.0: characters that XML cannot hold become U+FFFD.
void write_xml_text(std::string_view text, std::string& out);
// Whether XML 1.0 can hold the text unchanged.
bool is_xml_text(std::string_view text);

// Writes the members of a structure as elements, in the model's order, without an outer element.
// `milliseconds_always`: S3 writes "2026-11-23T15:17:42.000Z".
class XmlWriter {
 public:
  XmlWriter(std::string& out, bool milliseconds_always)
      : out_(out), milliseconds_always_(milliseconds_always) {}

  void members(const schema::Shape& shape, const Value& value, bool body_only);
  // <name xmlns="..."> with the structure's attribute members.
  void open(std::string_view name, std::string_view xml_namespace, std::string_view xml_prefix,
            const schema::Shape* shape, const Value* value);
  void close(std::string_view name);
  // <name>text</name>
  void element(std::string_view name, std::string_view text);

 private:
  void member(std::string_view name, const schema::Member& member, const Value& value);
  void list(std::string_view name, const schema::Member& member, const Value& value);
  void map(std::string_view name, const schema::Member& member, const Value& value);
  std::string scalar(const schema::Member& member, const Value& value) const;

  std::string& out_;
  bool milliseconds_always_;
};

}  // namespace tidemill::wire

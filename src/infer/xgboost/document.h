// Reads a model's JSON or UBJSON in one pass: arrays of numbers go into vectors, unneeded parts are
// skipped, and nothing else is kept. So a model takes little more memory than its trees.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tidemill::infer::xgboost {

// Deeper nesting is refused; XGBoost's models have ten levels.
inline constexpr int kDocumentDepthMax = 64;
inline constexpr std::size_t kTextBytesMax = 1u << 20;  // of a string that is read, or a key

// The reader is positioned before a value; each call consumes exactly one. Every error is
// Tidemill.Invalid.
class Document {
 public:
  using OnKey = std::function<Result<void>(std::string_view key)>;
  using OnElement = std::function<Result<void>()>;

  virtual ~Document() = default;
  // on_key must consume the key's value; the key is valid until then.
  virtual Result<void> object(const OnKey& on_key) = 0;
  // on_element must consume the element.
  virtual Result<void> array(const OnElement& on_element) = 0;
  virtual Result<std::string> text() = 0;
  // A number or a truth value. Numbers written as strings are not numbers.
  virtual Result<double> number() = 0;
  // Arrays of numbers, or of truth values. Integers out of the vector's range are an error.
  virtual Result<void> numbers(std::vector<float>& out) = 0;
  virtual Result<void> numbers(std::vector<std::int32_t>& out) = 0;
  virtual Result<void> skip() = 0;
  // Whether the next value is a string.
  virtual bool at_text() = 0;
};

// The text must outlive the reader.
std::unique_ptr<Document> open_json(std::string_view text);
std::unique_ptr<Document> open_ubjson(std::string_view bytes);
// Decides by the second byte; both formats begin with '{'.
std::unique_ptr<Document> open_document(std::string_view bytes);

}  // namespace tidemill::infer::xgboost

#include <charconv>
#include <cmath>
#include <limits>

#include "infer/xgboost/document.h"

namespace tidemill::infer::xgboost {
namespace {

class JsonDocument final : public Document {
 public:
  explicit JsonDocument(std::string_view text)
      : begin_(text.data()), at_(text.data()), end_(text.data() + text.size()) {}

  Result<void> object(const OnKey& on_key) override {
    TRY(enter('{'));
    if (take('}')) return leave();
    std::string key;
    do {
      blanks();
      key = TRY(text());
      if (!take(':')) return malformed("':' is missing");
      TRY(on_key(key));
    } while (take(','));
    return take('}') ? leave() : malformed("'}' is missing");
  }

  Result<void> array(const OnElement& on_element) override {
    TRY(enter('['));
    if (take(']')) return leave();
    do TRY(on_element());
    while (take(','));
    return take(']') ? leave() : malformed("']' is missing");
  }

  Result<std::string> text() override {
    std::string out;
    TRY(read_text(&out));
    return out;
  }

  Result<double> number() override { return read_number<double>(); }
  Result<void> numbers(std::vector<float>& out) override { return read_numbers(out); }
  Result<void> numbers(std::vector<std::int32_t>& out) override { return read_numbers(out); }

  Result<void> skip() override {
    blanks();
    if (at_ == end_) return malformed("it ends early");
    if (*at_ == '{') return object([this](std::string_view) { return skip(); });
    if (*at_ == '[') return array([this] { return skip(); });
    if (*at_ == '"') return read_text(nullptr);
    if (literal("null")) return {};
    TRY(read_number<double>());
    return {};
  }

  bool at_text() override {
    blanks();
    return at_ != end_ && *at_ == '"';
  }

 private:
  std::unexpected<Error> malformed(const char* what) const {
    return fail(codes::kInvalid, std::string("the JSON is malformed at byte ") +
                                     std::to_string(at_ - begin_) + ": " + what);
  }
  void blanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool take(char wanted) {
    blanks();
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }
  bool literal(std::string_view word) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word))
      return false;
    at_ += word.size();
    return true;
  }
  Result<void> enter(char bracket) {
    if (!take(bracket)) return malformed("it is another kind of value");
    if (++depth_ > kDocumentDepthMax) return malformed("it is nested too deep");
    return {};
  }
  Result<void> leave() {
    --depth_;
    return {};
  }

  // XGBoost's names and parameters are ASCII: only simple escapes are understood.
  Result<void> read_text(std::string* out) {
    if (!take('"')) return malformed("a string is missing");
    for (; at_ != end_ && *at_ != '"'; ++at_) {
      char byte = *at_;
      if (byte == '\\') {
        if (++at_ == end_) break;
        byte = *at_ == 'n' ? '\n' : *at_ == 't' ? '\t' : *at_ == 'r' ? '\r' : *at_;
      }
      if (!out) continue;
      if (out->size() == kTextBytesMax) return malformed("a string is too long");
      out->push_back(byte);
    }
    if (at_ == end_) return malformed("a string does not end");
    ++at_;
    return {};
  }

  template <class T>
  Result<T> read_number() {
    blanks();
    T value{};
    const auto [stop, error] = std::from_chars(at_, end_, value);
    if constexpr (std::is_floating_point_v<T>) {
      if (error == std::errc::result_out_of_range) {  // too large, or too small for a T
        double wide = 0;
        std::from_chars(at_, end_, wide);
        value =
            std::abs(wide) > 1 ? std::copysign(std::numeric_limits<T>::infinity(), T(wide)) : T(0);
        at_ = stop;
        return value;
      }
    }
    if (error == std::errc{}) {
      at_ = stop;
      // Lists of integers may be written as 1.0 or 1E0, or contain other numbers.
      if (std::is_integral_v<T> && at_ != end_ && (*at_ == '.' || *at_ == 'e' || *at_ == 'E'))
        return malformed("an integer is expected");
      return value;
    }
    if (literal("true")) return T(1);
    if (literal("false")) return T(0);
    if constexpr (std::is_floating_point_v<T>) {
      if (literal("NaN")) return std::numeric_limits<T>::quiet_NaN();
      if (literal("Infinity")) return std::numeric_limits<T>::infinity();
      if (literal("-Infinity")) return -std::numeric_limits<T>::infinity();
    }
    return malformed("a number is expected");
  }

  template <class T>
  Result<void> read_numbers(std::vector<T>& out) {
    out.clear();
    return array([&]() -> Result<void> {
      out.push_back(TRY(read_number<T>()));
      return {};
    });
  }

  const char *begin_, *at_, *end_;
  int depth_ = 0;
};

}  // namespace

std::unique_ptr<Document> open_json(std::string_view text) {
  return std::make_unique<JsonDocument>(text);
}

}  // namespace tidemill::infer::xgboost

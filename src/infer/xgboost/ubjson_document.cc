// UBJSON (ubjson.org, draft 12) as XGBoost writes it: objects without a type or a count, arrays
// with or without.
#include <bit>
#include <cstring>
#include <limits>

#include "infer/xgboost/document.h"

namespace tidemill::infer::xgboost {
namespace {

class UbjsonDocument final : public Document {
 public:
  explicit UbjsonDocument(std::string_view bytes) : bytes_(bytes) {}

  Result<void> object(const OnKey& on_key) override {
    TRY(enter('{'));
    while (!take('}')) {
      const std::string_view key = TRY(counted());
      TRY(on_key(key));
    }
    --depth_;
    return {};
  }

  Result<void> array(const OnElement& on_element) override {
    TRY(enter('['));
    const Header header = TRY(array_header());
    if (header.type != 0) {
      // The elements have no markers: each is read as if it began with the array's.
      for (std::uint64_t i = 0; i < header.count; ++i) {
        element_type_ = header.type;
        TRY(on_element());
        element_type_ = 0;
      }
    } else if (header.counted) {
      for (std::uint64_t i = 0; i < header.count; ++i) TRY(on_element());
    } else {
      while (!take(']')) TRY(on_element());
    }
    --depth_;
    return {};
  }

  Result<std::string> text() override {
    if (TRY(marker()) != 'S') return malformed("a string is expected");
    const std::string_view found = TRY(counted());
    if (found.size() > kTextBytesMax) return malformed("a string is too long");
    return std::string(found);
  }

  Result<double> number() override {
    double value = 0;
    const char type = TRY(marker());
    TRY(read_number(type, value));
    return value;
  }
  Result<void> numbers(std::vector<float>& out) override { return read_numbers(out); }
  Result<void> numbers(std::vector<std::int32_t>& out) override { return read_numbers(out); }

  Result<void> skip() override {
    const char type = element_type_ ? element_type_ : peek();
    if (type == '{') return object([this](std::string_view) { return skip(); });
    if (type == '[') return skip_array();
    TRY(marker());
    if (type == 'S' || type == 'H') {
      TRY(counted());
      return {};
    }
    if (type == 'Z' || type == 'N') return {};
    if (type == 'C') return drop(1);
    double ignored = 0;
    return read_number(type, ignored);
  }

  bool at_text() override { return (element_type_ ? element_type_ : peek()) == 'S'; }

 private:
  struct Header {
    char type = 0;  // 0: each element has a marker
    bool counted = false;
    std::uint64_t count = 0;
  };

  std::unexpected<Error> malformed(const char* what) const {
    return fail(codes::kInvalid, std::string("the UBJSON is malformed at byte ") +
                                     std::to_string(at_) + ": " + what);
  }
  std::size_t left() const { return bytes_.size() - at_; }
  char peek() const { return at_ < bytes_.size() ? bytes_[at_] : '\0'; }
  bool take(char wanted) {
    if (peek() != wanted || at_ == bytes_.size()) return false;
    ++at_;
    return true;
  }
  Result<void> drop(std::size_t count) {
    if (left() < count) return malformed("it ends early");
    at_ += count;
    return {};
  }
  Result<char> marker() {
    if (element_type_) return std::exchange(element_type_, '\0');
    if (left() == 0) return malformed("it ends early");
    return bytes_[at_++];
  }
  Result<void> enter(char bracket) {
    if (TRY(marker()) != bracket) return malformed("it is another kind of value");
    if (++depth_ > kDocumentDepthMax) return malformed("it is nested too deep");
    return {};
  }

  template <class T>
  Result<T> big_endian() {
    if (left() < sizeof(T)) return malformed("it ends early");
    T value = load<T>(bytes_.data() + at_);
    at_ += sizeof(T);
    return value;
  }
  template <class T>
  static T load(const char* from) {
    using Bits = std::conditional_t<
        sizeof(T) == 8, std::uint64_t,
        std::conditional_t<sizeof(T) == 4, std::uint32_t,
                           std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint8_t>>>;
    Bits bits;
    std::memcpy(&bits, from, sizeof bits);
    if constexpr (std::endian::native == std::endian::little && sizeof bits > 1)
      bits = std::byteswap(bits);
    return std::bit_cast<T>(bits);
  }

  Result<std::uint64_t> count() {
    double value = 0;
    const char type = TRY(marker());
    if (type == 'd' || type == 'D' || type == 'T' || type == 'F')
      return malformed("a length is not an integer");
    if (type == 'L') {
      const auto wide = TRY(big_endian<std::int64_t>());
      if (wide < 0) return malformed("a length is negative");
      return static_cast<std::uint64_t>(wide);
    }
    TRY(read_number(type, value));
    if (value < 0) return malformed("a length is negative");
    return static_cast<std::uint64_t>(value);
  }
  // A length and as many bytes: a key, or what follows 'S'.
  Result<std::string_view> counted() {
    const std::uint64_t length = TRY(count());
    if (length > left()) return malformed("a string does not end");
    const std::string_view found = bytes_.substr(at_, length);
    at_ += length;
    return found;
  }

  Result<Header> array_header() {
    Header header;
    if (take('$')) {
      if (left() == 0) return malformed("it ends early");
      header.type = bytes_[at_++];
      if (peek() != '#') return malformed("an array has a type, but no length");
    }
    if (take('#')) {
      header.counted = true;
      header.count = TRY(count());
      // Every element takes a byte, so that a length cannot promise more than there is.
      if (header.count > left()) return malformed("an array does not end");
    }
    return header;
  }

  static std::size_t width_of(char type) {
    switch (type) {
      case 'i':
      case 'U':
        return 1;
      case 'I':
        return 2;
      case 'l':
      case 'd':
        return 4;
      case 'L':
      case 'D':
        return 8;
      default:
        return 0;
    }
  }

  template <class T>
  Result<void> read_number(char type, T& out) {
    switch (type) {
      case 'i':
        return convert(TRY(big_endian<std::int8_t>()), out);
      case 'U':
        return convert(TRY(big_endian<std::uint8_t>()), out);
      case 'I':
        return convert(TRY(big_endian<std::int16_t>()), out);
      case 'l':
        return convert(TRY(big_endian<std::int32_t>()), out);
      case 'L':
        return convert(TRY(big_endian<std::int64_t>()), out);
      case 'd':
        return convert(TRY(big_endian<float>()), out);
      case 'D':
        return convert(TRY(big_endian<double>()), out);
      case 'T':
        return convert(std::int8_t{1}, out);
      case 'F':
        return convert(std::int8_t{0}, out);
      default:
        return malformed("a number is expected");
    }
  }
  template <class From, class To>
  Result<void> convert(From value, To& out) {
    if constexpr (std::is_integral_v<To>) {
      if constexpr (!std::is_integral_v<From>) {
        return malformed("an integer is expected");
      } else if (!std::in_range<To>(value)) {
        return malformed("an integer is out of range");
      }
    }
    out = static_cast<To>(value);
    return {};
  }

  template <class T>
  Result<void> read_numbers(std::vector<T>& out) {
    out.clear();
    TRY(enter('['));
    const Header header = TRY(array_header());
    if (const std::size_t width = width_of(header.type); width > 0) {
      if (header.count > left() / width) return malformed("an array does not end");
      out.resize(header.count);
      for (T& value : out) TRY(read_number(header.type, value));
    } else if (header.type != 0) {
      return malformed("a list of numbers is expected");
    } else {
      for (std::uint64_t i = 0; header.counted ? i < header.count : !take(']'); ++i) {
        const char type = TRY(marker());
        TRY(read_number(type, out.emplace_back()));
      }
    }
    --depth_;
    return {};
  }

  Result<void> skip_array() {
    const std::size_t start = at_;
    const bool element = element_type_ != 0;
    TRY(enter('['));
    const Header header = TRY(array_header());
    --depth_;
    if (const std::size_t width = width_of(header.type); width > 0) {
      if (header.count > left() / width) return malformed("an array does not end");
      return drop(header.count * width);
    }
    at_ = start;
    if (element) element_type_ = '[';
    return array([this] { return skip(); });
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  int depth_ = 0;
  char element_type_ = 0;  // of an array whose elements have no markers
};

}  // namespace

std::unique_ptr<Document> open_ubjson(std::string_view bytes) {
  return std::make_unique<UbjsonDocument>(bytes);
}

std::unique_ptr<Document> open_document(std::string_view bytes) {
  // A key of UBJSON begins with the type of its length; JSON has a blank, a quote or '}' there.
  const char second = bytes.size() > 1 ? bytes[1] : '"';
  const bool ubjson =
      second == 'L' || second == 'i' || second == 'U' || second == 'I' || second == 'l';
  return ubjson ? open_ubjson(bytes) : open_json(bytes);
}

}  // namespace tidemill::infer::xgboost

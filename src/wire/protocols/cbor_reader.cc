#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "wire/protocols/cbor.h"
#include "wire/protocols/scalar.h"
#include "wire/protocols/utf8.h"

namespace tidemill::wire {
namespace {

enum class Major : unsigned char {
  unsigned_integer,
  negative_integer,
  bytes,
  text,
  array,
  map,
  tag,
  simple
};

constexpr std::uint64_t kEpochTag = 1;

struct Head {
  Major major;
  bool indefinite = false;
  unsigned char info = 0;
  std::uint64_t argument = 0;
};

double half_to_double(std::uint64_t bits) {
  int exponent = int(bits >> 10 & 31);
  double mantissa = double(bits & 1023);
  double value = exponent == 0    ? std::ldexp(mantissa, -24)
                 : exponent == 31 ? (mantissa == 0 ? std::numeric_limits<double>::infinity()
                                                   : std::numeric_limits<double>::quiet_NaN())
                                  : std::ldexp(mantissa + 1024, exponent - 25);
  return bits & 0x8000 ? -value : value;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  Result<Value> read_document() {
    Value value = TRY(read(0));
    if (position_ != bytes_.size()) return bad("bytes after the end");
    return value;
  }

 private:
  std::unexpected<Error> bad(const char* what) const {
    return fail(codes::kInvalid,
                std::string("not valid CBOR: ") + what + " at byte " + std::to_string(position_));
  }
  std::size_t left() const { return bytes_.size() - position_; }

  Result<Head> read_head() {
    if (left() == 0) return bad("cut off");
    auto first = static_cast<unsigned char>(bytes_[position_++]);
    Head head{Major(first >> 5)};
    head.info = first & 31;
    if (head.info < 24) {
      head.argument = head.info;
    } else if (head.info <= 27) {
      std::size_t count = std::size_t(1) << (head.info - 24);
      if (left() < count) return bad("cut off");
      for (std::size_t i = 0; i < count; ++i)
        head.argument = head.argument << 8 | static_cast<unsigned char>(bytes_[position_++]);
    } else if (head.info == 31) {
      head.indefinite = true;
    } else {
      return bad("a reserved length");
    }
    return head;
  }

  bool at_break() {
    if (left() == 0 || static_cast<unsigned char>(bytes_[position_]) != 0xff) return false;
    ++position_;
    return true;
  }

  Result<Value> read(int depth) {
    if (depth > cbor_depth_max) return bad("nested too deeply");
    Head head = TRY(read_head());
    if (head.indefinite && (head.major < Major::bytes || head.major > Major::map))
      return bad("an indefinite length where none may be");
    switch (head.major) {
      case Major::unsigned_integer:
        return integer(head.argument, false);
      case Major::negative_integer:
        return integer(head.argument, true);
      case Major::bytes: {
        std::string content = TRY(read_string(head));
        return Value(Blob{std::move(content)});
      }
      case Major::text: {
        std::string content = TRY(read_string(head));
        if (!is_valid_utf8(content)) return bad("text that is not UTF-8");
        return Value(std::move(content));
      }
      case Major::array:
        return read_array(head, depth);
      case Major::map:
        return read_map(head, depth);
      case Major::tag:
        return read_tagged(head.argument, depth);
      case Major::simple:
        return read_simple(head);
    }
    return bad("an unknown type");
  }

  static Value integer(std::uint64_t argument, bool negative) {
    // Only a double can hold more than 64 bits signed; range checks refuse it later.
    if (argument > std::uint64_t(std::numeric_limits<std::int64_t>::max()))
      return negative ? Value(-1.0 - double(argument)) : Value(double(argument));
    auto number = std::int64_t(argument);
    return Value(negative ? -1 - number : number);
  }

  Result<std::string> read_string(const Head& head) {
    if (!head.indefinite) return take(head.argument);
    std::string out;
    while (!at_break()) {
      Head chunk = TRY(read_head());
      if (chunk.major != head.major || chunk.indefinite) return bad("a chunk of another type");
      std::string piece = TRY(take(chunk.argument));
      out += piece;
    }
    return out;
  }

  Result<std::string> take(std::uint64_t count) {
    if (count > left()) return bad("cut off");
    std::string out(bytes_.substr(position_, std::size_t(count)));
    position_ += std::size_t(count);
    return out;
  }

  Result<Value> read_array(const Head& head, int depth) {
    // Each element takes at least a byte, so a false length is refused without cost.
    if (!head.indefinite && head.argument > left()) return bad("cut off");
    ValueList list;
    for (std::uint64_t i = 0; head.indefinite ? !at_break() : i < head.argument; ++i) {
      Value value = TRY(read(depth + 1));
      list.push_back(std::move(value));
    }
    return Value(std::move(list));
  }

  Result<Value> read_map(const Head& head, int depth) {
    if (!head.indefinite && head.argument > left() / 2) return bad("cut off");
    ValueObject object;
    for (std::uint64_t i = 0; head.indefinite ? !at_break() : i < head.argument; ++i) {
      Value key = TRY(read(depth + 1));
      std::string* name = key.get_if<std::string>();
      if (!name) return bad("a map key that is not text");
      Value value = TRY(read(depth + 1));
      object.append(std::move(*name), std::move(value));
    }
    return Value(std::move(object));
  }

  Result<Value> read_tagged(std::uint64_t tag, int depth) {
    Value value = TRY(read(depth + 1));
    if (tag != kEpochTag) return value;
    double seconds = 0;
    if (const std::int64_t* whole = value.get_if<std::int64_t>())
      seconds = double(*whole);
    else if (const double* real = value.get_if<double>())
      seconds = *real;
    else
      return bad("a time that is not a number");
    Result<Timestamp> time = timestamp_from_seconds(seconds);
    if (!time) return bad("a time out of range");
    return Value(*time);
  }

  Result<Value> read_simple(const Head& head) {
    switch (head.info) {
      case 20:
        return Value(false);
      case 21:
        return Value(true);
      case 22:
      case 23:
        return Value();
      case 25:
        return Value(half_to_double(head.argument));
      case 26:
        return Value(double(std::bit_cast<float>(std::uint32_t(head.argument))));
      case 27:
        return Value(std::bit_cast<double>(head.argument));
      default:
        return bad("an unknown simple value");
    }
  }

  std::string_view bytes_;
  std::size_t position_ = 0;
};

}  // namespace

Result<Value> parse_cbor(std::string_view bytes) { return Reader(bytes).read_document(); }

}  // namespace tidemill::wire

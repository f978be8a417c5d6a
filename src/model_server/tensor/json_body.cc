#include <algorithm>
#include <optional>

#include "infer/codec/json_cursor.h"
#include "model_server/tensor/body.h"
#include "model_server/tensor/element_text.h"

namespace tidemill::model_server {
namespace {

constexpr std::size_t kShownBytesMax = 40;  // of what a message quotes

std::string quoted(std::string_view text) {
  std::string shown(text.substr(0, kShownBytesMax));
  // Bytes that are no text of their own would break the message's encoding.
  for (char& letter : shown)
    if (static_cast<unsigned char>(letter) < 0x20 || static_cast<unsigned char>(letter) > 0x7e)
      letter = '?';
  return "'" + shown + "'";
}

class Cursor : public infer::JsonCursor {
 public:
  using JsonCursor::JsonCursor;

  // A string without escapes: names of inputs hardly have any.
  Result<std::string_view> string() {
    if (!take('"')) return fail(codes::kInvalid, "a name is missing before " + here());
    const char* close = std::find(at(), end(), '"');
    const std::string_view text(at(), static_cast<std::size_t>(close - at()));
    if (close == end() || text.find('\\') != std::string_view::npos)
      return fail(codes::kInvalid, "a name does not end, or has escapes, at " + here());
    move_to(close + 1);
    return text;
  }
  template <class T>
  bool element(T& value) {
    skip_blanks();
    if (const char* stop = parse_element(at(), end(), true, value)) {
      // "1.5" is no integer 1.
      if (stop == end() || *stop == ',' || *stop == ']' || *stop == '}' || *stop <= ' ') {
        move_to(stop);
        return true;
      }
      return false;
    }
    return rest().starts_with("null") && missing(value) && take("null");
  }
  std::string here() {
    const std::string_view text = rest();
    if (text.empty()) return "the end";
    const std::size_t stop = std::min(text.find_first_of(",]}"), text.size());
    return quoted(text.substr(0, std::max<std::size_t>(stop, 1)));
  }
};

// Reads an element and appends its bytes; false when there is none of that type.
using ReadElement = bool (*)(Cursor& cursor, std::string& data);
template <class T>
bool read_element(Cursor& cursor, std::string& data) {
  T value{};
  if (!cursor.element(value)) return false;
  data.append(reinterpret_cast<const char*>(&value), sizeof value);
  return true;
}

// Nested lists to one tensor.
class ArrayReader {
 public:
  ArrayReader(Cursor& cursor, const TensorSpec& input, ReadElement read_element, Tensor& tensor)
      : cursor_(cursor), input_(input), read_element_(read_element), tensor_(tensor) {}

  Result<void> read() {
    TRY(cursor_.peek('[') ? list() : element());
    // An empty list in one place and numbers in another.
    if (TRY(element_count(tensor_.shape, tensor_.type)) != tensor_.count())
      return problem("its lists are of different depth");
    return {};
  }

 private:
  Result<void> list() {
    const std::size_t depth = position_.size();
    if (depth == kRankMax) return problem("lists are nested too deeply");
    if (leaf_depth_ && depth >= *leaf_depth_) return problem("a list stands where a number should");
    cursor_.take('[');
    if (tensor_.shape.size() == depth) tensor_.shape.push_back(kDynamic);
    position_.push_back(0);
    if (!cursor_.peek(']')) {
      do {
        TRY(cursor_.peek('[') ? list() : element());
        ++position_.back();
      } while (cursor_.take(','));
    }
    if (!cursor_.take(']'))
      return problem("a comma or bracket is missing before " + cursor_.here());
    const std::int64_t count = position_.back();
    position_.pop_back();
    if (tensor_.shape[depth] == kDynamic) tensor_.shape[depth] = count;
    if (tensor_.shape[depth] != count)
      return problem("a list of " + std::to_string(count) + " where those before have " +
                     std::to_string(tensor_.shape[depth]));
    return {};
  }
  Result<void> element() {
    if (!leaf_depth_) leaf_depth_ = position_.size();
    if (*leaf_depth_ != position_.size()) return problem("a number stands where a list should");
    if (!read_element_(cursor_, tensor_.data))
      return problem(cursor_.here() + " is no " + std::string(name_of(input_.type)));
    return {};
  }
  std::unexpected<Error> problem(const std::string& what) const {
    std::string where;
    for (std::int64_t index : position_) where += "[" + std::to_string(index) + "]";
    return fail(codes::kInvalid, "input \"" + input_.name + "\" (" + input_.text() + ")" +
                                     (where.empty() ? "" : ", element " + where) + ": " + what);
  }

  Cursor& cursor_;
  const TensorSpec& input_;
  ReadElement read_element_;
  Tensor& tensor_;
  Shape position_;
  std::optional<std::size_t> leaf_depth_;
};

class BodyReader {
 public:
  BodyReader(std::string_view text, const std::vector<TensorSpec>& inputs)
      : cursor_(text), inputs_(inputs), tensors_(inputs.size()), seen_(inputs.size()) {}

  Result<ModelInput> read() {
    bool row_form = true;
    if (cursor_.peek('[')) {
      TRY(only_input());
    } else {
      if (!cursor_.take('{')) return fail(codes::kInvalid, forms());
      const std::string_view key = TRY(cursor_.string());
      if (!cursor_.take(':') || (key != "inputs" && key != "instances"))
        return fail(codes::kInvalid, forms());
      row_form = key == "instances";
      TRY(row_form ? instances() : columns());
      if (!cursor_.take('}')) return fail(codes::kInvalid, "unexpected " + cursor_.here());
    }
    if (cursor_.here() != "the end") return fail(codes::kInvalid, "unexpected " + cursor_.here());
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (!seen_[i])
        return fail(codes::kInvalid, "input \"" + inputs_[i].name + "\" is missing; " + forms());
      TRY(fit(inputs_[i], false, tensors_[i]));
    }
    return ModelInput{std::move(tensors_), row_form};
  }

 private:
  Result<void> array(std::size_t input, Tensor& tensor) {
    tensor.type = inputs_[input].type;
    const ReadElement read_one = with_element(
        tensor.type, [](auto element) -> ReadElement { return &read_element<decltype(element)>; });
    return ArrayReader(cursor_, inputs_[input], read_one, tensor).read();
  }
  Result<void> only_input() {
    if (inputs_.size() != 1)
      return fail(codes::kInvalid, "an array without names suits models of one input; " + forms());
    seen_[0] = true;
    return array(0, tensors_[0]);
  }
  Result<std::size_t> named() {
    const std::string_view name = TRY(cursor_.string());
    if (!cursor_.take(':'))
      return fail(codes::kInvalid, "a colon is missing before " + cursor_.here());
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      if (inputs_[i].name == name) return i;
    return fail(codes::kInvalid, "the model has no input " + quoted(name) + "; " + forms());
  }
  Result<void> columns() {
    if (!cursor_.peek('{')) return only_input();
    cursor_.take('{');
    do {
      const std::size_t input = TRY(named());
      if (seen_[input])
        return fail(codes::kInvalid, "input \"" + inputs_[input].name + "\" comes twice");
      seen_[input] = true;
      TRY(array(input, tensors_[input]));
    } while (cursor_.take(','));
    if (!cursor_.take('}')) return fail(codes::kInvalid, "unexpected " + cursor_.here());
    return {};
  }
  Result<void> instances() {
    Cursor ahead = cursor_;
    if (!ahead.take('[')) return fail(codes::kInvalid, "\"instances\" is no list; " + forms());
    if (!ahead.peek('{')) return only_input();
    cursor_ = ahead;
    std::int64_t count = 0;
    do {
      TRY(instance(count++));
    } while (cursor_.take(','));
    if (!cursor_.take(']')) return fail(codes::kInvalid, "unexpected " + cursor_.here());
    return {};
  }
  Result<void> instance(std::int64_t index) {
    std::vector<bool> here(inputs_.size());
    if (!cursor_.take('{'))
      return fail(codes::kInvalid, "an instance is no object at " + cursor_.here());
    do {
      const std::size_t input = TRY(named());
      if (here[input])
        return fail(codes::kInvalid, "input \"" + inputs_[input].name + "\" comes twice");
      here[input] = seen_[input] = true;
      Tensor one;
      TRY(array(input, one));
      one.shape.insert(one.shape.begin(), 1);
      TRY(append(input, index, std::move(one)));
    } while (cursor_.take(','));
    if (!cursor_.take('}')) return fail(codes::kInvalid, "unexpected " + cursor_.here());
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      if (!here[i])
        return fail(codes::kInvalid, "instance " + std::to_string(index + 1) + " lacks input \"" +
                                         inputs_[i].name + "\"; " + forms());
    return {};
  }
  Result<void> append(std::size_t input, std::int64_t index, Tensor one) {
    Tensor& all = tensors_[input];
    if (index == 0) {
      all = std::move(one);
      return {};
    }
    one.shape[0] = all.shape[0];
    if (one.shape != all.shape)
      return fail(codes::kInvalid, "instance " + std::to_string(index + 1) + ", input \"" +
                                       inputs_[input].name +
                                       "\": it is of another shape than those before");
    all.data += one.data;
    ++all.shape[0];
    return {};
  }
  // What the model takes.
  std::string forms() const {
    std::string out = "send {\"inputs\": ";
    if (inputs_.size() == 1)
      return out + "..} or {\"instances\": [..]} with an array of " + inputs_[0].text();
    out += "{";
    for (const TensorSpec& input : inputs_)
      out += (&input == inputs_.data() ? "\"" : ", \"") + input.name + "\": " + input.text();
    return out + "}}, or {\"instances\": [{..}, ..]}";
  }

  Cursor cursor_;
  const std::vector<TensorSpec>& inputs_;
  Tensors tensors_;
  std::vector<bool> seen_;
};

}  // namespace

Result<ModelInput> parse_json_body(std::string_view text, const std::vector<TensorSpec>& inputs) {
  return BodyReader(text, inputs).read();
}

}  // namespace tidemill::model_server

#include "services/sagemaker/jobs/transform_job/data/json_path.h"

#include <algorithm>
#include <charconv>

#include "services/sagemaker/jobs/transform_job/data/json_text.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

// Limit on the values selected from one document, which repeated indexes could multiply.
constexpr std::size_t kSelectedMax = 1u << 20;

std::unexpected<Error> invalid(std::string message) {
  return fail(codes::kInvalid, std::move(message));
}

const JsonMember* find(const std::vector<JsonMember>& members, const std::string& name) {
  const JsonMember* found = nullptr;
  // The last one wins, as parsers have it.
  for (const JsonMember& member : members)
    if (member.name == name) found = &member;
  return found;
}

}  // namespace

// Names in brackets stand in ' or ".
class JsonPath::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::vector<Step>> parse() {
    if (!take('$')) return wrong("it must begin with $");
    std::vector<Step> steps;
    while (position_ < text_.size()) {
      const bool dot = take('.');
      if (peek() == '[') {
        steps.push_back(TRY(bracket()));
      } else if (dot) {
        steps.push_back(TRY(name()));
      } else {
        return wrong("expected . or [");
      }
    }
    return steps;
  }

 private:
  std::unexpected<Error> wrong(const std::string& reason) const {
    return invalid("'" + std::string(text_) + "' is no JSONPath that SageMaker supports: " +
                   reason + " at character " + std::to_string(position_ + 1));
  }
  char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }
  bool take(char c) {
    if (position_ >= text_.size() || text_[position_] != c) return false;
    ++position_;
    return true;
  }
  void skip_space() {
    while (take(' ')) continue;
  }

  Result<Step> name() {
    Step step;
    if (take('*')) {
      step.wildcard = true;
      return step;
    }
    const std::size_t end = std::min(text_.find_first_of(".[]()?@*'\" ", position_), text_.size());
    if (end == position_) return wrong("expected a name");
    step.names.emplace_back(text_.substr(position_, end - position_));
    position_ = end;
    return step;
  }

  Result<Step> bracket() {
    ++position_;
    Step step;
    skip_space();
    if (take('*')) {
      step.wildcard = true;
    } else {
      const bool names = peek() == '\'' || peek() == '"';
      do {
        skip_space();
        if (names) {
          step.names.push_back(TRY(quoted_name()));
        } else {
          step.elements.push_back(TRY(elements()));
        }
        skip_space();
      } while (take(','));
    }
    skip_space();
    if (!take(']')) return wrong("expected ]");
    return step;
  }

  Result<std::string> quoted_name() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') return wrong("expected a name in quotes");
    ++position_;
    const std::size_t end = text_.find(quote, position_);
    if (end == text_.npos) return wrong("a name without its closing quote");
    std::string out(text_.substr(position_, end - position_));
    position_ = end + 1;
    return out;
  }

  Result<Elements> elements() {
    Elements out;
    if (peek() != ':') out.begin = TRY(number());
    skip_space();
    if (!take(':')) return out;
    out.slice = true;
    skip_space();
    if (peek() == '-' || (peek() >= '0' && peek() <= '9')) out.end = TRY(number());
    return out;
  }

  Result<std::int64_t> number() {
    std::int64_t out = 0;
    const char* begin = text_.data() + position_;
    auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), out);
    constexpr std::int64_t kIndexMax = 1'000'000'000;
    if (error != std::errc() || out > kIndexMax || out < -kIndexMax)
      return wrong("expected an index, a slice or a name in quotes");
    position_ += static_cast<std::size_t>(end - begin);
    return out;
  }

  const std::string_view text_;
  std::size_t position_ = 0;
};

struct JsonPath::Selection {
  std::vector<std::string_view> places;
  bool many = false;
};

bool JsonPath::Step::fans_out() const {
  return wildcard || names.size() > 1 || elements.size() > 1 ||
         (elements.size() == 1 && elements.front().slice);
}

Result<JsonPath> JsonPath::parse(std::string_view text) {
  JsonPath path;
  path.text_ = text.empty() ? "$" : std::string(text);
  path.steps_ = TRY(Parser(path.text_).parse());
  return path;
}

Result<std::vector<std::size_t>> JsonPath::positions(const Step& step, std::size_t count) const {
  const auto size = static_cast<std::int64_t>(count);
  const auto from_end = [size](std::int64_t index) { return index < 0 ? index + size : index; };
  std::vector<std::size_t> out;
  for (const Elements& each : step.elements) {
    if (each.slice && !each.begin && !each.end && count == 0) continue;
    const std::int64_t begin = each.begin ? from_end(*each.begin) : 0;
    const std::int64_t last = each.end ? from_end(*each.end) : size - 1;
    const std::int64_t end = each.slice ? last : begin;
    if (begin < 0 || begin >= size || end < 0 || end >= size)
      return invalid(text_ + " needs an element that is not there: there are " +
                     std::to_string(count));
    for (std::int64_t i = begin; i <= end; ++i) {
      out.push_back(static_cast<std::size_t>(i));
      if (out.size() > kSelectedMax) return invalid(text_ + " selects too many elements");
    }
  }
  return out;
}

Result<std::string> JsonPath::named_parts(const Step& step, std::string_view object) const {
  if (!is_json_object(object)) return invalid(text_ + " asks for members of what is no object");
  const std::vector<JsonMember> members = json_members(object);
  std::string out = "{";
  for (const std::string& name : step.names) {
    const JsonMember* member = find(members, name);
    if (!member) return invalid(text_ + " needs a member '" + name + "' that is not there");
    if (out.size() > 1) out += ',';
    out += member->quoted;
    out += ':';
    append_compact_json(member->value, out);
  }
  return out + "}";
}

Result<void> JsonPath::follow(const Step& step, Selection& selection) const {
  std::vector<std::string_view> next;
  for (const std::string_view place : selection.places) {
    const bool object = is_json_object(place), array = is_json_array(place);
    if (step.wildcard && object) {
      for (const JsonMember& member : json_members(place)) next.push_back(member.value);
    } else if (step.wildcard && array) {
      for (const std::string_view element : json_elements(place)) next.push_back(element);
    } else if (object && !step.names.empty()) {
      const std::vector<JsonMember> members = json_members(place);
      for (const std::string& name : step.names) {
        const JsonMember* member = find(members, name);
        if (!member && !selection.many)
          return invalid(text_ + " needs a member '" + name + "' that is not there");
        if (member) next.push_back(member->value);
      }
    } else if (array && !step.elements.empty()) {
      const std::vector<std::string_view> elements = json_elements(place);
      for (const std::size_t index : TRY(positions(step, elements.size())))
        next.push_back(elements[index]);
    } else if (!selection.many) {
      return invalid(text_ + " asks for " + (step.names.empty() ? "elements" : "members") +
                     " of what has none");
    }
    if (next.size() > kSelectedMax) return invalid(text_ + " selects too many places");
  }
  selection.places = std::move(next);
  selection.many = selection.many || step.fans_out();
  return {};
}

Result<std::string> JsonPath::select(std::string_view json) const {
  Selection selection{{trim_white_space(json)}, false};
  std::vector<std::string> objects;  // of several names at the end of the path
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    if (i + 1 == steps_.size() && step.names.size() > 1) {
      for (const std::string_view place : selection.places)
        objects.push_back(TRY(named_parts(step, place)));
      selection.places.assign(objects.begin(), objects.end());
    } else {
      TRY(follow(step, selection));
    }
  }
  std::string out;
  if (!selection.many) {
    append_compact_json(selection.places.front(), out);
    return out;
  }
  out += '[';
  for (const std::string_view place : selection.places) {
    if (out.size() > 1) out += ',';
    append_compact_json(place, out);
  }
  return out + "]";
}

Result<void> JsonPath::check_for_csv() const {
  if (selects_all()) return {};
  if (steps_.size() > 1 || !steps_.front().names.empty())
    return invalid("'" + text_ + "' cannot be used with CSV: a row is an array, of which indexes " +
                   "select columns, as in $[0] or $[1:]");
  return {};
}

Result<std::vector<std::size_t>> JsonPath::columns(std::size_t count) const {
  TRY(check_for_csv());
  std::vector<std::size_t> out;
  if (!selects_all() && !steps_.front().wildcard) return positions(steps_.front(), count);
  for (std::size_t i = 0; i < count; ++i) out.push_back(i);
  return out;
}

}  // namespace tidemill::services::sagemaker::jobs

// A position in JSON text that is read without building a document. Skips blanks before each item.
// Never reads beyond the end.
#pragma once

#include <cstddef>
#include <string_view>

namespace tidemill::infer {

class JsonCursor {
 public:
  // Borrows the text.
  explicit JsonCursor(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool peek(char letter) {
    skip_blanks();
    return at_ != end_ && *at_ == letter;
  }
  bool take(char letter) {
    if (!peek(letter)) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (!rest().starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  bool done() {
    skip_blanks();
    return at_ == end_;
  }
  std::string_view rest() {
    skip_blanks();
    return {at_, static_cast<std::size_t>(end_ - at_)};
  }

  const char* at() const { return at_; }
  const char* end() const { return end_; }
  // Continues after text that the caller has read: `at` lies between here and the end.
  void move_to(const char* at) { at_ = at; }

  void skip_blanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

 private:
  const char* at_;
  const char* end_;
};

}  // namespace tidemill::infer

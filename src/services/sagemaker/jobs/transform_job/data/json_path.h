// The part of JSONPath that SageMaker documents for InputFilter and OutputFilter: $, .name,
// ['name', 'name'], [index, -1], [begin:end], * and their combinations such as [0,5:]. "Associate
// Prediction Results with Input Records" says of slices that both ends are included: $[1:4] is the
// second through fifth column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tidemill::services::sagemaker::jobs {

class JsonPath {
 public:
  // Tidemill.Invalid says what is wrong. "" is "$".
  static Result<JsonPath> parse(std::string_view text);

  // "$": everything.
  bool selects_all() const { return steps_.empty(); }
  const std::string& text() const { return text_; }

  // The selected part of a checked document, as JSON text: the value itself for a path to one
  // place, an array for slices, several indexes and wildcards, an object for several names at the
  // end. Tidemill.Invalid when the document has no such place.
  Result<std::string> select(std::string_view json) const;

  // The selected columns, from 0, of a CSV row of so many. Tidemill.Invalid for paths by name and
  // for indexes that the row does not have.
  Result<std::vector<std::size_t>> columns(std::size_t count) const;
  // Whether columns() can work at all.
  Result<void> check_for_csv() const;

 private:
  struct Elements {  // one index, or a slice with both ends included
    std::optional<std::int64_t> begin, end;
    bool slice = false;
  };
  struct Step {
    bool wildcard = false;
    std::vector<std::string> names;
    std::vector<Elements> elements;
    // Leads to several places.
    bool fans_out() const;
  };
  class Parser;
  struct Selection;

  Result<std::vector<std::size_t>> positions(const Step& step, std::size_t count) const;
  Result<void> follow(const Step& step, Selection& selection) const;
  Result<std::string> named_parts(const Step& step, std::string_view object) const;

  std::string text_;
  std::vector<Step> steps_;
};

}  // namespace tidemill::services::sagemaker::jobs

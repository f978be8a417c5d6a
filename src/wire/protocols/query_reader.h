// Reads parameters of the query protocols ("Tags.member.1.Key=team") under a schema.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/schema.h"
#include "base/value.h"
#include "wire/http.h"

namespace tidemill::wire {

inline constexpr std::size_t query_parameters_max = 100'000;

class QueryParameters {
 public:
  // Reads the form body and the URL. Tidemill.Invalid for broken escapes or too many parameters.
  static Result<QueryParameters> parse(const HttpRequest& request, bool ec2);

  Result<Value> read(const schema::Shape& shape) const;

 private:
  using Parameter = std::pair<std::string, std::string>;

  Result<void> add_form(std::string_view form);
  const std::string* find(std::string_view name) const;
  // True when the name itself or anything below it ("name.") is present.
  bool has(std::string_view prefix) const;
  // The numbers N of parameters "prefix.N" and "prefix.N.…", in order.
  std::vector<std::uint32_t> indexes(std::string_view prefix) const;

  Result<Value> read_value(const schema::Member& member, const std::string& prefix,
                           int depth) const;
  Result<Value> read_structure(const schema::Shape& shape, const std::string& prefix,
                               int depth) const;
  Result<Value> read_list(const schema::Member& member, const std::string& prefix, int depth) const;
  Result<Value> read_map(const schema::Member& member, const std::string& prefix, int depth) const;

  std::vector<Parameter> sorted_;
  bool ec2_ = false;
};

}  // namespace tidemill::wire

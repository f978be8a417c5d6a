#pragma once

#include <gtest/gtest.h>

#include <string>

#include "wire/protocols/protocol.h"
#include "wire/test_schemas.h"

namespace tidemill::wire::test {

inline HttpRequest request_with(std::string body, std::string target = "/") {
  HttpRequest request;
  request.method = "POST";
  request.target = std::move(target);
  EXPECT_TRUE(parse_target(request));
  request.body = std::move(body);
  return request;
}

inline ValueObject object(std::initializer_list<std::pair<const char*, Value>> members) {
  ValueObject out;
  for (const auto& [name, value] : members) out.append(name, value);
  return out;
}

inline std::string code_and_message(const Result<Value>& result) {
  return result ? "no error" : result.error().code + ": " + result.error().message;
}

}  // namespace tidemill::wire::test

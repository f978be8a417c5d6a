// Measures one decision for a role with 20 statements, half of them with conditions; only the last
// one allows. The goal is under 5 us.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "services/iam/policy_language/evaluate.h"

namespace {

using namespace tidemill;
using namespace tidemill::services::iam;

constexpr int kStatements = 20;

// 19 statements for other buckets and actions, every second with conditions, then the one that
// decides. `deny`: the others are Denies, which have to be looked at to the end.
std::vector<NamedPolicy> role(bool deny) {
  std::string text = R"({"Version":"2012-10-17","Statement":[)";
  for (int i = 0; i + 1 < kStatements; ++i) {
    const std::string number = std::to_string(i);
    text += R"({"Effect":")" + std::string(deny ? "Deny" : "Allow") +
            R"(","Action":["s3:Put*","s3:Get*","s3:List*"],"Resource":["arn:aws:s3:::bucket-)" +
            number + R"(","arn:aws:s3:::bucket-)" + number + R"(/${aws:username}/*"])";
    if (i % 2)
      text += R"(,"Condition":{"StringLike":{"aws:PrincipalTag/team":["red*","blue*"]},)"
              R"("Bool":{"aws:SecureTransport":"true"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}})";
    text += "},";
  }
  text += R"({"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*",)"
          R"("Condition":{"StringEquals":{"aws:PrincipalTag/team":"red-one"}}}]})";
  std::vector<NamedPolicy> out;
  out.push_back({"p", "IAM Policy", parse_policy(text, PolicyKind::identity).value()});
  return out;
}

void decide_for_role(benchmark::State& state, bool deny) {
  const std::vector<NamedPolicy> policies = role(deny);
  const ConditionValues values{{"aws:username", {"alice"}},
                               {"aws:principaltag/team", {"red-one"}},
                               {"aws:securetransport", {"true"}},
                               {"aws:sourceip", {"10.1.2.3"}}};
  const GivenConditions context(values);
  const Question question{"s3:GetObject", "arn:aws:s3:::data/2026/11/30/part-0001.parquet",
                          context};
  for (auto _ : state) {
    const Decision decision = decide({.identity = policies}, std::nullopt, question);
    if (decision != Decision::allowed) state.SkipWithError("not allowed");
    benchmark::DoNotOptimize(decision);
  }
}

BENCHMARK_CAPTURE(decide_for_role, allows, false);
BENCHMARK_CAPTURE(decide_for_role, denies, true);

}  // namespace

BENCHMARK_MAIN();

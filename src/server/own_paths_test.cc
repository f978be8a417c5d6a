#include "server/own_paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "base/json.h"
#include "services/sagemaker/common/test_fakes.h"

namespace tidemill::server {
namespace {

using ::testing::HasSubstr;

// Knows one holder, "training.j", with the token "right"; "slow" waits until it is released.
class Iam final : public services::sagemaker::FakeIam {
 public:
  Result<services::iam::TemporaryCredentials> granted_credentials(std::string_view holder,
                                                                  std::string_view token) override {
    if (holder == "slow") {
      waiting.set_value();
      let_go.get_future().wait();
    }
    if (holder == "broken") return fail(codes::kIo, "the disk is gone");
    if (holder != "training.j" || token != "right") return fail("AccessDenied", "no", 403);
    services::iam::TemporaryCredentials out;
    out.access_key_id = "ASIA1";
    out.secret_access_key = "s";
    out.session_token = "t";
    out.expiration = {1'700'000'000'000'000};
    out.role_arn = "arn:aws:iam::123456789012:role/r";
    return out;
  }
  std::promise<void> waiting, let_go;
};

class OwnPathsTest : public ::testing::Test {
 protected:
  std::future<wire::HttpResponse> ask(const std::string& path, const char* token = nullptr,
                                      const char* method = "GET", const char* job = "") {
    wire::HttpRequest request;
    request.job = job;
    request.method = method;
    request.path = path;
    if (token) request.headers.add("authorization", token);
    EXPECT_TRUE(OwnPaths::takes(request));
    auto promise = std::make_shared<std::promise<wire::HttpResponse>>();
    std::future<wire::HttpResponse> answer = promise->get_future();
    paths_.handle(request, [promise](wire::HttpResponse response) {
      promise->set_value(std::move(response));
    });
    return answer;
  }
  Value credentials(const wire::HttpResponse& response) { return *parse_json(response.body); }
  std::string member(const Value& value, const char* name) {
    return value.find(name) ? *value.find(name)->as_string() : "";
  }

  services::platform::MetricRegistry metrics_;
  Iam iam_;
  runtime::WorkerPool workers_{{"test", 1, 1}};
  OwnPaths paths_{{metrics_, iam_, workers_}};
};

TEST_F(OwnPathsTest, HealthMetricsAndNothingElse) {
  EXPECT_EQ(ask("/_tidemill/health").get().body, "{\"status\":\"ok\"}\n");
  metrics_.counter({.name = "further"}).add();
  EXPECT_THAT(ask("/_tidemill/metrics").get().body, HasSubstr("\nfurther 1\n"));
  const wire::HttpResponse unknown = ask("/_tidemill/other").get();
  EXPECT_EQ(unknown.status, 404);
  EXPECT_THAT(unknown.body, HasSubstr("not /_tidemill/other"));
  wire::HttpRequest bucket;
  bucket.path = "/_tidemil/x";
  EXPECT_FALSE(OwnPaths::takes(bucket));
}

TEST_F(OwnPathsTest, CredentialsAsSdksReadThem) {
  const wire::HttpResponse response = ask("/_tidemill/credentials/training.j", "right").get();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("content-type"), "application/json");
  EXPECT_EQ(response.headers.get("cache-control"), "no-store");
  const Value body = credentials(response);
  EXPECT_EQ(member(body, "AccessKeyId"), "ASIA1");
  EXPECT_EQ(member(body, "SecretAccessKey"), "s");
  EXPECT_EQ(member(body, "Token"), "t");
  EXPECT_EQ(member(body, "Expiration"), "2023-11-14T22:13:20Z");
  EXPECT_EQ(member(body, "RoleArn"), "arn:aws:iam::123456789012:role/r");
}

TEST_F(OwnPathsTest, RefusalsSayWhy) {
  EXPECT_EQ(ask("/_tidemill/credentials/training.j", "wrong").get().status, 403);
  EXPECT_EQ(ask("/_tidemill/credentials/training.j").get().status, 403);
  EXPECT_EQ(ask("/_tidemill/credentials/", "right").get().status, 403);
  EXPECT_EQ(ask("/_tidemill/credentials/training.j", "right", "PUT").get().status, 405);
  const wire::HttpResponse broken = ask("/_tidemill/credentials/broken", "right").get();
  EXPECT_EQ(broken.status, 500);
  EXPECT_EQ(member(credentials(broken), "code"), "InternalFailure");
}

TEST_F(OwnPathsTest, AJobsDoorOpensToItsOwnCredentialsAlone) {
  const auto status = [&](const char* path, const char* job) {
    return ask(path, "right", "GET", job).get().status;
  };
  EXPECT_EQ(status("/_tidemill/credentials/training.j", "training.j"), 200);
  EXPECT_EQ(status("/_tidemill/credentials/training.j", "training.k"), 403);
  EXPECT_EQ(status("/_tidemill/metrics", "training.j"), 403);
  EXPECT_EQ(status("/_tidemill/health", "training.j"), 200);
}

TEST_F(OwnPathsTest, BusyWorkersAreAnAnswerToo) {
  auto slow = ask("/_tidemill/credentials/slow");
  iam_.waiting.get_future().wait();
  auto queued = ask("/_tidemill/credentials/training.j", "right");
  EXPECT_EQ(ask("/_tidemill/credentials/training.j", "right").get().status, 503);
  iam_.let_go.set_value();
  EXPECT_EQ(slow.get().status, 403);
  EXPECT_EQ(queued.get().status, 200);
}

}  // namespace
}  // namespace tidemill::server

#include "services/platform/delivery/http_driver.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>

#include "base/test_eventually.h"
#include "services/platform/delivery/driver_contract.h"
#include "services/platform/delivery/test_http_target.h"

namespace tidemill::services::platform {

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using Outcome = AttemptResult::Outcome;

class HttpHarness final : public DriverHarness {
 public:
  DeliveryDriver& driver() override { return *driver_; }
  std::string target() override {
    // Nothing listens on port 1 of the loopback interface.
    return behaviour_ == Behaviour::absent ? "http://127.0.0.1:1/" : http_.url();
  }
  void behave(Behaviour behaviour) override {
    behaviour_ = behaviour;
    http_.behave(behaviour);
  }
  std::vector<std::string> accepted() override { return http_.bodies(); }

 private:
  Behaviour behaviour_ = Behaviour::accept;
  TestHttpTarget http_;
  std::unique_ptr<DeliveryDriver> driver_ = make_http_driver();
};

class HttpDriverTest : public testing::Test {
 protected:
  AttemptResult deliver(const std::string& url, HttpDriverOptions options = {}) {
    Attempt attempt;
    attempt.delivery_id = "d-1";
    attempt.target = url;
    attempt.payload = "{}";
    attempt.content_type = "application/json";
    attempt.attributes = attributes_;
    driver_ = make_http_driver(std::move(options));
    return driver_->attempt(attempt, {});
  }
  TestHttpTarget target_;
  std::map<std::string, std::string> attributes_;
  std::unique_ptr<DeliveryDriver> driver_;
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(Http, DeliveryDriverContract,
                         testing::Values([] { return std::make_unique<HttpHarness>(); }));

TEST_F(HttpDriverTest, SendsAPost) {
  attributes_ = {{"TARGET_ARN", "arn:x"}, {"Odd", "a\r\nInjected: yes"}};
  ASSERT_EQ(deliver(target_.url("/a?b=c")).outcome, Outcome::delivered);
  const std::string head = target_.last_head();
  EXPECT_THAT(head, HasSubstr("POST /a?b=c HTTP/1.1\r\n"));
  EXPECT_THAT(head, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(head, HasSubstr("X-Tidemill-Delivery-Id: d-1\r\n"));
  EXPECT_THAT(head, HasSubstr("X-Tidemill-TARGET_ARN: arn:x\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("\r\nInjected")));
}

TEST_F(HttpDriverTest, MethodAndHeadersAreTheTargets) {
  HttpDriverOptions options;
  options.resolve = [this](const Attempt&) -> Result<HttpTarget> {
    return HttpTarget{target_.url(), "PUT", {{"Authorization", "Basic abc"}}};
  };
  ASSERT_EQ(deliver("arn:aws:events:us-east-1:1:api-destination/x", options).outcome,
            Outcome::delivered);
  EXPECT_THAT(target_.last_head(), HasSubstr("PUT /in HTTP/1.1\r\n"));
  EXPECT_THAT(target_.last_head(), HasSubstr("Authorization: Basic abc\r\n"));
  EXPECT_THAT(target_.bodies(), testing::ElementsAre("{}"));
  options.resolve = [](const Attempt&) -> Result<HttpTarget> { return fail("Gone", "no such"); };
  EXPECT_EQ(deliver("arn:x", options).outcome, Outcome::refused);
}

TEST_F(HttpDriverTest, StatusesDecide) {
  auto outcome = [&](const std::string& status, const std::string& headers = "") {
    target_.answer("HTTP/1.1 " + status + " X\r\nContent-Length: 0\r\n" + headers + "\r\n");
    return deliver(target_.url());
  };
  for (const char* good : {"200", "201", "202", "204"})
    EXPECT_EQ(outcome(good).outcome, Outcome::delivered) << good;
  for (const char* later : {"408", "409", "425", "429", "500", "502", "503", "504"})
    EXPECT_EQ(outcome(later).outcome, Outcome::retry) << later;
  for (const char* never : {"400", "401", "403", "404", "410", "413"})
    EXPECT_EQ(outcome(never).outcome, Outcome::refused) << never;
  EXPECT_EQ(outcome("429", "Retry-After: 7\r\n").retry_after, 7s);
  EXPECT_EQ(outcome("404").code, "404");
}

TEST_F(HttpDriverTest, RedirectsAreNotFollowed) {
  TestHttpTarget other;
  for (const std::string& to : {other.url(), std::string("file:///etc/passwd")}) {
    target_.answer("HTTP/1.1 302 X\r\nContent-Length: 0\r\nLocation: " + to + "\r\n\r\n");
    EXPECT_EQ(deliver(target_.url()).outcome, Outcome::refused);
  }
  EXPECT_EQ(other.connections(), 0);
}

TEST_F(HttpDriverTest, OtherSchemesAndMalformedUrlsAreRefused) {
  for (const char* bad : {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "",
                          "http://", "http://127.0.0.1:99999/", "http://127.0.0.1/\r\nX: y"})
    EXPECT_EQ(deliver(bad).outcome, Outcome::refused) << bad;
  EXPECT_EQ(deliver("http://127.0.0.1/" + std::string(5000, 'a')).outcome, Outcome::refused);
}

TEST_F(HttpDriverTest, ConnectionsAreKept) {
  std::unique_ptr<DeliveryDriver> driver = make_http_driver();
  Attempt attempt;
  attempt.target = target_.url();
  for (int i = 0; i < 20; ++i) ASSERT_EQ(driver->attempt(attempt, {}).outcome, Outcome::delivered);
  EXPECT_EQ(target_.connections(), 1);
}

TEST_F(HttpDriverTest, AHandleKeepsOneConnection) {
  std::unique_ptr<DeliveryDriver> driver = make_http_driver();
  TestHttpTarget other;
  Attempt attempt;
  for (const std::string& url : {target_.url(), other.url(), target_.url(), other.url()}) {
    attempt.target = url;
    ASSERT_EQ(driver->attempt(attempt, {}).outcome, Outcome::delivered);
  }
  EXPECT_GT(target_.connections() + other.connections(), 2) << "not both were kept";
}

TEST_F(HttpDriverTest, ItsOwnProxySettingsDoNotCount) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  EXPECT_EQ(deliver(target_.url()).outcome, Outcome::delivered);
  ::unsetenv("http_proxy");
}

namespace {

// Runs "openssl s_server" with a self-signed certificate for localhost.
class TlsTarget {
 public:
  explicit TlsTarget(const std::string& name) {
    char made[] = "/tmp/tidemill-tls-XXXXXX";
    folder_ = ::mkdtemp(made);
    const std::string command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout " +
                                folder_ + "/key.pem -out " + certificate() + " -subj /CN=" + name +
                                " -addext subjectAltName=DNS:" + name + " >/dev/null 2>&1";
    if (std::system(command.c_str()) != 0) std::abort();
    start();
  }
  ~TlsTarget() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    std::filesystem::remove_all(folder_);
  }
  std::string certificate() const { return folder_ + "/certificate.pem"; }
  std::string url() const { return "https://localhost:" + port_ + "/"; }

 private:
  void start() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(ends[1], 1);
      ::dup2(ends[1], 2);
      ::execlp("openssl", "openssl", "s_server", "-accept", "localhost:0", "-www", "-cert",
               certificate().c_str(), "-key", (folder_ + "/key.pem").c_str(), nullptr);
      ::_exit(1);
    }
    ::close(ends[1]);
    // Reads until openssl has printed a line like "ACCEPT 127.0.0.1:41234".
    std::string output;
    for (char c; ::read(ends[0], &c, 1) == 1;) {
      output += c;
      const std::size_t at = output.find("ACCEPT ");
      if (at == output.npos || c != '\n' || output.find('\n', at) == output.npos) continue;
      port_ = output.substr(output.rfind(':') + 1);
      port_.resize(port_.find_first_not_of("0123456789"));
      break;
    }
    pipe_ = ends[0];
  }
  std::string folder_, port_;
  int pipe_ = -1;
  pid_t process_ = -1;
};

HttpDriverOptions get_options(const std::string& url, const std::string& authorities) {
  HttpDriverOptions options;
  options.authorities = authorities;
  options.resolve = [url](const Attempt&) -> Result<HttpTarget> {
    return HttpTarget{url, "GET", {}};  // s_server answers nothing but GET
  };
  return options;
}

}  // namespace

TEST_F(HttpDriverTest, CertificatesAreVerified) {
  TlsTarget tls("localhost");
  const AttemptResult trusted = deliver("x", get_options(tls.url(), tls.certificate()));
  EXPECT_EQ(trusted.outcome, Outcome::delivered) << trusted.message;
  const AttemptResult unknown = deliver("x", get_options(tls.url(), ""));
  EXPECT_EQ(unknown.outcome, Outcome::retry);
  EXPECT_THAT(unknown.message, HasSubstr("certificate"));
  TlsTarget other("elsewhere.example");
  const AttemptResult wrong = deliver("x", get_options(other.url(), other.certificate()));
  EXPECT_EQ(wrong.outcome, Outcome::retry) << "a name that is not the certificate's";
}

}  // namespace tidemill::services::platform

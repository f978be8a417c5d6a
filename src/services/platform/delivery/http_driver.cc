#include "services/platform/delivery/http_driver.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace tidemill::services::platform {

namespace {

using Handle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using Headers = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

constexpr std::size_t kUrlBytesMax = 2048;

struct Answer {
  std::size_t bytes = 0;
  std::size_t bytes_max = 0;
  bool cut = false;
};

std::size_t take_body(char*, std::size_t size, std::size_t count, void* to) {
  auto& answer = *static_cast<Answer*>(to);
  answer.bytes += size * count;
  if (answer.bytes <= answer.bytes_max) return size * count;
  answer.cut = true;
  return 0;  // makes curl end the transfer
}

int watch(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

bool is_header(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

bool worth_retrying(long status) {
  return status >= 500 || status == 408 || status == 409 || status == 425 || status == 429;
}

class HttpDriver final : public DeliveryDriver {
 public:
  explicit HttpDriver(HttpDriverOptions options) : options_(std::move(options)) {}

  std::string action() const override { return options_.action; }

  AttemptResult attempt(const Attempt& attempt, const std::stop_token& stop) override {
    HttpTarget target{.url = attempt.target, .headers = {}};
    if (options_.resolve) {
      Result<HttpTarget> resolved = options_.resolve(attempt);
      if (!resolved) return AttemptResult::refused("INVALID_TARGET", resolved.error().message);
      target = *std::move(resolved);
    }
    if (!target.url.starts_with("http://") && !target.url.starts_with("https://"))
      return AttemptResult::refused("INVALID_TARGET", "its address is not an http or https URL");
    if (target.url.size() > kUrlBytesMax || !is_header(target.url) || !is_header(target.method))
      return AttemptResult::refused("INVALID_TARGET", "its address is malformed");
    Handle handle = take_handle();
    if (!handle) return AttemptResult::retry("INTERNAL_ERROR", "out of memory");
    AttemptResult result = perform(handle.get(), target, attempt, stop);
    give_back(std::move(handle));
    return result;
  }

 private:
  // A handle that was used before keeps its connections open.
  Handle take_handle() {
    // Initialized at the first attempt, because it takes milliseconds that would delay the start.
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (ready != CURLE_OK) return Handle(nullptr, &curl_easy_cleanup);
    std::lock_guard lock(mutex_);
    if (idle_.empty()) return Handle(curl_easy_init(), &curl_easy_cleanup);
    Handle handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }
  void give_back(Handle handle) {
    curl_easy_reset(handle.get());  // keeps its connections open
    std::lock_guard lock(mutex_);
    if (idle_.size() < options_.connections_idle_max) idle_.push_back(std::move(handle));
  }

  static bool add_header(Headers& headers, const std::string& line) {
    curl_slist* longer = curl_slist_append(headers.get(), line.c_str());
    if (!longer) return false;
    (void)headers.release();
    headers.reset(longer);
    return true;
  }

  Headers headers_of(const HttpTarget& target, const Attempt& attempt) {
    Headers headers(nullptr, &curl_slist_free_all);
    std::vector<std::string> lines = {"Content-Type: " + attempt.content_type,
                                      "Expect:", "X-Tidemill-Delivery-Id: " + attempt.delivery_id};
    for (const auto& [name, value] : attempt.attributes)
      lines.push_back(fmt::format("X-Tidemill-{}: {}", name, value));
    for (const auto& [name, value] : target.headers) lines.push_back(name + ": " + value);
    for (std::string& line : lines) {
      std::ranges::replace_if(
          line, [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
      if (!add_header(headers, line)) break;
    }
    return headers;
  }

  AttemptResult perform(CURL* handle, const HttpTarget& target, const Attempt& attempt,
                        const std::stop_token& stop) {
    const Headers headers = headers_of(target, attempt);
    Answer answer{.bytes_max = options_.response_bytes_max};
    char reason[CURL_ERROR_SIZE] = {};
    auto set = [handle](CURLoption option, auto value) { curl_easy_setopt(handle, option, value); };
    set(CURLOPT_URL, target.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_MAXCONNECTS, 1L);  // that a handle keeps: the number of idle handles is the limit
    set(CURLOPT_NOPROXY, "*");     // ignores no_proxy in the server's environment
    set(CURLOPT_USERAGENT, "Tidemill");
    set(CURLOPT_CONNECTTIMEOUT_MS, long(options_.connect_timeout.count()));
    set(CURLOPT_TIMEOUT_MS, long(options_.timeout.count()));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, long(CURL_SSLVERSION_TLSv1_2));
    if (!options_.authorities.empty()) set(CURLOPT_CAINFO, options_.authorities.c_str());
    set(CURLOPT_HTTPHEADER, headers.get());
    if (target.method != "GET") {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(attempt.payload.size()));
      set(CURLOPT_POSTFIELDS, attempt.payload.c_str());
    }
    set(CURLOPT_CUSTOMREQUEST, target.method.c_str());
    set(CURLOPT_WRITEFUNCTION, &take_body);
    set(CURLOPT_WRITEDATA, &answer);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &watch);
    set(CURLOPT_XFERINFODATA, static_cast<void*>(const_cast<std::stop_token*>(&stop)));
    set(CURLOPT_ERRORBUFFER, reason);
    const CURLcode code = curl_easy_perform(handle);
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && answer.cut))
      return network_failure(code, reason);
    return judge(handle, status);
  }

  static AttemptResult network_failure(CURLcode code, const char* reason) {
    const std::string message = *reason ? reason : curl_easy_strerror(code);
    switch (code) {
      case CURLE_URL_MALFORMAT:
      case CURLE_UNSUPPORTED_PROTOCOL:
        return AttemptResult::refused("INVALID_TARGET", message);
      case CURLE_OPERATION_TIMEDOUT:
        return AttemptResult::retry("TIMEOUT", message);
      default:
        // A certificate may be renewed and a name may resolve again, so these are retried as well.
        return AttemptResult::retry("CONNECTION_FAILURE", message);
    }
  }

  static AttemptResult judge(CURL* handle, long status) {
    if (status >= 200 && status < 300) return AttemptResult::delivered();
    const std::string code = std::to_string(status);
    const std::string message = "the target answered with status " + code;
    if (!worth_retrying(status)) return AttemptResult::refused(code, message);
    AttemptResult result = AttemptResult::retry(code, message);
    curl_off_t seconds = 0;
    curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds > 0) result.retry_after = std::chrono::seconds(seconds);
    return result;
  }

  const HttpDriverOptions options_;
  std::mutex mutex_;
  std::vector<Handle> idle_;  // guarded by mutex_
};

}  // namespace

std::unique_ptr<DeliveryDriver> make_http_driver(HttpDriverOptions options) {
  return std::make_unique<HttpDriver>(std::move(options));
}

}  // namespace tidemill::services::platform

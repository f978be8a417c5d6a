// For tests: S3 over a memory store and real blobs, called as the chain calls it.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "engine/outbox.h"
#include "services/s3/s3_service.h"
#include "store/memory/memory_store.h"

namespace tidemill::services::s3 {

inline constexpr const char* kAccount = "123456789012";
inline constexpr const char* kOtherAccount = "210987654321";

class S3Test : public testing::Test {
 protected:
  S3Test() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tidemill-s3-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    std::vector<store::TableSpec> tables = S3Service::tables();
    for (store::TableSpec& table : engine::outbox_tables()) tables.push_back(std::move(table));
    store_ = store::make_memory_store(std::move(tables));
    store_in_use_ = store_.get();
    restart();
  }
  ~S3Test() override {
    service_.reset();
    blobs_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  // A new service over the same store and folder.
  void restart() {
    service_.reset();
    blobs_.reset();
    auto opened = blobs::open_blob_store({folder_ + "/blobs"}, *random_);
    if (!opened) throw std::runtime_error(opened.error().message);
    blobs_ = std::move(*opened);
    service_ = std::make_unique<S3Service>(*store_in_use_, *blobs_, clock_, *random_);
    registry_ = std::make_unique<Registry>();
    service_->add_to(*registry_);
    Result<void> started = service_->start(clock_);
    if (!started) throw std::runtime_error(started.error().message);
    service_->wait_for_collection();
  }

  Context context(std::string body = "", std::string account = kAccount) {
    Context made;
    made.request_id = "r";
    made.region = "us-east-1";
    made.principal = {account, "arn:aws:iam::" + account + ":root", account, "AKIA", true};
    made.received = clock_.now();
    made.endpoint = "http://localhost:4566";
    made.body = std::make_unique<StringSource>(std::move(body));
    return made;
  }

  // Through the registry, so that errors are mapped as they are for clients.
  template <class Op>
  Result<typename Op::Output> call(Context& in, const typename Op::Input& input) {
    const Handler* handler = registry_->find(Op::operation());
    if (!handler) return fail("NoHandler", "not registered");
    Value output = TRY(run_and_wait(*handler, in, to_value(input)));
    typename Op::Output decoded{};
    TRY(from_value(output, decoded));
    return decoded;
  }
  template <class Op>
  Result<typename Op::Output> call(const typename Op::Input& input) {
    Context in = context();
    return call<Op>(in, input);
  }
  template <class Op>
  std::string error_of(const typename Op::Input& input) {
    auto output = call<Op>(input);
    return output ? "" : output.error().code;
  }

  static std::string drain(Context& in) {
    if (!in.response_body) return "<none>";
    auto all = read_all(*in.response_body, 1ull << 32);
    return all ? *all : "<" + all.error().code + ">";
  }

  std::string folder_;
  ManualClock clock_{{1'700'000'000'000'000}};
  std::unique_ptr<Random> random_ = make_seeded_random(11);
  std::unique_ptr<store::Store> store_;
  store::Store* store_in_use_ = nullptr;  // store_, or a faulty one over it
  std::unique_ptr<blobs::BlobStore> blobs_;
  std::unique_ptr<S3Service> service_;
  std::unique_ptr<Registry> registry_;
};

// A body that comes in pieces, as a large one does.
class PiecewiseSource final : public ByteSource {
 public:
  explicit PiecewiseSource(std::string bytes) : bytes_(std::move(bytes)) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    std::size_t count = std::min({buffer.size(), bytes_.size() - position_, std::size_t(60'000)});
    bytes_.copy(buffer.data(), count, position_);
    position_ += count;
    return count;
  }
  std::optional<std::uint64_t> size() const override { return bytes_.size(); }

 private:
  std::string bytes_;
  std::size_t position_ = 0;
};

#define EXPECT_OK(expression)                                                                  \
  do {                                                                                         \
    auto result_ = (expression);                                                               \
    EXPECT_TRUE(result_) << (result_ ? ""                                                      \
                                     : result_.error().code + ": " + result_.error().message); \
  } while (false)

}  // namespace tidemill::services::s3

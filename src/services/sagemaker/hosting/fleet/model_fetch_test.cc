#include "services/sagemaker/hosting/fleet/model_fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "compute/process/process_compute.h"
#include "services/platform/archives/archive.h"
#include "services/s3/test_s3.h"
#include "services/sagemaker/common/test_fakes.h"
#include "services/sagemaker/common/test_role_s3.h"
#include "services/sagemaker/hosting/fleet/model_source.h"
#include "services/sagemaker/sagemaker_service.h"
#include "store/memory/memory_store.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class ModelFetchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tidemill_fetch_XXXXXX";
    root_ = ::mkdtemp(name);
    compute::ProcessOptions options;
    options.directory = root_ / "compute";
    options.shim_command = {"/proc/self/exe", "shim"};
    options.volumes_directory = root_ / "volumes";
    compute_ = *compute::make_process_driver(options, clock_);
    engine_ = engine::make_engine(*store_, clock_, *random_);
  }
  void TearDown() override {
    engine_.reset();
    compute_.reset();
    fs::remove_all(root_);
  }
  Result<void> fetch(const std::string& uri, bool compressed) {
    const Dependencies in{*store_, *engine_, *compute_,   s3_in_account(s3_), logs_, iam_,
                          clock_,  *random_, test_held(), s3_as(s3_, iam_),   {}};
    ModelFetch wanted{"123456789012", "arn:aws:iam::123456789012:role/r", uri, compressed, ""};
    wanted.role_since = role_since_;
    return fetch_model_data(in, wanted, root_ / "model");
  }
  std::set<std::string> fetched() {
    std::set<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(root_ / "model"))
      if (entry.is_symlink() || !entry.is_directory())
        files.insert(entry.path().lexically_relative(root_ / "model"));
    return files;
  }
  static std::string text_of(const fs::path& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  fs::path root_;
  Timestamp role_since_;
  SystemClock clock_;
  std::unique_ptr<Random> random_ = make_system_random();
  std::unique_ptr<store::Store> store_ = store::make_memory_store(engine::engine_tables());
  std::unique_ptr<compute::Driver> compute_;
  std::unique_ptr<engine::Engine> engine_;
  s3::TestS3 s3_{{"b"}};
  FakeLogs logs_;
  FakeIam iam_;
};

TEST_F(ModelFetchTest, Ends_when_it_is_stopped_and_leaves_nothing) {
  fs::create_directories(root_ / "in");
  std::ofstream(root_ / "in" / "weights") << "weights";
  ASSERT_TRUE(platform::pack_tar_gz(root_ / "in", root_ / "x.tar.gz"));
  s3_.put("b/m/model.tar.gz", text_of(root_ / "x.tar.gz"));
  const Dependencies in{*store_, *engine_, *compute_,   s3_in_account(s3_), logs_, iam_,
                        clock_,  *random_, test_held(), s3_as(s3_, iam_),   {}};
  for (const bool compressed : {true, false}) {
    Result<void> done =
        fetch_model_data(in,
                         {"123456789012", "arn:aws:iam::123456789012:role/r",
                          "s3://b/m/model.tar.gz", compressed, "", [] { return true; }},
                         root_ / "model");
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, codes::kCancelled);
    EXPECT_FALSE(fs::exists(root_ / "model"));
    EXPECT_FALSE(fs::exists(root_ / "model.partial"));
  }
}

TEST_F(ModelFetchTest, A_prefix_is_a_folder) {
  for (const char* key :
       {"b/models/a-b/x", "b/models/a.txt", "b/models/a/x", "b/models/a/y/z", "b/models/ab/x"})
    s3_.put(key, key);
  Result<void> done = fetch("s3://b/models/a", false);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_THAT(fetched(), ElementsAre("x", "y/z"));
  EXPECT_EQ(text_of(root_ / "model" / "x"), "b/models/a/x");
}

TEST_F(ModelFetchTest, A_prefix_with_a_slash_and_a_single_object_are_as_they_were) {
  s3_.replace({{"b/models/a/x", "1"}, {"b/models/ab/x", "2"}});
  ASSERT_TRUE(fetch("s3://b/models/a/", false));
  EXPECT_THAT(fetched(), ElementsAre("x"));
  fs::remove_all(root_ / "model");
  ASSERT_TRUE(fetch("s3://b/models/ab/x", false));
  EXPECT_THAT(fetched(), ElementsAre("x"));
  EXPECT_EQ(text_of(root_ / "model" / "x"), "2");
}

TEST_F(ModelFetchTest, Links_of_an_archive_that_leave_its_folder_are_left_out) {
  const fs::path in = root_ / "in";
  fs::create_directories(in / "deep" / "deeper");
  std::ofstream(root_ / "secret") << "not the model's";
  std::ofstream(in / "weights") << "weights";
  fs::create_symlink(root_ / "secret", in / "absolute");
  fs::create_symlink("../secret", in / "relative");
  fs::create_symlink("missing", in / "dangling");
  // "deep/deeper/up" is the folder itself, from where ".." leaves it.
  fs::create_symlink("../..", in / "deep" / "deeper" / "up");
  fs::create_symlink("deep/deeper/up/../secret", in / "through");
  fs::create_symlink("../weights", in / "deep" / "inside");
  fs::create_symlink("/opt/ml/model/weights", in / "deep" / "as_in_the_container");
  fs::create_symlink("/opt/ml/model/../secret", in / "out_of_the_container");
  ASSERT_TRUE(platform::pack_tar_gz(in, root_ / "x.tar.gz"));
  s3_.put("b/m/model.tar.gz", text_of(root_ / "x.tar.gz"));
  Result<void> done = fetch("s3://b/m/model.tar.gz", true);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_THAT(fetched(),
              ElementsAre("deep/as_in_the_container", "deep/deeper/up", "deep/inside", "weights"));
  EXPECT_EQ(text_of(root_ / "model" / "deep" / "inside"), "weights");
  EXPECT_EQ(text_of(root_ / "model" / "deep" / "as_in_the_container"), "weights");
}

TEST_F(ModelFetchTest, An_archive_that_is_none_is_named_as_its_owner_knows_it) {
  const fs::path in = root_ / "in";
  fs::create_directories(in);
  std::ofstream(in / "weights") << std::string(100'000, 'w');
  ASSERT_TRUE(platform::pack_tar_gz(in, root_ / "x.tar.gz"));
  const std::string whole = text_of(root_ / "x.tar.gz");
  const std::string damaged = whole.substr(0, whole.size() / 2);
  for (const std::string& bytes : {std::string("no archive"), std::string(), damaged}) {
    s3_.put("b/m/model.tar.gz", bytes);
    Result<void> done = fetch("s3://b/m/model.tar.gz", true);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, codes::kInvalid);  // another try would not help
    EXPECT_TRUE(done.error().message.starts_with(
        "The model archive s3://b/m/model.tar.gz cannot be unpacked: "))
        << done.error().message;
    EXPECT_EQ(done.error().message.find(root_.string()), std::string::npos);
  }
}

TEST_F(ModelFetchTest, A_role_that_was_made_again_reads_nothing) {
  s3_.put("b/m/model", "m");
  role_since_ = Timestamp{1'000};
  iam_.make_roles_again(Timestamp{2'000});
  const Result<void> refused = fetch("s3://b/m/", false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, codes::kInvalid);
  EXPECT_NE(refused.error().message.find("this role was made again"), std::string::npos);
  ModelSourceOptions options;
  options.account = "123456789012";
  options.role_arn = "arn:aws:iam::123456789012:role/r";
  options.role_since = role_since_;
  options.prefix = "s3://b/m";
  options.folder = options.folder_in_container = root_ / "models";
  const Dependencies dependencies{*store_, *engine_, *compute_,   s3_in_account(s3_), logs_, iam_,
                                  clock_,  *random_, test_held(), s3_as(s3_, iam_),   {}};
  const auto target = LoadedModels(dependencies, options).fetch("model");
  ASSERT_FALSE(target);
  EXPECT_NE(target.error().message.find("this role was made again"), std::string::npos);
  role_since_ = Timestamp{3'000};
  EXPECT_TRUE(fetch("s3://b/m/", false));
}

TEST_F(ModelFetchTest, A_target_too_large_for_its_container_leaves_nothing_on_the_disk) {
  const fs::path in = root_ / "in";
  fs::create_directories(in);
  std::ofstream(in / "xgboost-model") << std::string(100'000, 'x');
  ASSERT_TRUE(platform::pack_tar_gz(in, root_ / "big.tar.gz"));
  s3_.put("b/many/big.tar.gz", text_of(root_ / "big.tar.gz"));
  const Dependencies dependencies{*store_, *engine_, *compute_,   s3_in_account(s3_), logs_, iam_,
                                  clock_,  *random_, test_held(), s3_as(s3_, iam_),   {}};
  ModelSourceOptions options;
  options.account = "123456789012";
  options.role_arn = "arn:aws:iam::123456789012:role/r";
  options.prefix = "s3://b/many/";
  options.folder = options.folder_in_container = root_ / "models";
  options.volume = "models";
  options.memory_bytes_max = 50'000;
  LoadedModels models(dependencies, options);
  auto loaded = models.load("big.tar.gz");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().http_status, 507) << loaded.error().message;
  EXPECT_TRUE(fs::is_empty(root_ / "models"));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting

#include "server/settings.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace tidemill::server {
namespace {

class SettingsTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tidemill-settings-XXXXXX";
    folder_ = mkdtemp(name);
    file_ = folder_ + "/c.yaml";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const char* text) { std::ofstream(file_) << text; }
  std::string folder_, file_;
};

TEST_F(SettingsTest, flag_beats_variable_beats_file_beats_default) {
  write("listen: 1.1.1.1:1\nregion: eu-west-1\nworkers: 3\n");
  Settings settings =
      Settings::resolve({{"config", file_}, {"listen", "3.3.3.3:3"}},
                        {{"TIDEMILL_LISTEN", "2.2.2.2:2"}, {"TIDEMILL_REGION", "eu-north-1"}})
          .value();
  EXPECT_EQ(settings.text("listen"), "3.3.3.3:3");
  EXPECT_EQ(settings.text("region"), "eu-north-1");
  EXPECT_EQ(settings.number("workers"), 3);
  EXPECT_EQ(settings.text("auth"), "verify");
  std::string explained = settings.explain();
  EXPECT_NE(explained.find("TIDEMILL_REGION"), std::string::npos);
  EXPECT_NE(explained.find(file_), std::string::npos);
}

TEST_F(SettingsTest, regions_are_those_of_aws) {
  EXPECT_TRUE(Settings::resolve({{"region", "ap-southeast-2"}}, {}));
  for (const char* region : {"mars", "", "us-east", "us-east-1a", "US-EAST-1", "us-gov-west-1"}) {
    const Result<Settings> settings = Settings::resolve({{"region", region}}, {});
    ASSERT_FALSE(settings) << region;
    EXPECT_NE(settings.error().message.find("eu-central-1"), std::string::npos);
  }
}

TEST_F(SettingsTest, what_is_wrong_is_named) {
  write("lisen: x\n");
  Result<Settings> unknown = Settings::resolve({{"config", file_}}, {});
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("'lisen'"), std::string::npos);
  EXPECT_NE(unknown.error().message.find("line 1"), std::string::npos);
  Result<Settings> choice = Settings::resolve({{"auth", "none"}}, {});
  ASSERT_FALSE(choice);
  EXPECT_NE(choice.error().message.find("verify, any"), std::string::npos);
  EXPECT_FALSE(Settings::resolve({}, {{"TIDEMILL_WORKERS", "many"}}));
  Result<Settings> no_file = Settings::resolve({{"config", folder_ + "/none.yaml"}}, {});
  ASSERT_FALSE(no_file);
  EXPECT_TRUE(no_file.error().message.starts_with("there is no file " + folder_ + "/none.yaml"));
  EXPECT_FALSE(Settings::resolve({{"workers", "0"}}, {}));
  Result<Settings> misspelt = Settings::resolve({}, {{"TIDEMILL_REGOIN", "x"}});
  ASSERT_FALSE(misspelt);
  EXPECT_NE(misspelt.error().message.find("TIDEMILL_REGOIN"), std::string::npos);
  EXPECT_TRUE(Settings::resolve({}, {{"TIDEMILL_CRASH_AT", "3"}}));
}

TEST_F(SettingsTest, half_a_tls_pair_is_refused) {
  for (const auto& [given, other] :
       {std::pair{"tls-key", "tls-certificate"}, std::pair{"tls-certificate", "tls-key"}}) {
    Result<Settings> half = Settings::resolve({{given, "a.pem"}}, {});
    ASSERT_FALSE(half);
    EXPECT_TRUE(
        half.error().message.starts_with(std::string(given) + " (from flag) needs " + other));
  }
  EXPECT_TRUE(Settings::resolve({{"tls-key", "a.pem"}, {"tls-certificate", "b.pem"}}, {}));
}

TEST_F(SettingsTest, names_of_hosts_are_names) {
  for (const char* setting : {"domain", "allowed-hosts"}) {
    for (const char* wrong : {"http://a", "a:80", "a/b"})
      EXPECT_FALSE(Settings::resolve({{setting, wrong}}, {})) << setting << wrong;
    EXPECT_TRUE(Settings::resolve({{setting, "a.example.com"}}, {}));
  }
  EXPECT_TRUE(Settings::resolve({{"allowed-hosts", "a,*.b,*"}}, {}));
}

TEST_F(SettingsTest, descriptions_name_the_accepted_words) {
  for (const SettingSpec& spec : setting_specs())
    for (std::string_view choice : spec.choices)
      EXPECT_TRUE(spec.description.contains(choice)) << spec.name << " " << choice;
}

}  // namespace
}  // namespace tidemill::server

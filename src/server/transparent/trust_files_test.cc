#include "server/transparent/trust_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace tidemill::server {
namespace {

namespace filesystem = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

std::string text_of(const filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class TrustFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (filesystem::temp_directory_path() / "tidemill-trust-XXXXXX").string();
    data_ = ::mkdtemp(name.data());
    authority_ = *wire::LocalAuthority::load_or_create(authority_folder(data_), clock_);
    ::setenv("SSL_CERT_FILE", machines().c_str(), 1);
    std::ofstream(machines()) << "# of the machine\n" << authority_->certificate_pem();
  }
  void TearDown() override {
    ::unsetenv("SSL_CERT_FILE");
    filesystem::remove_all(data_);
  }
  std::string machines() const { return (data_ / "machine.pem").string(); }
  void write(const filesystem::path& server_certificate = {}) {
    ASSERT_TRUE(write_trust_files(data_, *authority_, server_certificate, clock_.now()));
  }
  // Written anew, a file is another one.
  std::string identities() {
    std::string out;
    for (const filesystem::path& path :
         {bundle_path(data_), authority_path(data_), trust_store_path(data_)})
      out += std::to_string(filesystem::last_write_time(path).time_since_epoch().count()) + " ";
    return out;
  }

  SystemClock clock_;
  filesystem::path data_;
  std::unique_ptr<wire::LocalAuthority> authority_;
};

TEST_F(TrustFiles, StayWhileNothingChanges) {
  write();
  EXPECT_THAT(text_of(bundle_path(data_)), HasSubstr("# of the machine"));
  EXPECT_EQ(text_of(authority_path(data_)), authority_->certificate_pem());
  const std::string before = identities();
  write();
  EXPECT_EQ(identities(), before);
}

TEST_F(TrustFiles, AreWrittenAnewWhenWhatTheyAreMadeOfChanges) {
  write();
  std::string before = identities();
  std::ofstream(machines(), std::ios::app) << "# one more\n";
  write();
  EXPECT_THAT(text_of(bundle_path(data_)), HasSubstr("# one more"));
  EXPECT_NE(identities(), before);
  // A certificate of the server's own comes in, without the key beside it, and goes again.
  const filesystem::path both = data_ / "both.pem";
  std::ofstream(both) << "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
                      << authority_->certificate_pem();
  write(both);
  EXPECT_EQ(text_of(authority_path(data_)),
            authority_->certificate_pem() + authority_->certificate_pem());
  EXPECT_THAT(text_of(bundle_path(data_)), Not(HasSubstr("PRIVATE KEY")));
  write();
  EXPECT_EQ(text_of(authority_path(data_)), authority_->certificate_pem());
}

TEST_F(TrustFiles, AreWrittenAnewWhenSomebodyChangedOrRemovedOne) {
  write();
  std::ofstream(bundle_path(data_)) << "nothing";
  write();
  EXPECT_THAT(text_of(bundle_path(data_)), HasSubstr("# of the machine"));
  filesystem::remove(trust_store_path(data_));
  write();
  EXPECT_TRUE(filesystem::exists(trust_store_path(data_)));
}

TEST_F(TrustFiles, TheKeyStoreHoldsEachCertificateAsItIs) {
  std::ofstream(machines(), std::ios::app)
      << "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";  // Java could not read
                                                                            // it
  write();
  const std::string store = text_of(trust_store_path(data_));
  EXPECT_EQ(store.substr(0, 12), std::string("\xfe\xed\xfe\xed\0\0\0\2\0\0\0\2", 12));
  const std::string& der = authority_->certificate_der();
  EXPECT_NE(store.find(der), store.npos);
  EXPECT_NE(store.find(der, store.find(der) + 1), store.npos);
}

TEST_F(TrustFiles, JobsReadNoMoreThanTheyNeed) {
  write();
  for (const auto& entry : filesystem::directory_iterator(trust_folder(data_)))
    EXPECT_THAT((std::vector<filesystem::path>{bundle_path(data_), authority_path(data_),
                                               trust_store_path(data_)}),
                ::testing::Contains(entry.path()));
}

}  // namespace
}  // namespace tidemill::server

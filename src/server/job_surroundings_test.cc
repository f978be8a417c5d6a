#include "server/job_surroundings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "server/job_doors.h"

namespace tidemill::server {
namespace {

namespace filesystem = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class JobSurroundings : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (filesystem::temp_directory_path() / "tidemill-names-XXXXXX").string();
    data_ = ::mkdtemp(name.data());
  }
  void TearDown() override { filesystem::remove_all(data_); }

  // The file that the job sees at `destination`; "" when none is mounted there.
  std::string seen(const compute::ProcessSpec& job, const std::string& destination) {
    std::error_code ignored;
    const filesystem::path place = filesystem::weakly_canonical(destination, ignored);
    for (const compute::Mount& mount : job.mounts) {
      if (mount.destination != place) continue;
      EXPECT_TRUE(mount.read_only);
      std::stringstream text;
      text << std::ifstream(mount.source).rdbuf();
      return text.str();
    }
    return "";
  }
  filesystem::path data_;
};

compute::ProcessSpec isolated(std::uint16_t port) {
  compute::ProcessSpec job;
  job.network = compute::JobNetwork::isolated;
  job.server_port = port;
  return job;
}

TEST_F(JobSurroundings, AnIsolatedJobHasItsOwnNameAndResolver) {
  for (const std::uint16_t port : {4566, 0}) {
    compute::ProcessSpec job = isolated(port);
    add_names(job, data_);
    EXPECT_THAT(seen(job, "/etc/hosts"), HasSubstr("127.0.0.1 localhost algo-1"));
    EXPECT_THAT(seen(job, "/etc/resolv.conf"), HasSubstr("nameserver 127.0.0.1\n"));
    if (filesystem::exists("/etc/nsswitch.conf"))
      EXPECT_THAT(seen(job, "/etc/nsswitch.conf"), HasSubstr("hosts: files dns\n"));
  }
}

TEST_F(JobSurroundings, InTheHostsNetworkItHasItsNameBesideTheMachinesOwn) {
  compute::ProcessSpec job;
  add_names(job, data_);
  EXPECT_THAT(seen(job, "/etc/hosts"), HasSubstr("127.0.0.1 algo-1\n"));
  EXPECT_EQ(job.mounts.size(), 1u);
  add_transparent_mode(job, data_, false);
  EXPECT_TRUE(job.environment.empty());
}

TEST_F(JobSurroundings, FilesAreWrittenOnceAndWhenTheyAreNotAsTheyShallBe) {
  compute::ProcessSpec job = isolated(4566);
  add_names(job, data_);
  const auto before = filesystem::last_write_time(data_ / "names/hosts");
  add_names(job, data_);
  EXPECT_EQ(filesystem::last_write_time(data_ / "names/hosts"), before);
  std::ofstream(data_ / "names/hosts") << "10.0.0.1 sts.amazonaws.com\n";
  compute::ProcessSpec next = isolated(4566);
  add_names(next, data_);
  EXPECT_THAT(seen(next, "/etc/hosts"), Not(HasSubstr("10.0.0.1")));
}

TEST_F(JobSurroundings, PipGivesUpSoonWhereThereIsNoOtherHost) {
  for (const std::uint16_t port : {4566, 0}) {
    compute::ProcessSpec job = isolated(port);
    add_transparent_mode(job, data_, false);
    EXPECT_EQ(job.environment["PIP_RETRIES"], "1");
  }
  compute::ProcessSpec with_tunnels = isolated(4566);
  add_transparent_mode(with_tunnels, data_, true);
  EXPECT_FALSE(with_tunnels.environment.contains("PIP_RETRIES"));
  EXPECT_EQ(with_tunnels.environment["HTTPS_PROXY"], "http://127.0.0.1:4566");
  compute::ProcessSpec cut_off = isolated(0);
  add_transparent_mode(cut_off, data_, true);
  EXPECT_EQ(cut_off.environment["PIP_RETRIES"], "1");
  EXPECT_FALSE(cut_off.environment.contains("HTTPS_PROXY"));
  compute::ProcessSpec own = isolated(4566);
  own.environment["PIP_RETRIES"] = "7";
  add_transparent_mode(own, data_, false);
  EXPECT_EQ(own.environment["PIP_RETRIES"], "7");
}

TEST(HostServices, OnlyFilesAndDnsFindHosts) {
  EXPECT_EQ(without_host_services("passwd: files systemd\nhosts: mymachines resolve "
                                  "[!UNAVAIL=return] files dns\n# hosts: x\n\thosts: db\nnet: db"),
            "passwd: files systemd\n# hosts: x\nnet: db\nhosts: files dns\n");
  EXPECT_EQ(without_host_services(""), "hosts: files dns\n");
  EXPECT_EQ(with_job_name("127.0.0.1 localhost"), "127.0.0.1 localhost\n127.0.0.1 algo-1\n");
}

TEST(JobNetworkNames, AreAwssTheJobsAndLocalhost) {
  for (const char* name : {"algo-1", "localhost", "bucket.localhost", "sts.amazonaws.com",
                           "bucket.s3.us-west-2.amazonaws.com", "s3.us-east-1.api.aws"})
    EXPECT_TRUE(is_job_network_name(name)) << name;
  for (const char* name : {"", "algo-2", "pypi.org", "amazonaws.com", "xlocalhost"})
    EXPECT_FALSE(is_job_network_name(name)) << name;
}

}  // namespace
}  // namespace tidemill::server

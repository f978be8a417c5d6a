#include "base/text_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace tidemill {
namespace {

class TextFile : public testing::Test {
 protected:
  TextFile()
      : folder_(std::filesystem::temp_directory_path() /
                ("tidemill-text-file-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~TextFile() override { std::filesystem::remove_all(folder_); }
  unsigned mode_of(const std::filesystem::path& path) const {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
  }

  const std::filesystem::path folder_;
};

TEST_F(TextFile, Reads_whole_files_and_says_why_it_cannot) {
  const std::string text = std::string(10'000, 'x') + std::string("\0\nend", 5);
  std::ofstream(folder_ / "file") << text;
  EXPECT_EQ(read_text_file(folder_ / "file").value_or(""), text);
  EXPECT_EQ(read_text_file(folder_ / "none").error().code, codes::kNotFound);
  const Result<std::string> directory = read_text_file(folder_);
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, codes::kIo);
  EXPECT_NE(directory.error().message.find(folder_.string()), std::string::npos);
  // Files of /proc have a size of 0.
  EXPECT_EQ(read_text_file("/proc/sys/kernel/random/boot_id").value_or("").size(), 37u);
}

TEST_F(TextFile, Secrets_are_read_only_from_files_of_their_owner_alone) {
  const std::filesystem::path path = folder_ / "key";
  EXPECT_EQ(read_secret_file(path).error().code, codes::kNotFound);
  ASSERT_TRUE(write_file_durably(path, "secret", 0600));
  EXPECT_EQ(read_secret_file(path).value_or(""), "secret");
  for (const unsigned mode : {0640u, 0604u, 0610u}) {
    ::chmod(path.c_str(), mode);
    const Result<std::string> open = read_secret_file(path);
    ASSERT_FALSE(open) << mode;
    EXPECT_EQ(open.error().code, codes::kInvalid);
    EXPECT_NE(open.error().message.find("chmod 600 " + path.string()), std::string::npos);
  }
}

TEST_F(TextFile, Writing_replaces_the_file_and_its_mode) {
  const std::filesystem::path path = folder_ / "file";
  std::ofstream(path) << "old";
  ::chmod(path.c_str(), 0666);
  std::ofstream(folder_ / "file.new") << "left by a crash";
  ::chmod((folder_ / "file.new").c_str(), 0666);
  const mode_t before = ::umask(0077);
  EXPECT_TRUE(write_file_atomically(path, "new", 0644));
  ::umask(before);
  EXPECT_EQ(read_text_file(path).value_or(""), "new");
  EXPECT_EQ(mode_of(path), 0644u);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "file.new"));
  ASSERT_TRUE(write_file_durably(path, "", 0600));
  EXPECT_EQ(read_text_file(path).value_or("?"), "");
  EXPECT_EQ(mode_of(path), 0600u);
}

TEST_F(TextFile, A_file_that_cannot_be_written_is_named) {
  const Result<void> written = write_file_durably(folder_ / "none" / "file", "text", 0600);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, codes::kIo);
  EXPECT_NE(written.error().message.find((folder_ / "none" / "file").string()), std::string::npos);
}

}  // namespace
}  // namespace tidemill

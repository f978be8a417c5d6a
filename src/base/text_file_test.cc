#include "base/text_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace tidemill {
namespace {

TEST(TextFile, Reads_whole_files_and_says_why_it_cannot) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("tidemill-text-file-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const std::string text = std::string(10'000, 'x') + "\0\nend";
  std::ofstream(folder / "file") << text;
  EXPECT_EQ(read_text_file(folder / "file").value_or(""), text);
  EXPECT_EQ(read_text_file(folder / "none").error().code, codes::kNotFound);
  const Result<std::string> directory = read_text_file(folder);
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, codes::kIo);
  EXPECT_NE(directory.error().message.find(folder.string()), std::string::npos);
  // Files of /proc have a size of 0.
  EXPECT_EQ(read_text_file("/proc/sys/kernel/random/boot_id").value_or("").size(), 37u);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tidemill

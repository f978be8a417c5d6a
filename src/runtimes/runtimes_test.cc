#include "runtimes/runtimes.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace tidemill::runtimes {
namespace {

TEST(UnpackPython, Writes_every_file_once) {
  char pattern[] = "/tmp/tidemill-runtimes-XXXXXX";
  const std::string parent = mkdtemp(pattern);
  auto directory = unpack_python(parent);
  ASSERT_TRUE(directory) << directory.error().message;
  EXPECT_TRUE(directory->starts_with(parent + "/python-"));
  auto files = python_files();
  EXPECT_TRUE(std::any_of(files.begin(), files.end(), [](const PythonFile& file) {
    return file.path == "tidemill_serving/__main__.py";
  }));
  for (const PythonFile& file : files) {
    std::ifstream in(*directory + "/" + std::string(file.path), std::ios::binary);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), file.text) << file.path;
  }
  const auto written = std::filesystem::last_write_time(*directory);
  ASSERT_EQ(*unpack_python(parent), *directory);
  EXPECT_EQ(std::filesystem::last_write_time(*directory), written);
  std::filesystem::remove_all(parent);
}

}  // namespace
}  // namespace tidemill::runtimes

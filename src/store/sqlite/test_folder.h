// A temporary folder for a test's database.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace tidemill::store {

class TestFolder {
 public:
  TestFolder() {
    std::string name = std::filesystem::temp_directory_path() / "tidemill-store-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path database() const { return path_ / "state.db"; }

 private:
  std::filesystem::path path_;
};

}  // namespace tidemill::store

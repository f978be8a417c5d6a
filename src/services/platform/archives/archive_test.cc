#include "services/platform/archives/archive.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "services/platform/cancellation/stop_check.h"

namespace tidemill::services::platform {
namespace {

namespace fs = std::filesystem;

class ArchiveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tidemill_archive_XXXXXX";
    root_ = ::mkdtemp(name);
    fs::create_directories(root_ / "in" / "deep");
    fs::create_directories(root_ / "out");
  }
  void TearDown() override { fs::remove_all(root_); }
  static std::string text_of(const fs::path& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  fs::path root_;
};

TEST_F(ArchiveTest, RoundTrip) {
  std::ofstream(root_ / "in" / "a") << std::string(1'000'000, 'a');
  std::ofstream(root_ / "in" / "deep" / "b") << "b";
  fs::create_symlink("/etc/passwd", root_ / "in" / "link");
  auto packed = pack_tar_gz(root_ / "in", root_ / "x.tar.gz");
  ASSERT_TRUE(packed) << packed.error().message;
  EXPECT_EQ(*packed, 4u);
  auto unpacked = unpack_tar(root_ / "x.tar.gz", root_ / "out", 2'000'000);
  ASSERT_TRUE(unpacked) << unpacked.error().message;
  EXPECT_EQ(text_of(root_ / "out" / "a"), std::string(1'000'000, 'a'));
  EXPECT_EQ(text_of(root_ / "out" / "deep" / "b"), "b");
  EXPECT_TRUE(fs::is_symlink(root_ / "out" / "link"));
  EXPECT_EQ(unpack_tar(root_ / "x.tar.gz", root_ / "out", 1000).error().code, codes::kOverloaded);
}

void make_sparse(const fs::path& path, std::uint64_t size, std::string_view at_end = "") {
  std::ofstream file(path, std::ios::binary);
  file.close();
  fs::resize_file(path, size);
  std::fstream end(path, std::ios::in | std::ios::out | std::ios::binary);
  end.seekp(static_cast<std::streamoff>(size - at_end.size()));
  end << at_end;
}

// 900 GB of holes: byte by byte they would take an hour and a gigabyte of gzipped zeros.
TEST_F(ArchiveTest, HolesAreNeitherReadNorWritten) {
  constexpr std::uint64_t kHoleBytes = 900'000'000'000;
  make_sparse(root_ / "in" / "one-hole", kHoleBytes);
  make_sparse(root_ / "in" / "deep" / "data-behind", kHoleBytes, "the end");
  std::ofstream(root_ / "in" / "plain") << "plain";
  const auto began = std::chrono::steady_clock::now();
  auto packed = pack_tar_gz(root_ / "in", root_ / "x.tar.gz");
  ASSERT_TRUE(packed) << packed.error().message;
  EXPECT_LT(fs::file_size(root_ / "x.tar.gz"), 100'000u);
  auto unpacked = unpack_tar(root_ / "x.tar.gz", root_ / "out", 3 * kHoleBytes);
  ASSERT_TRUE(unpacked) << unpacked.error().message;
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
  EXPECT_EQ(fs::file_size(root_ / "out" / "one-hole"), kHoleBytes);
  EXPECT_EQ(fs::file_size(root_ / "out" / "deep" / "data-behind"), kHoleBytes);
  std::ifstream behind(root_ / "out" / "deep" / "data-behind", std::ios::binary);
  behind.seekg(-7, std::ios::end);
  std::string end(7, ' ');
  behind.read(end.data(), 7);
  EXPECT_EQ(end, "the end");
  EXPECT_EQ(text_of(root_ / "out" / "plain"), "plain");
  // The size limit of unpacking counts the apparent size of files.
  EXPECT_EQ(unpack_tar(root_ / "x.tar.gz", root_ / "out", kHoleBytes).error().code,
            codes::kOverloaded);
  const ApparentSize size = *apparent_size(root_ / "in");
  EXPECT_EQ(size.bytes, 2 * kHoleBytes + 5);
  EXPECT_EQ(size.largest_bytes, kHoleBytes);
}

// Sparse archives must be compatible with other programs, in both directions.
TEST_F(ArchiveTest, SparseArchivesAreUnderstoodByTar) {
  make_sparse(root_ / "in" / "a", 50'000'000, "tail");
  ASSERT_TRUE(pack_tar_gz(root_ / "in", root_ / "x.tar.gz"));
  const std::string in = "cd " + root_.string();
  ASSERT_EQ(std::system((in + " && tar -xzf x.tar.gz -C out && cmp in/a out/a").c_str()), 0);
  ASSERT_EQ(std::system((in + " && rm out/a && tar -S -czf y.tar.gz -C in .").c_str()), 0);
  ASSERT_TRUE(unpack_tar(root_ / "y.tar.gz", root_ / "out", 60'000'000));
  EXPECT_EQ(std::system((in + " && cmp in/a out/a").c_str()), 0);
  EXPECT_EQ(unpack_tar(root_ / "y.tar.gz", root_ / "out", 40'000'000).error().code,
            codes::kOverloaded);
}

TEST_F(ArchiveTest, PackingAndUnpackingEndWhenStopped) {
  std::ofstream(root_ / "in" / "a") << std::string(5'000'000, 'a');
  ASSERT_TRUE(pack_tar_gz(root_ / "in", root_ / "x.tar.gz"));
  int asked = 0;
  StopCheck wanted({}, [&] { return true; });
  EXPECT_EQ(pack_tar_gz(root_ / "in", root_ / "y.tar.gz", &wanted).error().code, codes::kCancelled);
  EXPECT_EQ(unpack_tar(root_ / "x.tar.gz", root_ / "out", 9'000'000, &wanted).error().code,
            codes::kCancelled);
  std::stop_source source;
  StopCheck token(source.get_token(), [&] { return ++asked < 0; });
  EXPECT_TRUE(pack_tar_gz(root_ / "in", root_ / "y.tar.gz", &token));
  EXPECT_GE(asked, 1);
  source.request_stop();
  EXPECT_EQ(pack_tar_gz(root_ / "in", root_ / "y.tar.gz", &token).error().code, codes::kCancelled);
  // The check grants a grace period, but a stopped token ends it.
  StopCheck graceful({}, [] { return true; }, std::chrono::hours(1));
  EXPECT_TRUE(pack_tar_gz(root_ / "in", root_ / "y.tar.gz", &graceful));
}

TEST_F(ArchiveTest, EmptyFolderIsAnArchiveToo) {
  EXPECT_EQ(*pack_tar_gz(root_ / "out", root_ / "x.tar.gz"), 0u);
  EXPECT_TRUE(unpack_tar(root_ / "x.tar.gz", root_ / "out", 1000));
  EXPECT_FALSE(pack_tar_gz(root_ / "missing", root_ / "y.tar.gz"));
}

TEST_F(ArchiveTest, NothingLandsOutside) {
  const std::string file = root_ / "evil.tar";
  const std::string make = "cd " + root_.string() + " && touch evil && tar -P -cf evil.tar ../" +
                           root_.filename().string() + "/evil";
  ASSERT_EQ(std::system(make.c_str()), 0);
  EXPECT_FALSE(unpack_tar(file, root_ / "out", 1'000'000));
  // Leads through a link from the archive itself.
  const std::string through = "cd " + root_.string() +
                              " && mkdir t && ln -s .. t/l && tar -cf evil.tar -C t l && rm t/l && "
                              "mkdir t/l && touch t/l/escaped && tar -rf evil.tar -C t l/escaped";
  ASSERT_EQ(std::system(through.c_str()), 0);
  EXPECT_FALSE(unpack_tar(file, root_ / "out", 1'000'000));
  EXPECT_FALSE(fs::exists(root_ / "escaped"));
  // A hard link to a file outside of the folder.
  const std::string hard = "cd " + root_.string() +
                           " && touch secret in/a && ln in/a in/b && tar -P -C in "
                           "--transform='flags=h;s,^a$,../secret,' -cf evil.tar a b";
  ASSERT_EQ(std::system(hard.c_str()), 0);
  EXPECT_FALSE(unpack_tar(file, root_ / "out", 1'000'000));
  EXPECT_EQ(fs::hard_link_count(root_ / "secret"), 1u);
}

TEST_F(ArchiveTest, DevicesAndPipesAreRefused) {
  ASSERT_EQ(
      std::system(
          ("cd " + root_.string() + " && mkfifo in/pipe && tar -cf pipe.tar -C in pipe").c_str()),
      0);
  auto unpacked = unpack_tar(root_ / "pipe.tar", root_ / "out", 1'000'000);
  ASSERT_FALSE(unpacked);
  EXPECT_EQ(unpacked.error().code, codes::kInvalid);
  EXPECT_NE(unpacked.error().message.find("the entry pipe is a device or a pipe"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(root_ / "out" / "pipe"));
}

TEST_F(ArchiveTest, FoldersAreNotEndlesslyDeep) {
  std::string name = "f";
  for (int i = 0; i < 64; ++i) name.insert(0, "d/");
  const auto pack = [&](const std::string& path) {
    return std::system(("cd " + (root_ / "in").string() + " && mkdir -p " +
                        path.substr(0, path.rfind('/')) + " && touch " + path +
                        " && tar -cf ../deep.tar " + path)
                           .c_str());
  };
  ASSERT_EQ(pack(name), 0);
  EXPECT_TRUE(unpack_tar(root_ / "deep.tar", root_ / "out", 1000));
  ASSERT_EQ(pack("d/" + name), 0);
  auto unpacked = unpack_tar(root_ / "deep.tar", root_ / "out", 1000);
  ASSERT_FALSE(unpacked);
  EXPECT_NE(unpacked.error().message.find("deeper than 64 folders"), std::string::npos);
}

// A damaged archive is not tried again, and its error names no path of the server.
TEST_F(ArchiveTest, DamagedArchivesAreTheirOwnersFault) {
  std::ofstream(root_ / "in" / "a") << std::string(300'000, 'a');
  ASSERT_TRUE(pack_tar_gz(root_ / "in", root_ / "x.tar.gz"));
  const std::string whole = text_of(root_ / "x.tar.gz");
  const std::string kinds[] = {whole.substr(0, whole.size() / 2), whole.substr(0, whole.size() - 9),
                               "hello, world", std::string(600, 'x')};
  for (const std::string& bytes : kinds) {
    std::ofstream(root_ / "broken.tar.gz", std::ios::binary) << bytes;
    auto unpacked = unpack_tar(root_ / "broken.tar.gz", root_ / "out", 1'000'000);
    ASSERT_FALSE(unpacked) << bytes.size();
    EXPECT_EQ(unpacked.error().code, codes::kInvalid) << unpacked.error().message;
    EXPECT_EQ(unpacked.error().message.find(root_.string()), std::string::npos)
        << unpacked.error().message;
  }
}

TEST_F(ArchiveTest, NamesInEveryScript) {
  std::ofstream(root_ / "in" / "mod\xc3\xa8le") << "e";
  fs::create_symlink("mod\xc3\xa8le", root_ / "in" / "\xe6\x9c\xa8");
  std::ofstream(root_ / "in" / "latin\xe8") << "l";
  auto packed = pack_tar_gz(root_ / "in", root_ / "x.tar.gz");
  ASSERT_TRUE(packed) << packed.error().message;
  auto unpacked = unpack_tar(root_ / "x.tar.gz", root_ / "out", 1'000'000);
  ASSERT_TRUE(unpacked) << unpacked.error().message;
  EXPECT_EQ(text_of(root_ / "out" / "\xe6\x9c\xa8"), "e");
  EXPECT_EQ(text_of(root_ / "out" / "latin\xe8"), "l");
  // An archive written by GNU tar, with a hard link between the files.
  ASSERT_EQ(std::system(("cd " + (root_ / "in").string() +
                         " && ln mod\xc3\xa8le hard\xc3\xa8 && tar --format=pax -cf ../pax.tar .")
                            .c_str()),
            0);
  fs::create_directory(root_ / "pax");
  unpacked = unpack_tar(root_ / "pax.tar", root_ / "pax", 1'000'000);
  ASSERT_TRUE(unpacked) << unpacked.error().message;
  EXPECT_EQ(text_of(root_ / "pax" / "hard\xc3\xa8"), "e");
}

TEST_F(ArchiveTest, LeadingSlashesGo) {
  std::ofstream(root_ / "in" / "a") << "absolute";
  const std::string make = "cd " + (root_ / "in").string() +
                           " && tar -P --transform='s,^\\.$,/,;s,^\\./,/,' -cf ../slashes.tar .";
  ASSERT_EQ(std::system(make.c_str()), 0);
  auto unpacked = unpack_tar(root_ / "slashes.tar", root_ / "out", 1'000'000);
  ASSERT_TRUE(unpacked) << unpacked.error().message;
  EXPECT_EQ(text_of(root_ / "out" / "a"), "absolute");
  EXPECT_TRUE(fs::is_directory(root_ / "out" / "deep"));
}

TEST_F(ArchiveTest, LinksAreNotFollowed) {
  std::ofstream(root_ / "secret") << "s";
  fs::create_symlink(root_ / "secret", root_ / "in" / "failure");
  EXPECT_FALSE(open_file_source(root_ / "in" / "failure"));
  EXPECT_EQ(path_without_links(root_, "in/failure"), "");
  EXPECT_EQ(path_without_links(root_, "../x"), "");
  EXPECT_EQ(path_without_links(root_, "in/deep"), (root_ / "in" / "deep").string());
}

TEST_F(ArchiveTest, APipeIsRefusedAndNotWaitedFor) {
  ASSERT_EQ(::mkfifo((root_ / "in" / "failure").c_str(), 0600), 0);
  EXPECT_FALSE(open_file_source(root_ / "in" / "failure"));
}

}  // namespace
}  // namespace tidemill::services::platform

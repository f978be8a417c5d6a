// Tests of a process that dies and of a full disk. Both are real here: a child process is
// killed, and a small file system is filled.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <thread>

#include "blobs/blobs.h"
#include "blobs/test_folder.h"

namespace tidemill::blobs {
namespace {

// Writes blobs endlessly and reports each acknowledged one on the pipe.
[[noreturn]] void write_forever(const std::string& directory, int report, std::uint64_t seed) {
  std::unique_ptr<Random> random = make_seeded_random(seed);
  auto store = open_blob_store({directory, 1 << 20, 256 << 10}, *random);
  if (!store) _exit(1);
  std::vector<std::jthread> threads;
  for (std::uint64_t thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      for (std::uint64_t i = 0;; ++i) {
        std::uint64_t content = seed * 1'000'000 + thread * 100'000 + i;
        std::size_t size = thread == 0 ? (1 << 20) + 7 : 100 + content % 5000;
        auto ref = (*store)->put(test_bytes(size, content));
        if (!ref) _exit(2);
        std::string line = ref->location + " " + std::to_string(ref->size_bytes) + " " +
                           std::to_string(ref->crc32c) + " " + std::to_string(content) + "\n";
        if (::write(report, line.data(), line.size()) != ssize_t(line.size())) _exit(3);
      }
    });
  threads.clear();
  _exit(4);
}

TEST(BlobsDurability, Put_acknowledgedBeforeAKillIsReadAfterIt) {
  TestFolder folder;
  std::string directory = folder.path() + "/blobs";
  struct Acknowledged {
    BlobRef ref;
    std::uint64_t content;
  };
  std::vector<Acknowledged> all;
  for (std::uint64_t round = 1; round <= 8; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(pipe_ends[0]);
      write_forever(directory, pipe_ends[1], round);
    }
    ::close(pipe_ends[1]);
    std::this_thread::sleep_for(std::chrono::milliseconds(40 + 23 * round));
    ::kill(child, SIGKILL);
    std::string reported;
    char buffer[4096];
    for (ssize_t got; (got = ::read(pipe_ends[0], buffer, sizeof buffer)) > 0;)
      reported.append(buffer, std::size_t(got));
    ::close(pipe_ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself";

    char location[64];
    unsigned long size = 0;
    unsigned crc = 0;
    unsigned long content = 0;
    for (std::size_t at = 0, end; (end = reported.find('\n', at)) != std::string::npos;
         at = end + 1)
      if (std::sscanf(reported.c_str() + at, "%63s %lu %u %lu", location, &size, &crc, &content) ==
          4)
        all.push_back({{location, size, crc}, content});

    // Reads back the blobs of this and earlier rounds, with a garbage collection in between.
    std::unique_ptr<Random> random = make_seeded_random(round + 1000);
    auto store = open_blob_store({directory, 1 << 20, 256 << 10}, *random);
    ASSERT_TRUE(store) << store.error().message;
    auto collected = (*store)->collect_garbage(
        [&](const BlobStore::Mark& mark) -> Result<Coverage> {
          for (const Acknowledged& one : all) mark(one.ref);
          return Coverage::complete;
        },
        Timestamp{});
    ASSERT_TRUE(collected);
    for (const Acknowledged& one : all) {
      auto bytes = (*store)->read(one.ref);
      ASSERT_TRUE(bytes) << one.ref.location << ": " << bytes.error().message;
      ASSERT_TRUE(*bytes == test_bytes(one.ref.size_bytes, one.content)) << one.ref.location;
    }
  }
  std::cout << all.size() << " acknowledged blobs read back\n";
  EXPECT_GT(all.size(), 100u);
}

TEST(BlobsDurability, Put_onAFullDiskFailsAndLosesNothing) {
  TestFolder folder;
  if (::mount("tidemill", folder.path().c_str(), "tmpfs", 0, "size=8m") != 0)
    GTEST_SKIP() << "a small file system cannot be mounted here: " << std::strerror(errno);
  struct Unmount {
    std::string path;
    ~Unmount() { ::umount2(path.c_str(), MNT_DETACH); }
  } unmount{folder.path()};

  std::unique_ptr<Random> random = make_seeded_random(1);
  auto opened = open_blob_store({folder.path() + "/blobs", 2 << 20, 1 << 20}, *random);
  ASSERT_TRUE(opened) << opened.error().message;
  BlobStore& store = **opened;
  std::vector<BlobRef> refs;
  Error error;
  while (refs.size() < 1000) {
    auto ref = store.put(test_bytes(100'000, refs.size()));
    if (!ref) {
      error = ref.error();
      break;
    }
    refs.push_back(*ref);
  }
  EXPECT_EQ(error.code, codes::kStorageFull) << error.message;
  EXPECT_GT(refs.size(), 60u);  // most of the 8 MiB was used
  auto large = store.put(test_bytes(2 << 20, 1));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, codes::kStorageFull);
  for (std::size_t i = 0; i < refs.size(); ++i) {
    auto bytes = store.read(refs[i]);
    ASSERT_TRUE(bytes) << bytes.error().message;
    ASSERT_TRUE(*bytes == test_bytes(100'000, i));
  }
  // Space is left for what must still be written when the disk is full.
  struct statvfs status{};
  ASSERT_EQ(::statvfs(folder.path().c_str(), &status), 0);
  EXPECT_GE(status.f_bavail * status.f_frsize, (8u << 20) / 8 - (64u << 10));
  // After a release, puts succeed again, even when every segment still has live records.
  for (std::size_t i = 0; i < refs.size(); i += 2) store.release(refs[i]);
  for (std::size_t i = 0; i < refs.size() / 3; ++i) {
    auto again = store.put(test_bytes(100'000, i));
    ASSERT_TRUE(again) << again.error().message;
    store.release(*again);
  }
  EXPECT_TRUE(store.put(test_bytes(2 << 20, 1)));
  for (std::size_t i = 1; i < refs.size(); i += 2) {
    auto bytes = store.read(refs[i]);
    ASSERT_TRUE(bytes) << bytes.error().message;
    ASSERT_TRUE(*bytes == test_bytes(100'000, i));
    auto part = store.open(refs[i], 5000, 20'000);
    ASSERT_TRUE(part);
    EXPECT_EQ(read_all(**part, 20'000).value(), test_bytes(100'000, i).substr(5000, 20'000));
  }
  // A late reader of a released blob must not get zeros.
  EXPECT_FALSE(store.open(refs[0], 10, 100));
  for (std::size_t i = 1; i < refs.size() / 2; i += 2) store.release(refs[i]);
  for (std::size_t i = 0; i < 10; ++i) {
    auto again = store.put(test_bytes(100'000, i));
    ASSERT_TRUE(again) << again.error().message;
  }
  for (std::size_t i = refs.size() / 2 + 1 + refs.size() / 2 % 2; i < refs.size(); i += 2)
    EXPECT_TRUE(store.read(refs[i]));
}

}  // namespace
}  // namespace tidemill::blobs

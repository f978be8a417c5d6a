#include "base/random.h"

#include <sys/random.h>

#include <cstdlib>
#include <mutex>
#include <random>

namespace tidemill {
namespace {

class SystemRandom final : public Random {
 public:
  std::uint64_t next() override {
    // One buffer per thread: one system call for 32 numbers.
    thread_local std::uint64_t buffer[32];
    thread_local unsigned left = 0;
    if (left == 0) {
      if (getrandom(buffer, sizeof buffer, 0) != sizeof buffer) std::abort();
      left = 32;
    }
    return buffer[--left];
  }
};

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t next() override {
    std::lock_guard lock(mutex_);
    return engine_();
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

}  // namespace

std::unique_ptr<Random> make_system_random() { return std::make_unique<SystemRandom>(); }
std::unique_ptr<Random> make_seeded_random(std::uint64_t seed) {
  return std::make_unique<SeededRandom>(seed);
}

std::string make_uuid(Random& random) {
  std::uint64_t high = (random.next() & ~0xf000ULL) | 0x4000ULL;
  std::uint64_t low = (random.next() & ~(3ULL << 62)) | (2ULL << 62);
  // Written by hand: every request makes one, and snprintf would take a tenth of a small request.
  constexpr std::string_view kDigits = "0123456789abcdef";
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  std::string text(kForm);
  int shift = 60;
  std::uint64_t word = high;
  for (char& c : text) {
    if (c == '-') continue;
    c = kDigits[word >> shift & 0xf];
    shift -= 4;
    if (shift < 0) {
      shift = 60;
      word = low;
    }
  }
  return text;
}

std::string make_token(Random& random, std::size_t length, std::string_view alphabet) {
  std::string token(length, '\0');
  for (char& c : token) c = alphabet[random.next() % alphabet.size()];
  return token;
}

}  // namespace tidemill

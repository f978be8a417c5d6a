// Randomness as a dependency: tests pass a seeded one and print the seed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tidemill {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
};

// From the operating system; suitable for keys and identifiers.
std::unique_ptr<Random> make_system_random();
// Reproducible; not suitable for secrets.
std::unique_ptr<Random> make_seeded_random(std::uint64_t seed);

// "0b5c9a4e-...": RFC 9562 version 4, lower case.
std::string make_uuid(Random& random);
// `length` characters drawn from `alphabet`.
std::string make_token(Random& random, std::size_t length,
                       std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz0123456789");

}  // namespace tidemill

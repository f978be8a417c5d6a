#include <algorithm>

#include "store/deletion_scope.h"
#include "store/store.h"

namespace tidemill::store {

namespace {
thread_local bool deleting = false;
}

DeletionScope::DeletionScope(bool deletes) : outer_(deleting) { deleting = deleting || deletes; }
DeletionScope::~DeletionScope() { deleting = outer_; }
bool DeletionScope::active() { return deleting; }

Transaction::Transaction() : frees_space_(DeletionScope::active()) {}

bool Transaction::frees_space() const {
  return frees_space_ || std::ranges::any_of(operations_, [](const Operation& operation) {
           return operation.kind == Operation::Kind::erase;
         });
}

void Transaction::put(std::string table, std::string key, std::string value, IndexKeys index_keys,
                      std::optional<std::uint64_t> expected_version) {
  operations_.push_back({Operation::Kind::put, std::move(table), std::move(key), std::move(value),
                         std::move(index_keys), expected_version});
}

void Transaction::erase(std::string table, std::string key,
                        std::optional<std::uint64_t> expected_version) {
  operations_.push_back(
      {Operation::Kind::erase, std::move(table), std::move(key), {}, {}, expected_version});
}

void Transaction::append(std::string table, std::string value) {
  operations_.push_back(
      {Operation::Kind::append, std::move(table), {}, std::move(value), {}, std::nullopt});
}

void Transaction::run_hooks(const Result<void>& outcome) const {
  if (!outcome && outcome.error().code != codes::kIo) return;
  for (const std::function<void()>& hook : hooks_) hook();
}

void Transaction::expect(std::string table, std::string key, std::uint64_t version) {
  operations_.push_back(
      {Operation::Kind::expect, std::move(table), std::move(key), {}, {}, version});
}

}  // namespace tidemill::store

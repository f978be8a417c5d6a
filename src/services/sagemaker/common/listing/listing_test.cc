#include "services/sagemaker/common/listing/listing.h"

#include <gtest/gtest.h>

#include "services/sagemaker/hosting/model/model.h"
#include "store/memory/memory_store.h"

namespace tidemill::services::sagemaker {
namespace {

// Remembers how much the scans of a listing read at once.
class WatchedStore final : public store::Store {
 public:
  explicit WatchedStore(store::Store& inner) : inner_(inner) {}
  Result<std::optional<store::Row>> get(std::string_view table, std::string_view key) override {
    return inner_.get(table, key);
  }
  Result<store::Page> scan(const store::Scan& scan) override {
    Result<store::Page> page = inner_.scan(scan);
    std::size_t bytes = 0;
    if (page)
      for (const store::Row& row : page->rows) bytes += row.value.size();
    largest_bytes = std::max(largest_bytes, bytes);
    return page;
  }
  Result<void> commit(store::Transaction transaction) override {
    return inner_.commit(std::move(transaction));
  }
  void commit_async(store::Transaction transaction,
                    std::function<void(Result<void>)> done) override {
    inner_.commit_async(std::move(transaction), std::move(done));
  }
  std::size_t largest_bytes = 0;

 private:
  store::Store& inner_;
};

class ListingTest : public testing::Test {
 protected:
  // Every tenth has a large environment.
  void make(int count, std::size_t large_bytes) {
    for (int i = 0; i < count; ++i) {
      hosting::ModelRecord record{"1", "r", "arn", {}, Timestamp{1'000'000 + i / 2}};
      record.request.model_name = (i % 3 ? "a" : "b") + std::to_string(10'000 + i);
      auto& environment = record.request.primary_container.ensure().environment.emplace();
      environment["k"] = std::string(i % 10 == 0 ? large_bytes : 10, 'x');
      store::Transaction transaction;
      hosting::models().put(transaction, hosting::model_key("1", "r", record.name()), record, 0);
      ASSERT_TRUE(memory_->commit(std::move(transaction)));
    }
  }
  struct All {
    std::vector<std::string> names;
    int pages = 0;
  };
  All all(ListRequest request, const std::string& prefix = "") {
    All out;
    do {
      auto page = list_page(
          watched_, hosting::models(), request,
          [&](const hosting::ModelRecord& each) { return each.name().starts_with(prefix); },
          [](const hosting::ModelRecord& each) { return each.name(); });
      EXPECT_TRUE(page);
      if (!page) return out;
      for (std::string& name : page->items) out.names.push_back(std::move(name));
      request.next_token = page->next_token;
      ++out.pages;
    } while (request.next_token);
    return out;
  }

  std::unique_ptr<store::Store> memory_ = store::make_memory_store({hosting::models().spec()});
  WatchedStore watched_{*memory_};
};

TEST_F(ListingTest, large_records_come_in_bounded_pieces_and_in_order) {
  make(300, 100'000);
  for (const char* order : {"Ascending", "Descending"})
    for (const char* sort : {"Name", "CreationTime"})
      for (std::int64_t size : {1, 7, 100}) {
        const All found = all({"1", "r", sort, order, {}, size});
        ASSERT_EQ(found.names.size(), 300u) << sort << size;
        EXPECT_EQ(found.pages, (300 + size - 1) / size);
        if (std::string_view(sort) != "Name") continue;
        EXPECT_TRUE(std::string_view(order) == "Ascending"
                        ? std::ranges::is_sorted(found.names)
                        : std::ranges::is_sorted(found.names, std::greater()));
      }
  EXPECT_LE(watched_.largest_bytes, kListedBytesMax + 110'000);
  EXPECT_GT(watched_.largest_bytes, kListedBytesMax / 2);
  EXPECT_EQ(all({"1", "r", "Name", "Ascending", {}, 10}, "b").names.size(), 100u);
}

TEST_F(ListingTest, a_filter_that_lets_little_through_ends_its_page_early) {
  make(int(platform::kPageScannedMax) + 5'000, 10);
  const All found = all({"1", "r", "Name", "Ascending", {}, 100}, "b34000");
  EXPECT_EQ(found.names.size(), 1u);
  EXPECT_EQ(found.pages, 2);
}

}  // namespace
}  // namespace tidemill::services::sagemaker

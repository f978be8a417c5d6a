#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/test_folder.h"
#include "store/table.h"

namespace tidemill::store {

namespace {

using testing::HasSubstr;

struct Pet {
  std::string name;
  std::string owner;
};
BOOST_DESCRIBE_STRUCT(Pet, (), (name, owner))

Table<Pet>::Index by_owner() {
  return {"by_owner", [](const Pet& pet) { return std::vector<std::string>{pet.owner}; }};
}
Table<Pet>::Index by_name() {
  return {"by_name", [](const Pet& pet) { return std::vector<std::string>{pet.name}; }};
}

class Migrations : public testing::Test {
 protected:
  Result<std::unique_ptr<Store>> open(std::vector<TableSpec> tables,
                                      std::vector<Migration> migrations = {}) {
    return open_sqlite_store({.path = folder_.database(),
                              .tables = std::move(tables),
                              .migrations = std::move(migrations)});
  }
  void write(Store& store, const Table<Pet>& table, const std::string& key, const Pet& pet) {
    Transaction transaction;
    table.put(transaction, key, pet, std::nullopt);
    ASSERT_TRUE(store.commit(std::move(transaction)));
  }
  std::size_t count(Store& store, const std::string& index, const std::string& prefix) {
    Result<Page> page = store.scan({.table = "pets", .index = index, .prefix = prefix});
    return page ? page->rows.size() : 999;
  }
  // A database with two pets and no index.
  void make_first_version() {
    const Table<Pet> table("pets");
    auto store = open({table.spec()});
    ASSERT_TRUE(store) << store.error().message;
    write(**store, table, "1", {"Rex", "ann"});
    write(**store, table, "2", {"Tom", "bob"});
  }
  TestFolder folder_;
};

Migration rename_owner(int version, const std::string& to) {
  return {version, "rename owners", [to](MigrationContext& context) -> Result<void> {
            const Page page = TRY(context.scan({.table = "pets"}));
            for (const Row& row : page.rows) {
              Pet pet = TRY(from_json<Pet>(row.value));
              pet.owner = to;
              Transaction transaction;
              transaction.put("pets", row.key, to_json(pet), {{"by_owner", to}}, row.version);
              TRY(context.apply(transaction));
            }
            return {};
          }};
}

}  // namespace

TEST_F(Migrations, AddedIndexIsFilled) {
  make_first_version();
  const Table<Pet> table("pets", {by_owner()});
  auto store = open({table.spec()});
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(count(**store, "by_owner", "ann"), 1u);
  write(**store, table, "1", {"Rex", "cid"});
  EXPECT_EQ(count(**store, "by_owner", "ann"), 0u);
  EXPECT_EQ(count(**store, "by_owner", "cid"), 1u);
}

TEST_F(Migrations, DroppedIndexComesBackFilled) {
  make_first_version();
  const Table<Pet> both("pets", {by_owner(), by_name()});
  ASSERT_TRUE(open({both.spec()}));
  const Table<Pet> one("pets", {by_owner()});
  {
    auto store = open({one.spec()});
    ASSERT_TRUE(store) << store.error().message;
    write(**store, one, "1", {"Max", "ann"});
    EXPECT_FALSE((*store)->scan({.table = "pets", .index = "by_name"}));
  }
  auto store = open({both.spec()});
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(count(**store, "by_name", "Max"), 1u);
  EXPECT_EQ(count(**store, "by_name", "Rex"), 0u);
  EXPECT_EQ(count(**store, "by_name", ""), 2u);
}

TEST_F(Migrations, AddedIndexWithoutItsFunctionIsRefused) {
  make_first_version();
  auto store = open({{"pets", {"by_owner"}}});
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message, HasSubstr("index_keys"));
  EXPECT_TRUE(open({{"pets"}})) << "the refusal changed nothing";
}

TEST_F(Migrations, RunOnceInOrderAndNotOnAFreshDatabase) {
  make_first_version();
  const Table<Pet> table("pets", {by_owner()});
  const std::vector<Migration> migrations = {rename_owner(1, "first"), rename_owner(2, "second")};
  {
    auto store = open({table.spec()}, migrations);
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_EQ(count(**store, "by_owner", "second"), 2u);
    write(**store, table, "3", {"Kit", "dan"});
  }
  {
    auto store = open({table.spec()}, migrations);
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_EQ(count(**store, "by_owner", "dan"), 1u) << "no migration runs twice";
  }
  auto older = open({table.spec()}, {migrations[0]});
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code, codes::kInvalid);
  EXPECT_THAT(older.error().message, HasSubstr("newer program"));
}

TEST_F(Migrations, FailureLeavesTheDatabaseAsItWas) {
  make_first_version();
  const Table<Pet> table("pets", {by_owner()});
  const Migration fails = {2, "cannot", [](MigrationContext&) -> Result<void> {
                             return fail(codes::kCorrupt, "an odd pet");
                           }};
  auto store = open({table.spec(), {"new_table"}}, {rename_owner(1, "first"), fails});
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message, HasSubstr("migration 2 (cannot): an odd pet"));
  auto again = open({table.spec()});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(count(**again, "by_owner", "ann"), 1u);
}

TEST_F(Migrations, RebuildFollowsAChangedIndexFunction) {
  const Table<Pet> before("pets", {by_owner()});
  {
    auto store = open({before.spec()});
    write(**store, before, "1", {"Rex", "ann"});
  }
  const Table<Pet> after("pets", {{"by_owner", [](const Pet& pet) {
                                     return std::vector<std::string>{"owner " + pet.owner};
                                   }}});
  auto store = open(
      {after.spec()},
      {{1, "owners", [](MigrationContext& context) { return context.rebuild_indexes("pets"); }}});
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(count(**store, "by_owner", "owner ann"), 1u);
  EXPECT_EQ(count(**store, "by_owner", "ann"), 0u);
}

TEST_F(Migrations, OutOfOrderIsRefused) {
  auto store = open({{"pets"}}, {rename_owner(2, "a"), rename_owner(1, "b")});
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message, HasSubstr("out of order"));
}

}  // namespace tidemill::store

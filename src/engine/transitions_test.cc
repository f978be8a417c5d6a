#include "engine/transitions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemill::engine {
namespace {

enum class Phase { closed, open, broken };
BOOST_DESCRIBE_ENUM(Phase, closed, open, broken)

struct Door {
  Phase phase = Phase::closed;
  std::int64_t openings = 0;
  std::string by;
};
BOOST_DESCRIBE_STRUCT(Door, (), (phase, openings, by))

struct Opened {
  static constexpr const char* kType = "Opened";
  std::string by;
};
BOOST_DESCRIBE_STRUCT(Opened, (), (by))
struct Closed {
  static constexpr const char* kType = "Closed";
};
BOOST_DESCRIBE_STRUCT(Closed, (), ())
struct Kicked {
  static constexpr const char* kType = "Kicked";
  std::int64_t force = 0;
};
BOOST_DESCRIBE_STRUCT(Kicked, (), (force))

using Table = Transitions<Door, Phase>;

Table::Next opened(Door door, const Opened& event, Timestamp) {
  door.phase = Phase::open;
  ++door.openings;
  door.by = event.by;
  return Step<Door>{std::move(door)};
}

const Table& table() {
  static const Table rows(
      "a door", &Door::phase,
      {Table::on<Opened>({Phase::closed}, &opened),
       Table::on<Closed>({Phase::open},
                         [](Door door, const Closed&, Timestamp) -> Table::Next {
                           door.phase = Phase::closed;
                           return Step<Door>{std::move(door)};
                         }),
       Table::on_any<Kicked>([](Door door, const Kicked& event, Timestamp) -> Result<Table::Next> {
         if (event.force < 0) return fail("Physics", "no such force");
         if (event.force < 10) return Table::Next();
         door.phase = Phase::broken;
         return Table::Next(Step<Door>{std::move(door)});
       })});
  return rows;
}

Result<Table::Next> send(const Door& door, const Event& event) {
  return table()(door, event, Timestamp());
}

}  // namespace

TEST(Transitions, AnEventIsTakenInItsStates) {
  auto step = send(Door{}, event_of(Opened{"me"}));
  ASSERT_TRUE(step && *step);
  EXPECT_EQ((*step)->next.phase, Phase::open);
  EXPECT_EQ((*step)->next.by, "me");
  step = send((*step)->next, event_of(Opened{"you"}));
  ASSERT_TRUE(step);
  EXPECT_FALSE(*step) << "open already: stale";
}

TEST(Transitions, SomeAreTakenInEveryState) {
  for (const Phase phase : {Phase::closed, Phase::open, Phase::broken}) {
    auto step = send(Door{phase}, event_of(Kicked{20}));
    ASSERT_TRUE(step && *step);
    EXPECT_EQ((*step)->next.phase, Phase::broken);
  }
  EXPECT_FALSE(*send(Door{}, event_of(Kicked{5}))) << "the function says stale";
  EXPECT_EQ(send(Door{}, event_of(Kicked{-1})).error().code, "Physics");
}

TEST(Transitions, PayloadsAreCheckedAndMayBeAbsent) {
  EXPECT_TRUE(*send(Door{Phase::open}, {"Closed", {}})) << "no members, no payload";
  EXPECT_FALSE(send(Door{}, {"Kicked", Value("hard")}));
  EXPECT_EQ(send(Door{}, {"Painted", {}}).error().message,
            "a door does not know the event Painted");
}

TEST(Transitions, TwoAnswersToAnEventAbort) {
  EXPECT_DEATH(Table("a door", &Door::phase,
                     {Table::on<Opened>({Phase::closed}, &opened),
                      Table::on<Opened>({Phase::broken}, &opened)}),
               "");
}

}  // namespace tidemill::engine

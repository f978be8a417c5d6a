#include "base/push_body.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace tidemill {
namespace {

using Event = PushWriter::Event;

TEST(PushBody, BytesComeInOrderAndThenTheEnd) {
  PushBody body = make_push_body();
  EXPECT_EQ("", body.reader->take().bytes);
  EXPECT_TRUE(body.writer.push("one "));
  EXPECT_TRUE(body.writer.push("two"));
  PushReader::Taken taken = body.reader->take();
  EXPECT_EQ("one two", taken.bytes);
  EXPECT_FALSE(taken.ended);
  body.writer.push("!");
  body.writer.finish();
  taken = body.reader->take();
  EXPECT_EQ("!", taken.bytes);
  EXPECT_TRUE(taken.ended);
  EXPECT_TRUE(body.reader->take().ended);
}

TEST(PushBody, SaysWhenItIsFullAndWhenThereIsRoom) {
  std::vector<Event> events;
  PushBody body = make_push_body(10);
  body.writer.on_event([&](Event event) { events.push_back(event); });
  EXPECT_TRUE(body.writer.push("123456789"));
  EXPECT_FALSE(body.writer.push("more than there is room for"));
  EXPECT_TRUE(events.empty());
  EXPECT_EQ("123456789more than there is room for", body.reader->take().bytes);
  EXPECT_EQ(std::vector<Event>{Event::room}, events);
  body.reader->take();
  EXPECT_EQ(1u, events.size()) << "told once";
  EXPECT_FALSE(body.writer.push("0123456789"));
  body.reader.reset();
  EXPECT_EQ((std::vector<Event>{Event::room, Event::gone}), events);
  EXPECT_TRUE(body.writer.gone());
  EXPECT_FALSE(body.writer.push("nobody"));
}

TEST(PushBody, WakesAReaderThatFoundNothing) {
  PushBody body = make_push_body();
  int wakes = 0;
  body.reader->on_wake([&] { ++wakes; });
  body.writer.push("a");
  EXPECT_EQ(0, wakes) << "it has not looked yet";
  body.reader->take();
  body.writer.push("b");
  EXPECT_EQ(0, wakes) << "it had something, so it will look again";
  body.reader->take();
  body.reader->take();
  body.writer.push("c");
  body.writer.push("d");
  EXPECT_EQ(1, wakes);
  body.reader->take();
  body.reader->take();
  body.writer.finish();
  EXPECT_EQ(2, wakes);
}

TEST(PushBody, AProducerThatGoesAwayOrFailsCutsIt) {
  PushBody dropped = make_push_body();
  int wakes = 0;
  dropped.reader->on_wake([&] { ++wakes; });
  dropped.reader->take();
  {
    PushWriter writer = std::move(dropped.writer);
  }
  EXPECT_EQ(1, wakes);
  EXPECT_FALSE(dropped.reader->take().failure);

  PushBody failed = make_push_body();
  failed.writer.push("half");
  failed.writer.fail(Error{codes::kIo, "broke", 0});
  const PushReader::Taken taken = failed.reader->take();
  ASSERT_FALSE(taken.failure);
  EXPECT_EQ("broke", taken.failure.error().message);
}

TEST(PushBody, AListenerThatComesLateHearsWhatHasHappened) {
  std::vector<Event> events;
  PushBody body = make_push_body(1);
  EXPECT_FALSE(body.writer.push("x"));
  body.reader->take();
  body.writer.on_event([&](Event event) { events.push_back(event); });
  EXPECT_EQ(std::vector<Event>{Event::room}, events);
  body.writer.finish();
  PushBody gone = make_push_body();
  gone.reader.reset();
  gone.writer.on_event([&](Event event) { events.push_back(event); });
  EXPECT_EQ((std::vector<Event>{Event::room, Event::gone}), events);
}

TEST(PushBody, AFinishedBodyTellsNobodyThatItsReaderIsGone) {
  PushBody body = make_push_body();
  bool told = false;
  body.writer.on_event([&](Event) { told = true; });
  body.writer.finish();
  body.reader.reset();
  EXPECT_FALSE(told);
}

// A listener that pushes from within, as one does that resumes what it had paused.
TEST(PushBody, RoomMayBeUsedFromWithinTheCall) {
  PushBody body = make_push_body(4);
  int left = 5;
  body.writer.on_event([&](Event event) {
    ASSERT_EQ(Event::room, event);
    if (--left > 0)
      body.writer.push("abcd");
    else
      body.writer.finish();
  });
  EXPECT_FALSE(body.writer.push("abcd"));
  std::string all;
  for (;;) {
    PushReader::Taken taken = body.reader->take();
    all += taken.bytes;
    if (taken.ended) break;
  }
  EXPECT_EQ("abcdabcdabcdabcdabcd", all);
}

// Both ends at full speed on threads of their own: nothing lost, nobody asleep for ever.
TEST(PushBody, TwoThreads) {
  PushBody body = make_push_body(64);
  constexpr int pieces = 20'000;
  std::mutex mutex;
  std::condition_variable changed;
  bool room = true;
  bool awake = true;
  body.writer.on_event([&](Event event) {
    std::lock_guard lock(mutex);
    if (event == Event::room) room = true;
    changed.notify_all();
  });
  body.reader->on_wake([&] {
    std::lock_guard lock(mutex);
    awake = true;
    changed.notify_all();
  });
  std::thread producer([&] {
    for (int i = 0; i < pieces; ++i) {
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return room; });
        room = true;
      }
      bool more = false;
      {
        // What push() says and what the listener says must not overtake each other here.
        std::lock_guard lock(mutex);
        room = false;
      }
      more = body.writer.push(std::to_string(i) + ";");
      if (more) {
        std::lock_guard lock(mutex);
        room = true;
      }
    }
    body.writer.finish();
  });
  std::string all;
  for (bool ended = false; !ended;) {
    PushReader::Taken taken;
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return awake; });
      awake = false;
    }
    do {
      taken = body.reader->take();
      all += taken.bytes;
      ended = taken.ended;
    } while (!taken.bytes.empty() && !ended);
  }
  producer.join();
  std::string expected;
  for (int i = 0; i < pieces; ++i) expected += std::to_string(i) + ";";
  EXPECT_TRUE(expected == all);
}

}  // namespace
}  // namespace tidemill

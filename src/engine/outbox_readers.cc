// The outbox's threads: one per durable reader, one for all projections, and the keeper that
// removes read events.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "engine/outbox_impl.h"
#include "engine/outbox_record.h"
#include "store/position_key.h"

namespace tidemill::engine {

namespace {

// Polls as well: a commit with an unknown outcome may have happened after its hook ran.
constexpr std::chrono::seconds kPollInterval{1};
// If the reader writes nothing along, its position is stored only after this many events or this
// long: a commit per batch would delay the next transaction by its sync.
constexpr std::uint64_t kPositionLagMax = 1000;
constexpr std::chrono::seconds kPositionAgeMax{1};
constexpr std::chrono::milliseconds kGatherTime{1};
// In one transaction; its plan compares each row with those before it.
constexpr std::size_t kTrimRows = 100;
constexpr std::size_t kProjectionBatch = 500;
constexpr int kProjectionDoublingsMax = 5;

template <class Call>
Result<void> guarded(const std::string& name, Call call) {
  try {
    return call();
  } catch (const std::exception& exception) {
    return fail("Tidemill.Exception", name + " threw: " + exception.what());
  }
}

}  // namespace

std::uint64_t Outbox::Impl::signals() {
  std::lock_guard lock(mutex_);
  return signals_;
}

void Outbox::Impl::wait_for_events(std::uint64_t seen, const std::stop_token& stop) {
  const auto begun = std::chrono::steady_clock::now();
  {
    std::unique_lock lock(mutex_);
    ++waiting_;
    woken_.wait_for(lock, stop, kPollInterval, [&] { return signals_ != seen; });
    --waiting_;
  }
  // In a burst a reader takes what gathers, rather than wake for each commit.
  if (std::chrono::steady_clock::now() - begun < kGatherTime) pause(kGatherTime, stop);
}

void Outbox::Impl::pause(std::chrono::milliseconds delay, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  paused_.wait_for(lock, stop, delay, [] { return false; });
}

void Outbox::Impl::raise_head(std::uint64_t head) {
  std::uint64_t known = head_;
  while (known < head && !head_.compare_exchange_weak(known, head)) {
  }
}

Result<std::uint64_t> Outbox::Impl::read_head() {
  const store::Page page = TRY(store_.scan({.table = kOutboxTable, .reverse = true, .limit = 1}));
  const std::uint64_t head =
      page.rows.empty() ? 0 : store::position_of(page.rows.front().key).value_or(0);
  raise_head(head);
  return head;
}

Result<Outbox::Impl::Batch> Outbox::Impl::load(std::uint64_t after, std::size_t limit) {
  const store::Page page = TRY(
      store_.scan({.table = kOutboxTable, .after = store::position_key(after), .limit = limit}));
  Batch batch{.events = {}, .last = after};
  batch.events.reserve(page.rows.size());
  for (const store::Row& row : page.rows) {
    const std::uint64_t position = store::position_of(row.key).value_or(0);
    if (position <= batch.last) continue;
    batch.lost += position - batch.last - 1;
    batch.last = position;
    auto event = store::read_or_skip<PublishedEvent>(kOutboxTable, row.key, row.value);
    if (event) batch.events.push_back({position, *std::move(event)});
  }
  raise_head(batch.last);
  return batch;
}

Result<void> Outbox::Impl::start() {
  const std::uint64_t head = TRY(read_head());
  const store::Page first = TRY(store_.scan({.table = kOutboxTable, .limit = 1}));
  {
    std::lock_guard lock(trim_mutex_);
    trimmed_to_ = head == 0 ? 0 : store::position_of(first.rows.front().key).value_or(1) - 1;
  }
  store::Transaction transaction;
  transaction.set_frees_space();
  for (Slot& slot : slots_) {
    const auto known = TRY(reader_table().get(store_, slot.reader.name));
    if (!known) reader_table().put(transaction, slot.reader.name, {head}, 0);
    slot.position = slot.durable = known ? known->record.position : head;
  }
  // Remove unknown readers: a reader that the program no longer has would keep events forever.
  const store::Page rows = TRY(store_.scan({.table = reader_table().name(), .limit = 1000}));
  for (const store::Row& row : rows.rows)
    if (std::ranges::none_of(slots_, [&](const Slot& s) { return s.reader.name == row.key; }))
      reader_table().erase(transaction, row.key, std::nullopt);
  if (!transaction.empty()) TRY(store_.commit(std::move(transaction)));

  projected_ = head;
  for (Slot& slot : slots_)
    threads_.spawn("events-" + slot.reader.name,
                   [this, &slot](const std::stop_token& stop) { read(slot, stop); });
  if (!projections_.empty())
    threads_.spawn("projections", [this](const std::stop_token& stop) { project(stop); });
  if (slots_.empty() && projections_.empty()) {
    trim({});
  } else {
    threads_.spawn("events-keeper", [this](const std::stop_token& stop) { keep(stop); });
  }
  return {};
}

void Outbox::Impl::stop() { threads_.stop(); }

void Outbox::Impl::count_lost(const std::string& name, std::atomic<std::uint64_t>& lost,
                              std::uint64_t more) {
  if (more == 0) return;
  lost += more;
  log::warning("events were removed before their reader had taken them: it lagged behind its limit",
               {{"reader", name}, {"events", static_cast<std::int64_t>(more)}});
}

void Outbox::Impl::read(Slot& slot, const std::stop_token& stop) {
  std::chrono::milliseconds delay = options_.first_retry_delay;
  while (!stop.stop_requested()) {
    const std::uint64_t seen = signals();
    Result<Batch> batch = settle(slot)
                              ? load(slot.position, slot.reader.batch_max)
                              : Result<Batch>(fail(codes::kIo, "the store cannot be read"));
    if (batch && batch->last == slot.position) {
      if (is_position_due(slot, slot.position))
        if (Result<void> written = write_position(slot, slot.position, {}); !written)
          log::warning("a reader's position waits for the store",
                       {{"reader", slot.reader.name}, {"reason", written.error().message}});
      wait_for_events(seen, stop);
      continue;
    }
    if (batch) count_lost(slot.reader.name, slot.lost, batch->lost);
    const Result<void> taken = batch ? take(slot, *batch) : Result<void>(fail(batch.error()));
    if (taken) {
      delay = options_.first_retry_delay;
      continue;
    }
    // Lost events were counted; do not count them again when the batch is repeated.
    if (batch && !batch->events.empty()) slot.position = batch->events.front().position - 1;
    ++slot.failures;
    log::warning("a reader of events failed; they come again after a pause",
                 {{"reader", slot.reader.name},
                  {"milliseconds", static_cast<std::int64_t>(delay.count())},
                  {"reason", taken.error().message}});
    pause(delay, stop);
    delay = std::min(delay * 2, options_.retry_delay_max);
  }
  // If this fails, the events since then come once more after the next start.
  if (slot.durable < slot.position) (void)write_position(slot, slot.position, {});
}

bool Outbox::Impl::is_position_due(const Slot& slot, std::uint64_t position) const {
  return slot.durable < position &&
         (position - slot.durable >= kPositionLagMax ||
          std::chrono::steady_clock::now() - slot.written > kPositionAgeMax);
}

Result<void> Outbox::Impl::write_position(Slot& slot, std::uint64_t position,
                                          store::Transaction along) {
  // Events that were read free space once they are removed.
  along.set_frees_space();
  reader_table().put(along, slot.reader.name, {position}, std::nullopt);
  Result<void> committed = store_.commit(std::move(along));
  slot.uncertain = !committed && committed.error().code == codes::kIo;
  if (!committed && !(settle(slot) && slot.durable == position)) return committed;
  slot.durable = position;
  slot.written = std::chrono::steady_clock::now();
  return {};
}

Result<void> Outbox::Impl::take(Slot& slot, Batch& batch) {
  std::vector<ReadEvent> wanted;
  {
    std::shared_lock lock(interest_mutex_);
    for (ReadEvent& read : batch.events)
      if (slot.reader.sources.contains(read.event.source)) wanted.push_back(std::move(read));
  }
  store::Transaction along;
  if (!wanted.empty())
    TRY(guarded(slot.reader.name, [&] { return slot.reader.take(wanted, along); }));
  if (!along.empty() || is_position_due(slot, batch.last))
    TRY(write_position(slot, batch.last, std::move(along)));
  slot.position = batch.last;
  slot.taken += wanted.size();
  return {};
}

// After a commit with an unknown outcome the row tells whether it happened; before it can be read
// no event is delivered again, because the reader's writes may be there already.
bool Outbox::Impl::settle(Slot& slot) {
  if (!slot.uncertain) return true;
  const auto row = reader_table().get(store_, slot.reader.name);
  if (!row || !*row) return false;
  slot.durable = (*row)->record.position;
  slot.position = std::max(slot.position.load(), slot.durable.load());
  slot.uncertain = false;
  return true;
}

Result<void> Outbox::Impl::apply(const ReadEvent& read) {
  for (const Projection& projection : projections_)
    if (projection.sources.contains(read.event.source))
      TRY(guarded(projection.name, [&] { return projection.apply(read.event); }));
  return {};
}

void Outbox::Impl::rebuild(const std::stop_token& stop) {
  for (const Projection& projection : projections_)
    while (projection.rebuild && !stop.stop_requested()) {
      const Result<void> rebuilt = guarded(projection.name, [&] { return projection.rebuild(); });
      if (rebuilt) break;
      ++projection_failures_;
      log::warning("a projection could not be rebuilt; trying again",
                   {{"projection", projection.name}, {"reason", rebuilt.error().message}});
      pause(options_.retry_delay_max, stop);
    }
  {
    std::lock_guard lock(caught_up_mutex_);
    rebuilt_ = true;
  }
  caught_up_.notify_all();
}

void Outbox::Impl::project(const std::stop_token& stop) {
  rebuild(stop);
  int failed = 0;
  while (!stop.stop_requested()) {
    const std::uint64_t seen = signals();
    Result<Batch> batch = load(projected_, kProjectionBatch);
    if (batch && batch->last == projected_) {
      wait_for_events(seen, stop);
      continue;
    }
    Result<void> applied = batch ? Result<void>() : Result<void>(fail(batch.error()));
    if (batch) count_lost("projections", projection_lost_, batch->lost);
    std::uint64_t done = batch ? batch->last : projected_.load();
    for (const ReadEvent& read : batch ? batch->events : std::vector<ReadEvent>()) {
      if (stop.stop_requested()) return;
      if (applied = apply(read); applied) continue;
      done = read.position - 1;
      break;
    }
    {
      std::lock_guard lock(caught_up_mutex_);
      projected_ = done;
    }
    caught_up_.notify_all();
    if (applied) {
      failed = 0;
      continue;
    }
    ++projection_failures_;
    log::warning("a projection failed; the event comes again after a pause",
                 {{"reason", applied.error().message}});
    pause(options_.first_retry_delay * (1 << std::min(failed++, kProjectionDoublingsMax)), stop);
  }
}

bool Outbox::Impl::catch_up(std::chrono::milliseconds at_most) {
  if (projections_.empty()) return true;
  const Result<std::uint64_t> head = read_head();
  if (!head) return false;
  std::unique_lock lock(caught_up_mutex_);
  return caught_up_.wait_for(lock, at_most, [&] { return rebuilt_ && projected_ >= *head; });
}

std::uint64_t Outbox::Impl::floor(std::uint64_t head) const {
  std::uint64_t lowest = head;
  auto count = [&](std::uint64_t position, std::uint64_t lag_max) {
    const std::uint64_t cut = head > lag_max ? head - lag_max : 0;
    lowest = std::min(lowest, std::max(position, cut));
  };
  for (const Slot& slot : slots_) count(slot.durable, slot.reader.lag_max);
  if (!projections_.empty()) count(projected_, options_.projection_lag_max);
  return lowest;
}

void Outbox::Impl::trim(const std::stop_token& stop) {
  std::lock_guard lock(trim_mutex_);
  const Result<std::uint64_t> head = read_head();
  if (!head || *head == 0) return;
  // Keep the last row: the next position is counted from it.
  const std::uint64_t to = std::min(floor(*head), *head - 1);
  while (trimmed_to_ < to && !stop.stop_requested()) {
    store::Transaction transaction;
    const std::uint64_t until = std::min<std::uint64_t>(to, trimmed_to_ + kTrimRows);
    for (std::uint64_t position = trimmed_to_ + 1; position <= until; ++position)
      transaction.erase(kOutboxTable, store::position_key(position), std::nullopt);
    if (Result<void> committed = store_.commit(std::move(transaction)); !committed) {
      log::warning("events that were read could not be removed; trying again",
                   {{"reason", committed.error().message}});
      return;
    }
    trimmed_to_ = until;
  }
}

void Outbox::Impl::keep(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    trim(stop);
    pause(options_.trim_interval, stop);
  }
}

}  // namespace tidemill::engine

// Publishing, and the state of the readers; their threads are in outbox_readers.cc.
#include "engine/outbox.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/json.h"
#include "base/log.h"
#include "engine/outbox_impl.h"
#include "engine/outbox_record.h"

namespace tidemill::engine {

const store::Table<ReaderRecord>& reader_table() {
  static const store::Table<ReaderRecord> table("engine_event_readers");
  return table;
}

std::vector<store::TableSpec> outbox_tables() {
  return {store::TableSpec{kOutboxTable}, reader_table().spec()};
}

std::string event_text(const PublishedEvent& event) {
  // Names, quotes and numbers, and the usual escapes; a longer text costs another allocation.
  constexpr std::size_t kFurtherBytes = 256;
  const std::string* text = event.detail.as_string();
  std::string out;
  out.reserve(event.source.size() + event.detail_type.size() + event.subject.size() +
              event.account.size() + event.region.size() + event.id.size() +
              (text ? text->size() : 0) + kFurtherBytes);
  const auto add = [&out](std::string_view name, const std::string& value) {
    out += out.empty() ? "{\"" : ",\"";
    out.append(name).append("\":");
    write_json_string(value, out);
  };
  add("source", event.source);
  add("detail_type", event.detail_type);
  add("subject", event.subject);
  add("account", event.account);
  add("region", event.region);
  // Records keep times in microseconds.
  out.append(",\"time\":").append(std::to_string(event.time.microseconds));
  if (!event.detail.is_null()) {
    out += ",\"detail\":";
    write_json(event.detail, out);
  }
  add("id", event.id);
  out += '}';
  return out;
}

Outbox::Outbox(store::Store& store, const Clock& clock, Random& random, OutboxOptions options)
    : impl_(std::make_shared<Impl>(store, clock, random, options)) {}
Outbox::~Outbox() { stop(); }

bool Outbox::wanted(std::string_view source) const { return impl_->wanted(source); }
Result<void> Outbox::publish(store::Transaction& transaction, PublishedEvent event) const {
  return impl_->publish(transaction, std::move(event), impl_);
}
void Outbox::add(EventReader reader) { impl_->add(std::move(reader)); }
void Outbox::add(Projection projection) { impl_->add(std::move(projection)); }
void Outbox::listen(const std::string& reader, std::set<std::string> sources) {
  impl_->listen(reader, std::move(sources));
}
Result<void> Outbox::start() { return impl_->start(); }
void Outbox::stop() { impl_->stop(); }
bool Outbox::catch_up(std::chrono::milliseconds at_most) { return impl_->catch_up(at_most); }
void Outbox::trim() { impl_->trim({}); }
Outbox::State Outbox::state() const { return impl_->state(); }

bool Outbox::Impl::wanted(std::string_view source) const {
  std::shared_lock lock(interest_mutex_);
  return wanted_.contains(source);
}

Result<void> Outbox::Impl::publish(store::Transaction& transaction, PublishedEvent event,
                                   std::shared_ptr<Impl> self) {
  if (event.source.empty()) return fail(codes::kInvalid, "an event without a source");
  if (!wanted(event.source)) return {};
  if (event.id.empty()) event.id = make_uuid(random_);
  if (event.time == Timestamp()) event.time = clock_.now();
  std::string text = event_text(event);
  if (text.size() > kEventBytesMax)
    return fail(codes::kInvalid, fmt::format("an event of {} with {} bytes; the limit is {}",
                                             event.source, text.size(), kEventBytesMax));
  transaction.append(kOutboxTable, std::move(text));
  transaction.on_commit([self = std::move(self)] {
    ++self->published_;
    bool wake = false;
    {
      std::lock_guard lock(self->mutex_);
      ++self->signals_;
      wake = self->waiting_ > 0;
    }
    if (wake) self->woken_.notify_all();
  });
  return {};
}

void Outbox::Impl::add(EventReader reader) {
  for (const Slot& slot : slots_)
    if (slot.reader.name == reader.name) {
      log::error("a reader of events is registered twice", {{"reader", reader.name}});
      std::abort();
    }
  std::unique_lock lock(interest_mutex_);
  slots_.emplace_back(std::move(reader));
  count_interest();
}

void Outbox::Impl::add(Projection projection) {
  std::unique_lock lock(interest_mutex_);
  projections_.push_back(std::move(projection));
  count_interest();
}

void Outbox::Impl::listen(const std::string& reader, std::set<std::string> sources) {
  std::unique_lock lock(interest_mutex_);
  for (Slot& slot : slots_)
    if (slot.reader.name == reader) slot.reader.sources = std::move(sources);
  count_interest();
}

void Outbox::Impl::count_interest() {
  wanted_.clear();
  for (const Slot& slot : slots_)
    wanted_.insert(slot.reader.sources.begin(), slot.reader.sources.end());
  for (const Projection& projection : projections_)
    wanted_.insert(projection.sources.begin(), projection.sources.end());
}

Outbox::State Outbox::Impl::state() const {
  State state{.head = head_, .published = published_, .readers = {}};
  auto lag = [&](std::uint64_t position) {
    return state.head > position ? state.head - position : 0;
  };
  for (const Slot& slot : slots_)
    state.readers.push_back({slot.reader.name, slot.position, lag(slot.position), slot.taken,
                             slot.lost, slot.failures});
  if (!projections_.empty())
    state.readers.push_back({"projections", projected_, lag(projected_), projected_,
                             projection_lost_, projection_failures_});
  return state;
}

}  // namespace tidemill::engine

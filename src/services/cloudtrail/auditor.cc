// The part of CloudTrail that the dispatcher calls: which calls become records.
#include "services/cloudtrail/cloudtrail_service.h"

#include <algorithm>

#include "base/arn.h"
#include "base/json.h"
#include "base/log.h"
#include "services/cloudtrail/event/event_text.h"
#include "services/cloudtrail/event/operation_kind.h"

namespace tidemill::services::cloudtrail {
namespace {

struct Note final : platform::AuditNote {
  OperationKind kind;
  Value parameters;
  std::vector<std::string> resources;
};

}  // namespace

bool CloudTrailService::selected(const platform::Call& call, const EventSubject& event) const {
  const std::shared_ptr<const std::vector<TrailRecord>> trails = logging_.load();
  if (!trails) return false;
  return std::ranges::any_of(*trails, [&](const TrailRecord& trail) {
    return trail.account == call.context.account() &&
           covers_region(trail, event_region(call, dependencies_.home_region)) &&
           selects(trail, event);
  });
}

bool CloudTrailService::admits_stranger() {
  const StrangerBudget::Verdict verdict = strangers_.take(dependencies_.clock.now());
  if (verdict.admitted) return true;
  if (dependencies_.left_out) dependencies_.left_out->add();
  if (verdict.to_report > 0)
    log::warning("refused calls without credentials are left out of the audit log",
                 {{"calls", verdict.to_report}});
  return false;
}

std::unique_ptr<platform::AuditNote> CloudTrailService::begin(const platform::Call& call) {
  if (!data_type_of(call.service, call.operation).empty() && !wants_data_.load()) return nullptr;
  const OperationKind kind = kind_of(call.service, call.operation);
  const bool management = kind.data_type.empty();
  const bool always = management && (!kind.read_only || kind.gives_credentials);
  if (!always) {
    if (management && !wants_reads_.load()) return nullptr;
    // The files that trails deliver are not events themselves.
    if (call.context.principal.user_id == kDeliveryPrincipal) return nullptr;
  }
  auto note = std::make_unique<Note>();
  note->kind = kind;
  note->resources = dependencies_.find_resources(call);
  if (!always) {
    const std::string source = std::string(call.service.signing_name) + ".amazonaws.com";
    const EventSubject event{management,
                             kind.read_only,
                             source,
                             call.operation.name,
                             kind.data_type,
                             note->resources,
                             call.context.principal.arn};
    if (!selected(call, event)) return nullptr;
  }
  note->parameters = event_members(call.service, call.operation.input, call.input);
  return note;
}

std::optional<platform::AuditRecord> CloudTrailService::end(const platform::Call& call,
                                                            const platform::AuditNote* noted,
                                                            const Result<Value>& result) {
  const Note* note = static_cast<const Note*>(noted);
  const bool denied = !result && is_denial(result.error());
  if (!note && !denied) return std::nullopt;
  // Nothing is known of who asks when the call comes without a signature, unless it succeeded.
  const bool stranger =
      !result && call.context.principal.arn.empty() && !call.context.remote_address.empty();
  if (stranger && !admits_stranger()) return std::nullopt;
  Note late;
  if (!note) {
    late.kind = kind_of(call.service, call.operation);
    // A call that was denied before its handler ran still has its input.
    late.resources = dependencies_.find_resources(call);
    late.parameters = event_members(call.service, call.operation.input, call.input);
    note = &late;
  }
  const OperationKind& kind = note->kind;
  platform::AuditRecord record;
  record.account = call.context.account();
  // AssumeRoleWithWebIdentity comes without a caller; its record is of the role's account, once
  // the token was verified. A refused call may name any account.
  if (record.account.empty() && !stranger && !note->resources.empty())
    if (const Result<Arn> role = parse_arn(note->resources.front())) record.account = role->account;
  if (record.account.empty() && dependencies_.own_account)
    record.account = dependencies_.own_account();
  Value within;
  if (stranger) within = members_within(kStrangersParametersBytesMax, note->parameters);
  const Value& parameters = stranger ? within : note->parameters;
  record.region = event_region(call, dependencies_.home_region);
  record.time = call.context.received;
  record.text = write_json(make_event(
      {call, dependencies_.home_region, result, parameters, note->resources, kind.read_only,
       kind.data_type, dependencies_.find_session(call.context.principal), record.account},
      dependencies_.random));
  record.answer_first = kind.read_only && !kind.gives_credentials;
  return record;
}

void CloudTrailService::append(platform::AuditRecord record, std::move_only_function<void()> done) {
  log_.append(std::move(record), std::move(done));
}

}  // namespace tidemill::services::cloudtrail

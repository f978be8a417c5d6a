// Access keys of users: two at most, each active or not. A key signs requests as soon as it is
// made.
#include "services/iam/credentials/access_keys.h"
#include "api/iam/access_key.h"
#include "services/iam/errors.h"
#include "services/iam/limits.h"
#include "services/iam/paging.h"
#include "services/iam/root_key.h"
#include "services/iam/user/handlers.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;

constexpr std::string_view kActive = "Active", kInactive = "Inactive";

std::unexpected<Error> no_key(const std::string& id) {
  return no_such_entity("The Access Key with id " + id + " cannot be found.");
}

std::string status_of(const AccessKeyRecord& key) {
  return std::string(key.active ? kActive : kInactive);
}

Result<ops::CreateAccessKey::Output> create_access_key(State& state, const Context& context,
                                                       const ops::CreateAccessKey::Input& request) {
  const std::string name = TRY(named_or_calling_user(context, request.user_name));
  AccessKeyRecord key;
  key.id = make_access_key_id(state.random(), "AKIA");
  key.secret = make_secret_access_key(state.random());
  key.created = state.now_seconds();
  const UserRecord user = TRY(state.update<UserRecord>(
      context.account(), name, [&](UserRecord& record, store::Transaction&) -> Result<void> {
        if (record.access_keys.size() >= kAccessKeysPerUserMax)
          return limit_exceeded("Cannot exceed quota for AccessKeysPerUser: " +
                                std::to_string(kAccessKeysPerUserMax));
        record.access_keys.push_back(key);
        return {};
      }));
  ops::CreateAccessKey::Output out;
  out.access_key = api::iam::AccessKey{user.name, key.id, status_of(key), key.secret, key.created};
  return out;
}

Result<ops::ListAccessKeys::Output> list_access_keys(State& state, const Context& context,
                                                     const ops::ListAccessKeys::Input& request) {
  const std::string name = TRY(named_or_calling_user(context, request.user_name));
  const UserRecord user = TRY(state.get<UserRecord>(context.account(), name));
  std::vector<api::iam::AccessKeyMetadata> all;
  for (const AccessKeyRecord& key : user.access_keys)
    all.push_back({user.name, key.id, status_of(key), key.created});
  auto page = TRY(slice(
      std::move(all), [](const auto& key) { return *key.access_key_id; }, request.marker,
      request.max_items));
  ops::ListAccessKeys::Output out;
  out.access_key_metadata = std::move(page.items);
  out.is_truncated = page.is_truncated;
  out.marker = std::move(page.marker);
  return out;
}

Result<api::Empty> update_access_key(State& state, const Context& context,
                                     const ops::UpdateAccessKey::Input& request) {
  const std::string name = TRY(named_or_calling_user(context, request.user_name));
  if (request.status != kActive && request.status != kInactive)
    return validation_error("The status of an access key is Active or Inactive, not " +
                            request.status + ".");
  TRY(state.update<UserRecord>(
      context.account(), name, [&](UserRecord& user, store::Transaction&) -> Result<void> {
        const auto key =
            std::ranges::find(user.access_keys, request.access_key_id, &AccessKeyRecord::id);
        if (key == user.access_keys.end()) return no_key(request.access_key_id);
        key->active = request.status == kActive;
        return {};
      }));
  return api::Empty{};
}

Result<api::Empty> delete_access_key(State& state, const Context& context,
                                     const ops::DeleteAccessKey::Input& request) {
  const std::string name = TRY(named_or_calling_user(context, request.user_name));
  TRY(state.update<UserRecord>(
      context.account(), name,
      [&](UserRecord& user, store::Transaction& transaction) -> Result<void> {
        if (std::erase_if(user.access_keys, [&](const AccessKeyRecord& key) {
              return key.id == request.access_key_id;
            }) == 0)
          return no_key(request.access_key_id);
        key_uses_table().erase(transaction, request.access_key_id, std::nullopt);
        return {};
      }));
  return api::Empty{};
}

Result<ops::GetAccessKeyLastUsed::Output> get_access_key_last_used(
    State& state, const Context& context, const ops::GetAccessKeyLastUsed::Input& request) {
  const auto owner = state.access_keys().owner(request.access_key_id);
  if (!owner || owner->account != context.account()) return no_key(request.access_key_id);
  ops::GetAccessKeyLastUsed::Output out;
  out.user_name = owner->user_name;
  api::iam::AccessKeyLastUsed& used = out.access_key_last_used.emplace();
  const auto last = state.access_keys().last_use(request.access_key_id);
  used.service_name = last ? last->service : "N/A";
  used.region = last ? last->region : "N/A";
  if (last) used.last_used_date = Timestamp{last->used.microseconds / 1'000'000 * 1'000'000};
  return out;
}

}  // namespace

void add_access_key_handlers(Registry& registry, State& state) {
  auto bind = [&state](auto handler) {
    return [&state, handler](Context& context, const auto& request) {
      return handler(state, context, request);
    };
  };
  registry.add<ops::CreateAccessKey>(bind(create_access_key));
  registry.add<ops::ListAccessKeys>(bind(list_access_keys));
  registry.add<ops::UpdateAccessKey>(bind(update_access_key));
  registry.add<ops::DeleteAccessKey>(bind(delete_access_key));
  registry.add<ops::GetAccessKeyLastUsed>(bind(get_access_key_last_used));
}

}  // namespace tidemill::services::iam

#include "services/iam/credentials/credential_store.h"

#include <mutex>

#include "base/clock.h"
#include "services/iam/credentials/access_keys.h"
#include "services/iam/errors.h"
#include "services/iam/limits.h"

namespace tidemill::services::iam {
namespace {

constexpr std::chrono::minutes kSweepInterval{10};
constexpr std::size_t kSessionTokenCharacters = 200;
constexpr std::size_t kSweepMax = 1000;  // sessions deleted in one transaction

Result<std::shared_ptr<const Session>> with_policies(SessionRecord record) {
  auto session = std::make_shared<Session>();
  // Without policies of its own, a federated user may do nothing.
  if (record.federated) session->narrowing.emplace();
  for (const std::string& document : record.policies) {
    if (!session->narrowing) session->narrowing.emplace();
    session->narrowing->push_back(
        {"session", "IAM Policy", TRY(parse_policy(document, PolicyKind::identity))});
  }
  static_cast<SessionRecord&>(*session) = std::move(record);
  return std::shared_ptr<const Session>(std::move(session));
}

// A session whose policies can no longer be read may do nothing.
std::shared_ptr<const Session> powerless(SessionRecord record) {
  auto session = std::make_shared<Session>();
  session->narrowing.emplace();
  static_cast<SessionRecord&>(*session) = std::move(record);
  return session;
}

std::string root_arn(const std::string& account) { return "arn:aws:iam::" + account + ":root"; }

}  // namespace

CredentialStore::CredentialStore(State& state, RootKey root)
    : state_(state), root_(std::move(root)) {}

Result<void> CredentialStore::load() {
  store::Scan scan{.limit = store::kScanLimitMax};
  do {
    auto page = TRY(sessions_table().scan(state_.store(), scan));
    std::unique_lock lock(mutex_);
    for (auto& [record, version] : page.records) {
      const std::string key = record.access_key_id;
      auto session = with_policies(record);
      sessions_[key] = session ? *std::move(session) : powerless(std::move(record));
    }
    scan.after = page.next;
  } while (!scan.after.empty());
  return delete_expired();
}

Result<std::optional<Credential>> CredentialStore::find(std::string_view access_key_id) {
  Credential credential;
  if (access_key_id == root_.access_key_id) {
    credential.secret_access_key = root_.secret_access_key;
    credential.account = root_.account;
    credential.arn = root_arn(root_.account);
    credential.user_id = root_.account;
    credential.root = true;
    return std::optional(std::move(credential));
  }
  if (std::optional<Credential> of_user = state_.access_keys().find(access_key_id)) return of_user;
  std::shared_ptr<const Session> found;
  {
    std::shared_lock lock(mutex_);
    auto entry = sessions_.find(access_key_id);
    if (entry != sessions_.end()) found = entry->second;
  }
  if (!found) return std::optional<Credential>();
  credential.secret_access_key = found->secret_access_key;
  credential.account = found->account;
  credential.arn = found->arn;
  credential.user_id = found->user_id;
  credential.root = found->root;
  credential.session_token = found->session_token;
  credential.expiration = found->expiration;
  return std::optional(std::move(credential));
}

std::shared_ptr<const Session> CredentialStore::session(std::string_view access_key_id) const {
  std::shared_lock lock(mutex_);
  auto entry = sessions_.find(access_key_id);
  if (entry == sessions_.end() || entry->second->expiration < state_.now()) return nullptr;
  return entry->second;
}

Result<SessionRecord> CredentialStore::issue(SessionRecord session) {
  TRY(delete_expired());
  {
    std::shared_lock lock(mutex_);
    if (sessions_.size() >= kSessionsMax)
      return limit_exceeded("Cannot exceed quota for temporary credentials at the same time: " +
                            std::to_string(kSessionsMax));
  }
  session.access_key_id = make_access_key_id(state_.random(), "ASIA");
  session.secret_access_key = make_secret_access_key(state_.random());
  session.session_token =
      make_token(state_.random(), kSessionTokenCharacters,
                 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
  session.issued = state_.now_seconds();
  std::shared_ptr<const Session> ready = TRY(with_policies(session));
  store::Transaction transaction;
  sessions_table().put(transaction, session.access_key_id, session, 0);
  TRY(state_.store().commit(std::move(transaction)));
  std::unique_lock lock(mutex_);
  sessions_[session.access_key_id] = std::move(ready);
  return session;
}

Result<void> CredentialStore::end_sessions(std::string_view holder) {
  const Timestamp now = state_.now();
  std::vector<std::shared_ptr<Session>> ended;
  {
    std::shared_lock lock(mutex_);
    for (const auto& [key, session] : sessions_)
      if (session->holder == holder && session->expiration >= now)
        ended.push_back(std::make_shared<Session>(*session));
  }
  if (ended.empty()) return {};
  store::Transaction transaction;
  for (const std::shared_ptr<Session>& session : ended) {
    session->expiration = now + std::chrono::seconds(-1);
    sessions_table().put(transaction, session->access_key_id, *session, std::nullopt);
  }
  TRY(state_.store().commit(std::move(transaction)));
  std::unique_lock lock(mutex_);
  for (const std::shared_ptr<Session>& session : ended) sessions_[session->access_key_id] = session;
  return {};
}

// A while after they expired, so that their users still hear "expired" and not "unknown".
Result<void> CredentialStore::delete_expired() {
  const Timestamp now = state_.now();
  store::Transaction transaction;
  std::vector<std::string> expired;
  {
    std::unique_lock lock(mutex_);
    if (now < next_sweep_) return {};
    next_sweep_ = now + kSweepInterval;
    for (const auto& [key, session] : sessions_) {
      if (session->expiration + kSweepInterval >= now || expired.size() == kSweepMax) continue;
      sessions_table().erase(transaction, key, std::nullopt);
      expired.push_back(key);
    }
  }
  if (expired.empty()) return {};
  TRY(state_.store().commit(std::move(transaction)));
  std::unique_lock lock(mutex_);
  for (const std::string& key : expired) sessions_.erase(key);
  return {};
}

}  // namespace tidemill::services::iam

#include "services/iam/oidc/handlers.h"

#include <algorithm>
#include <functional>

#include "api/iam/oidc_provider.h"
#include "services/iam/errors.h"
#include "services/iam/limits.h"
#include "services/iam/tags.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;

constexpr std::string_view kScheme = "https://";
constexpr std::size_t kThumbprintDigits = 40;

std::unexpected<Error> no_provider(const std::string& arn) {
  return no_such_entity("OpenIDConnect Provider not found for arn " + arn);
}

// "host/path" of "arn:aws:iam::123456789012:oidc-provider/host/path"; InvalidInput.
Result<std::string> url_of(std::string_view account, const std::string& arn) {
  const std::string prefix = "arn:aws:iam::" + std::string(account) + ":oidc-provider/";
  if (!arn.starts_with("arn:aws:iam::") || !arn.contains(":oidc-provider/"))
    return fail("InvalidInput", "Invalid Open ID Connect Provider ARN: " + arn, 400);
  if (!arn.starts_with(prefix)) return no_provider(arn);
  return arn.substr(prefix.size());
}

std::string key_of(std::string_view account, const std::string& url) {
  return store::key({account, url});
}

Result<void> check_thumbprints(const std::vector<std::string>& thumbprints) {
  if (thumbprints.size() > kThumbprintsPerProviderMax)
    return fail("InvalidInput", "Thumbprint list must contain fewer than 5 entries.", 400);
  for (const std::string& thumbprint : thumbprints)
    if (thumbprint.size() != kThumbprintDigits ||
        thumbprint.find_first_not_of("0123456789abcdefABCDEF") != thumbprint.npos)
      return fail("InvalidInput", "Invalid thumbprint: " + thumbprint, 400);
  return {};
}

// Reads, changes and writes the provider. Retries on conflicting writes.
Result<OidcProviderRecord> change_provider(
    State& state, const Context& context, const std::string& arn,
    const std::function<Result<void>(OidcProviderRecord&)>& change) {
  const std::string url = TRY(url_of(context.account(), arn));
  const std::string key = key_of(context.account(), url);
  for (int attempt = 0; attempt < kConflictRetries; ++attempt) {
    auto found = TRY(oidc_providers_table().get(state.store(), key));
    if (!found) return no_provider(arn);
    TRY(change(found->record));
    store::Transaction transaction;
    oidc_providers_table().put(transaction, key, found->record, found->version);
    const Result<void> committed = state.store().commit(std::move(transaction));
    if (committed) return std::move(found->record);
    if (committed.error().code != codes::kConflict) return fail(committed.error());
  }
  return fail("ConcurrentModification", "The provider is being changed by others. Try again.", 409);
}

Result<std::vector<OidcProviderRecord>> providers_of(State& state, const std::string& account) {
  std::vector<OidcProviderRecord> out;
  store::Scan scan{.prefix = store::key({account, ""}), .page_bytes_max = kListedBytesMax};
  do {
    auto page = TRY(oidc_providers_table().scan(state.store(), scan));
    for (auto& [record, version] : page.records) out.push_back(std::move(record));
    scan.after = page.next;
  } while (!scan.after.empty());
  return out;
}

Result<ops::CreateOpenIDConnectProvider::Output> create_provider(
    State& state, const Context& context, const ops::CreateOpenIDConnectProvider::Input& request) {
  OidcProviderRecord provider;
  const std::string& url = request.url;
  const std::size_t host_end = url.starts_with(kScheme) ? url.find('/', kScheme.size()) : 0;
  if (!url.starts_with(kScheme) || url.size() == kScheme.size() || host_end == kScheme.size() ||
      url.find_first_of("?#@ \r\n") != url.npos)
    return validation_error("Invalid Open ID Connect Provider URL");
  provider.account = context.account();
  provider.url = url.substr(kScheme.size());
  while (provider.url.ends_with('/')) provider.url.pop_back();
  provider.created = state.now_seconds();
  if (request.client_id_list) provider.client_ids = *request.client_id_list;
  if (provider.client_ids.size() > kClientIdsPerProviderMax)
    return limit_exceeded("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: " +
                          std::to_string(kClientIdsPerProviderMax));
  if (request.thumbprint_list) provider.thumbprints = *request.thumbprint_list;
  TRY(check_thumbprints(provider.thumbprints));
  if (request.tags) TRY(merge_tags(*request.tags, provider.tags));
  if (TRY(providers_of(state, provider.account)).size() >= kOidcProvidersPerAccountMax)
    return limit_exceeded("Cannot exceed quota for OpenIdConnectProvidersPerAccount: " +
                          std::to_string(kOidcProvidersPerAccountMax));
  store::Transaction transaction;
  oidc_providers_table().put(transaction, key_of(provider.account, provider.url), provider, 0);
  const Result<void> committed = state.store().commit(std::move(transaction));
  if (!committed && committed.error().code == codes::kConflict)
    return already_exists("Provider with url " + url + " already exists.");
  TRY(committed);
  ops::CreateOpenIDConnectProvider::Output out;
  out.open_id_connect_provider_arn = provider.arn();
  if (!provider.tags.empty()) out.tags = api_tags(provider.tags);
  return out;
}

Result<ops::GetOpenIDConnectProvider::Output> get_provider(
    State& state, const Context& context, const ops::GetOpenIDConnectProvider::Input& request) {
  const OidcProviderRecord provider =
      TRY(oidc_provider(state, context.account(), request.open_id_connect_provider_arn));
  ops::GetOpenIDConnectProvider::Output out;
  out.url = provider.url;
  out.client_id_list = provider.client_ids;
  out.thumbprint_list = provider.thumbprints;
  out.create_date = provider.created;
  if (!provider.tags.empty()) out.tags = api_tags(provider.tags);
  return out;
}

Result<ops::ListOpenIDConnectProviders::Output> list_providers(
    State& state, const Context& context, const ops::ListOpenIDConnectProviders::Input&) {
  ops::ListOpenIDConnectProviders::Output out;
  out.open_id_connect_provider_list.emplace();
  for (const OidcProviderRecord& provider : TRY(providers_of(state, context.account())))
    out.open_id_connect_provider_list->push_back({provider.arn()});
  return out;
}

// Succeeds when there is none, as AWS says.
Result<api::Empty> delete_provider(State& state, const Context& context,
                                   const ops::DeleteOpenIDConnectProvider::Input& request) {
  const Result<std::string> url = url_of(context.account(), request.open_id_connect_provider_arn);
  if (!url && url.error().code != "NoSuchEntity") return fail(url.error());
  if (!url) return api::Empty{};
  store::Transaction transaction;
  oidc_providers_table().erase(transaction, key_of(context.account(), *url), std::nullopt);
  TRY(state.store().commit(std::move(transaction)));
  return api::Empty{};
}

Result<api::Empty> update_thumbprints(
    State& state, const Context& context,
    const ops::UpdateOpenIDConnectProviderThumbprint::Input& request) {
  TRY(check_thumbprints(request.thumbprint_list));
  TRY(change_provider(state, context, request.open_id_connect_provider_arn,
                      [&](OidcProviderRecord& provider) -> Result<void> {
                        provider.thumbprints = request.thumbprint_list;
                        return {};
                      }));
  return api::Empty{};
}

Result<api::Empty> add_client_id(State& state, const Context& context,
                                 const ops::AddClientIDToOpenIDConnectProvider::Input& request) {
  TRY(change_provider(state, context, request.open_id_connect_provider_arn,
                      [&](OidcProviderRecord& provider) -> Result<void> {
                        auto& ids = provider.client_ids;
                        if (std::ranges::find(ids, request.client_id) != ids.end()) return {};
                        if (ids.size() >= kClientIdsPerProviderMax)
                          return limit_exceeded(
                              "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: " +
                              std::to_string(kClientIdsPerProviderMax));
                        ids.push_back(request.client_id);
                        return {};
                      }));
  return api::Empty{};
}

Result<api::Empty> remove_client_id(
    State& state, const Context& context,
    const ops::RemoveClientIDFromOpenIDConnectProvider::Input& request) {
  TRY(change_provider(state, context, request.open_id_connect_provider_arn,
                      [&](OidcProviderRecord& provider) -> Result<void> {
                        std::erase(provider.client_ids, request.client_id);
                        return {};
                      }));
  return api::Empty{};
}

Result<api::Empty> tag_provider(State& state, const Context& context,
                                const ops::TagOpenIDConnectProvider::Input& request) {
  TRY(change_provider(
      state, context, request.open_id_connect_provider_arn,
      [&](OidcProviderRecord& provider) { return merge_tags(request.tags, provider.tags); }));
  return api::Empty{};
}

Result<api::Empty> untag_provider(State& state, const Context& context,
                                  const ops::UntagOpenIDConnectProvider::Input& request) {
  TRY(change_provider(state, context, request.open_id_connect_provider_arn,
                      [&](OidcProviderRecord& provider) -> Result<void> {
                        remove_tags(request.tag_keys, provider.tags);
                        return {};
                      }));
  return api::Empty{};
}

Result<ops::ListOpenIDConnectProviderTags::Output> list_provider_tags(
    State& state, const Context& context,
    const ops::ListOpenIDConnectProviderTags::Input& request) {
  const OidcProviderRecord provider =
      TRY(oidc_provider(state, context.account(), request.open_id_connect_provider_arn));
  return list_tags<ops::ListOpenIDConnectProviderTags::Output>(provider.tags, request);
}

}  // namespace

Result<OidcProviderRecord> oidc_provider(State& state, std::string_view account,
                                         const std::string& arn) {
  const std::string url = TRY(url_of(account, arn));
  auto found = TRY(oidc_providers_table().get(state.store(), key_of(account, url)));
  if (!found) return no_provider(arn);
  return std::move(found->record);
}

void add_oidc_handlers(Registry& registry, State& state) {
  auto bind = [&state](auto handler) {
    return [&state, handler](Context& context, const auto& request) {
      return handler(state, context, request);
    };
  };
  registry.add<ops::CreateOpenIDConnectProvider>(bind(create_provider));
  registry.add<ops::GetOpenIDConnectProvider>(bind(get_provider));
  registry.add<ops::ListOpenIDConnectProviders>(bind(list_providers));
  registry.add<ops::DeleteOpenIDConnectProvider>(bind(delete_provider));
  registry.add<ops::UpdateOpenIDConnectProviderThumbprint>(bind(update_thumbprints));
  registry.add<ops::AddClientIDToOpenIDConnectProvider>(bind(add_client_id));
  registry.add<ops::RemoveClientIDFromOpenIDConnectProvider>(bind(remove_client_id));
  registry.add<ops::TagOpenIDConnectProvider>(bind(tag_provider));
  registry.add<ops::UntagOpenIDConnectProvider>(bind(untag_provider));
  registry.add<ops::ListOpenIDConnectProviderTags>(bind(list_provider_tags));
}

}  // namespace tidemill::services::iam

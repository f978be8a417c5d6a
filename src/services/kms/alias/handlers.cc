// CreateAlias, UpdateAlias, DeleteAlias, ListAliases.
#include <algorithm>

#include "api/kms/alias.h"
#include "services/kms/common/keys.h"

namespace tidemill::services::kms {

namespace model = api::kms;

namespace {

constexpr std::int64_t kPageAliases = 50;
constexpr std::size_t kAliasesPerKeyMax = 50;
constexpr std::string_view kPrefix = "alias/", kReserved = "alias/aws/";

Result<void> check_alias_name(const std::string& name) {
  if (!name.starts_with(kPrefix) || name.size() == kPrefix.size())
    return invalid(
        "Invalid identifier: an alias must start with the prefix \"alias/\" and have a "
        "name behind it.");
  if (name.find(':') != name.npos)
    return invalid(name + " contains invalid characters for an alias");
  if (name.starts_with(kReserved) || name == "alias/aws")
    return fail("NotAuthorizedException",
                "Aliases that begin with alias/aws/ are reserved for keys that AWS manages.", 400);
  return {};
}

// The key of this account and region that an alias may point to.
Result<KeyRecord> target_of(Core& core, const Context& context, const std::string& key_id) {
  if (TRY(parse_key_name(context, key_id)).alias.size())
    return invalid("Aliases must refer to keys. Not aliases");
  KeyRecord key = TRY(find_key_by_id(core, context, key_id));
  if (key.account != context.account())
    return not_found("Key '" + key.arn() + "' is of another account.");
  TRY(check_not_pending_deletion(key));
  const auto page = TRY(aliases_table().scan(core.store, {.table = {},
                                                          .index = "by_key",
                                                          .prefix = store::key({key.id, ""}),
                                                          .limit = kAliasesPerKeyMax}));
  if (page.records.size() >= kAliasesPerKeyMax)
    return fail(model::errors::kLimitExceededException,
                "A key has at most " + std::to_string(kAliasesPerKeyMax) + " aliases.", 400);
  return key;
}

std::string arn_of_alias(const Context& context, const std::string& name) {
  return AliasRecord{context.account(), context.region, name, {}, {}, {}}.arn();
}

Result<store::Versioned<AliasRecord>> find_alias(Core& core, const Context& context,
                                                 const std::string& name) {
  auto found =
      TRY(aliases_table().get(core.store, alias_key(context.account(), context.region, name)));
  if (!found) return not_found("Alias " + arn_of_alias(context, name) + " is not found.");
  return *std::move(found);
}

Result<api::Empty> create_alias(Core& core, Context& context,
                                const model::CreateAliasRequest& request) {
  TRY(check_alias_name(request.alias_name));
  const KeyRecord key = TRY(target_of(core, context, request.target_key_id));
  TRY(check_customer_managed(key, "make an alias of"));
  AliasRecord alias{context.account(), context.region,  request.alias_name, key.id,
                    core.clock.now(),  core.clock.now()};
  store::Transaction transaction;
  aliases_table().put(transaction, alias_key(alias.account, alias.region, alias.name), alias, 0);
  const Result<void> committed = core.store.commit(std::move(transaction));
  if (!committed && committed.error().code == codes::kConflict)
    return fail(model::errors::kAlreadyExistsException,
                "An alias with the name " + alias.arn() + " already exists", 400);
  TRY(committed);
  return api::Empty{};
}

Result<api::Empty> update_alias(Core& core, Context& context,
                                const model::UpdateAliasRequest& request) {
  TRY(check_alias_name(request.alias_name));
  store::Versioned<AliasRecord> alias = TRY(find_alias(core, context, request.alias_name));
  const KeyRecord key = TRY(target_of(core, context, request.target_key_id));
  TRY(check_customer_managed(key, "make an alias of"));
  const auto current = TRY(keys_table().get(core.store, alias.record.key_id));
  // Callers that use the alias rely on the type and usage of its key.
  if (current && (spec_of(current->record).is_asymmetric() != spec_of(key).is_asymmetric() ||
                  current->record.usage != key.usage))
    return invalid(
        "The current key and the new key of an alias must be of the same type and have "
        "the same key usage.");
  alias.record.key_id = key.id;
  alias.record.updated = core.clock.now();
  store::Transaction transaction;
  aliases_table().put(transaction, alias_key(context.account(), context.region, alias.record.name),
                      alias.record, alias.version);
  TRY(core.store.commit(std::move(transaction)));
  return api::Empty{};
}

Result<api::Empty> delete_alias(Core& core, Context& context,
                                const model::DeleteAliasRequest& request) {
  TRY(check_alias_name(request.alias_name));
  const store::Versioned<AliasRecord> alias = TRY(find_alias(core, context, request.alias_name));
  store::Transaction transaction;
  aliases_table().erase(
      transaction, alias_key(context.account(), context.region, alias.record.name), alias.version);
  TRY(core.store.commit(std::move(transaction)));
  return api::Empty{};
}

Result<model::ListAliasesResponse> list_aliases(Core& core, Context& context,
                                                const model::ListAliasesRequest& request) {
  store::Scan scan;
  scan.prefix = alias_key(context.account(), context.region, "");
  if (request.key_id) {
    scan.index = "by_key";
    scan.prefix = store::key({TRY(find_key_by_id(core, context, *request.key_id)).id, ""});
  }
  scan.after = TRY(read_marker(request.marker));
  scan.limit = std::size_t(std::min<std::int64_t>(request.limit.value_or(kPageAliases), 100));
  const auto page = TRY(aliases_table().scan(core.store, scan));
  model::ListAliasesResponse output;
  output.aliases.emplace();
  for (const auto& row : page.records) {
    model::AliasListEntry entry;
    entry.alias_name = row.record.name;
    entry.alias_arn = row.record.arn();
    entry.target_key_id = row.record.key_id;
    entry.creation_date = row.record.created;
    entry.last_updated_date = row.record.updated;
    output.aliases->push_back(std::move(entry));
  }
  output.next_marker = write_marker(page.next);
  output.truncated = output.next_marker.has_value();
  return output;
}

}  // namespace

void add_alias_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::CreateAlias>(registry, core, create_alias);
  add<op::UpdateAlias>(registry, core, update_alias);
  add<op::DeleteAlias>(registry, core, delete_alias);
  add<op::ListAliases>(registry, core, list_aliases);
}

}  // namespace tidemill::services::kms

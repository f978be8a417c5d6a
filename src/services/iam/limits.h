// IAM's quotas, as AWS sets them by default.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tidemill::services::iam {

inline constexpr std::size_t kRolesPerAccountMax = 5000;
inline constexpr std::size_t kUsersPerAccountMax = 5000;
inline constexpr std::size_t kGroupsPerAccountMax = 300;
inline constexpr std::size_t kInstanceProfilesPerAccountMax = 1000;
inline constexpr std::size_t kPoliciesPerAccountMax = 5000;
inline constexpr std::size_t kPolicyVersionsMax = 5;
inline constexpr std::size_t kGroupsPerUserMax = 10;
inline constexpr std::size_t kAccessKeysPerUserMax = 2;
inline constexpr std::size_t kTrustPolicyCharactersMax = 4096;
// Inline policies of one role, user or group, all together, without white space.
inline constexpr std::size_t kRoleInlineCharactersMax = 10'240;
inline constexpr std::size_t kUserInlineCharactersMax = 2048;
inline constexpr std::size_t kGroupInlineCharactersMax = 5120;
inline constexpr std::size_t kManagedPolicyCharactersMax = 6144;
inline constexpr std::size_t kAttachedPoliciesMax = 20;
inline constexpr std::size_t kTagsMax = 50;
inline constexpr std::int64_t kPageItems = 100;
// Text of records that a List holds at once, and of policies that its answer shows. Past it a page
// ends early and says that there is more, as AWS's pages may ("IAM might return fewer than
// MaxItems").
inline constexpr std::size_t kListedBytesMax = 1u << 20;
// Temporary credentials that live at the same time; each is held in memory.
inline constexpr std::size_t kSessionsMax = 100'000;
// Parsed policies of roles and users that are kept for authorization.
inline constexpr std::size_t kCachedPrincipalsMax = 1024;
// How often the store is told that an access key is in use.
inline constexpr std::chrono::minutes kKeyUseInterval{15};
// Parsed policies of resources; each has at most 20 KB of text.
inline constexpr std::size_t kCachedResourcePoliciesMax = 256;
// Jobs and model servers that act as roles at the same time; each is held in memory.
inline constexpr std::size_t kGrantsMax = 20'000;
// Credentials of a grant, and how long before their end others are given: SDKs ask again up to 15
// minutes before the end.
inline constexpr std::chrono::seconds kGrantedSeconds{3600};
inline constexpr std::chrono::seconds kGrantedRenewalSeconds{1200};
// The policies and tags of a session together.
inline constexpr std::size_t kPackedPolicyBytesMax = 8192;
inline constexpr std::size_t kSessionPolicyArnsMax = 10;
inline constexpr std::size_t kOidcProvidersPerAccountMax = 100;
inline constexpr std::size_t kClientIdsPerProviderMax = 100;
inline constexpr std::size_t kThumbprintsPerProviderMax = 5;
inline constexpr int kConflictRetries = 10;
inline constexpr std::chrono::seconds kSessionSecondsMin{900};
inline constexpr std::chrono::seconds kRoleSessionSecondsMax{43'200};
inline constexpr std::chrono::seconds kSessionTokenSecondsMax{129'600};
inline constexpr std::chrono::seconds kRootSessionTokenSecondsMax{3600};
inline constexpr std::chrono::seconds kChainedSessionSecondsMax{3600};

}  // namespace tidemill::services::iam

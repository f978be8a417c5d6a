// The traits of each kind of IAM's records, and how AWS calls it: roles, users, groups,
// instance profiles and customers' managed policies.
#pragma once

#include "services/iam/errors.h"
#include "services/iam/limits.h"
#include "services/iam/records.h"

namespace tidemill::services::iam {

template <class Record>
struct EntityTraits;

template <>
struct EntityTraits<RoleRecord> {
  static const store::Table<RoleRecord>& table() { return roles_table(); }
  static constexpr std::size_t kMax = kRolesPerAccountMax;
  static constexpr std::string_view kQuota = "RolesPerAccount";
  static std::string missing(std::string_view name) {
    return "The role with name " + std::string(name) + " cannot be found.";
  }
  static std::string exists(const std::string& name) {
    return "Role with name " + name + " already exists.";
  }
};

template <>
struct EntityTraits<UserRecord> {
  static const store::Table<UserRecord>& table() { return users_table(); }
  static constexpr std::size_t kMax = kUsersPerAccountMax;
  static constexpr std::string_view kQuota = "UsersPerAccount";
  static std::string missing(std::string_view name) {
    return "The user with name " + std::string(name) + " cannot be found.";
  }
  static std::string exists(const std::string& name) {
    return "User with name " + name + " already exists.";
  }
};

template <>
struct EntityTraits<GroupRecord> {
  static const store::Table<GroupRecord>& table() { return groups_table(); }
  static constexpr std::size_t kMax = kGroupsPerAccountMax;
  static constexpr std::string_view kQuota = "GroupsPerAccount";
  static std::string missing(std::string_view name) {
    return "The group with name " + std::string(name) + " cannot be found.";
  }
  static std::string exists(const std::string& name) {
    return "Group with name " + name + " already exists.";
  }
};

template <>
struct EntityTraits<InstanceProfileRecord> {
  static const store::Table<InstanceProfileRecord>& table() { return instance_profiles_table(); }
  static constexpr std::size_t kMax = kInstanceProfilesPerAccountMax;
  static constexpr std::string_view kQuota = "InstanceProfilesPerAccount";
  static std::string missing(std::string_view name) {
    return "Instance Profile " + std::string(name) + " cannot be found.";
  }
  static std::string exists(const std::string& name) {
    return "Instance Profile " + name + " already exists.";
  }
};

template <>
struct EntityTraits<PolicyRecord> {
  static const store::Table<PolicyRecord>& table() { return policies_table(); }
  static constexpr std::size_t kMax = kPoliciesPerAccountMax;
  static constexpr std::string_view kQuota = "PoliciesPerAccount";
  static std::string missing(std::string_view name) {
    return "Policy " + std::string(name) + " was not found.";
  }
  static std::string exists(const std::string& name) {
    return "A policy called " + name + " already exists. Duplicate names are not allowed.";
  }
};

}  // namespace tidemill::services::iam

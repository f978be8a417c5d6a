#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "api/kms/alias.h"
#include "api/kms/crypto.h"
#include "api/kms/data_key.h"
#include "api/kms/grant.h"
#include "api/kms/key.h"
#include "api/kms/rotation.h"
#include "base/encoding.h"
#include "services/kms/crypto/asymmetric.h"
#include "services/kms/crypto/ciphertext.h"
#include "services/kms/kms_service.h"
#include "services/kms/test_fake_iam.h"
#include "store/memory/memory_store.h"

namespace tidemill::services::kms {
namespace {

namespace op = api::kms::operations;

constexpr const char* kAccount = "123456789012";
constexpr const char* kRegion = "us-east-1";

class KmsTest : public testing::Test {
 protected:
  KmsTest() {
    folder_ = testing::TempDir() + "kms-" + make_uuid(*make_system_random());
    std::filesystem::create_directories(folder_);
    start();
  }
  ~KmsTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path file() const { return folder_ + "/root.json"; }
  // Starts the service, or starts it again with the same store and file.
  void start() {
    registry_ = std::make_unique<Registry>();
    service_ = std::make_unique<KmsService>(RootKeyFile::open(file(), *store_, *random_).value(),
                                            *store_, clock_, *random_, iam_);
    service_->add_to(*registry_);
  }
  static Context context() {
    Context context;
    context.region = kRegion;
    context.principal = {kAccount, "arn:aws:iam::123456789012:root", kAccount, "AKIA", true};
    return context;
  }
  template <class Op>
  Result<typename Op::Output> call(const typename Op::Input& input) {
    Context here = context();
    Value value = TRY(run_and_wait(*registry_->find(Op::operation()), here, to_value(input)));
    typename Op::Output output{};
    TRY(from_value(value, output));
    return output;
  }
  template <class Op>
  std::string code(const typename Op::Input& input) {
    auto result = call<Op>(input);
    return result ? "ok" : result.error().code;
  }
  std::string create(const char* spec = "SYMMETRIC_DEFAULT", const char* usage = nullptr) {
    api::kms::CreateKeyRequest request;
    request.key_spec = spec;
    if (usage) request.key_usage = usage;
    return call<op::CreateKey>(request).value().key_metadata->key_id;
  }
  std::string encrypt(const std::string& key, const std::string& text,
                      EncryptionContext context = {}) {
    api::kms::EncryptRequest request;
    request.key_id = key;
    request.plaintext.bytes = text;
    request.encryption_context = std::move(context);
    return call<op::Encrypt>(request).value().ciphertext_blob->bytes;
  }
  Result<std::string> decrypt(const std::string& ciphertext, EncryptionContext context = {},
                              std::optional<std::string> key = std::nullopt) {
    api::kms::DecryptRequest request;
    request.ciphertext_blob.emplace().bytes = ciphertext;
    request.encryption_context = std::move(context);
    request.key_id = std::move(key);
    return TRY(call<op::Decrypt>(request)).plaintext->bytes;
  }
  std::string decrypt_code(const std::string& ciphertext, EncryptionContext context = {},
                           std::optional<std::string> key = std::nullopt) {
    auto result = decrypt(ciphertext, std::move(context), std::move(key));
    return result ? "ok" : result.error().code;
  }
  std::size_t rows(const char* table) { return store_->scan({.table = table}).value().rows.size(); }

  ManualClock clock_{{1'790'000'000'000'000}};
  std::unique_ptr<Random> random_ = make_seeded_random(11);
  std::unique_ptr<store::Store> store_ = store::make_memory_store(KmsService::tables());
  FakeIam iam_;
  std::string folder_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<KmsService> service_;
};

TEST_F(KmsTest, every_changed_byte_of_a_ciphertext_is_noticed) {
  const std::string key = create();
  const std::string ciphertext = encrypt(key, "secret", {{"a", "1"}});
  ASSERT_EQ(decrypt(ciphertext, {{"a", "1"}}).value(), "secret");
  for (std::size_t at = 0; at < ciphertext.size(); ++at) {
    std::string damaged = ciphertext;
    damaged[at] = char(damaged[at] ^ 1);
    EXPECT_NE(decrypt_code(damaged, {{"a", "1"}}), "ok") << at;
  }
  EXPECT_EQ(decrypt_code(ciphertext.substr(0, 30), {{"a", "1"}}), "InvalidCiphertextException");
  EXPECT_EQ(decrypt_code(ciphertext + "x", {{"a", "1"}}), "InvalidCiphertextException");
}

TEST_F(KmsTest, the_encryption_context_must_be_the_same) {
  const std::string key = create();
  const std::string ciphertext = encrypt(key, "secret", {{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(decrypt_code(ciphertext, {{"b", "2"}, {"a", "1"}}), "ok");
  for (const EncryptionContext& other :
       {EncryptionContext{}, EncryptionContext{{"a", "1"}},
        EncryptionContext{{"a", "1"}, {"b", "3"}}, EncryptionContext{{"a", "1b"}, {"", "2"}},
        EncryptionContext{{"a1", ""}, {"b", "2"}}})
    EXPECT_EQ(decrypt_code(ciphertext, other), "InvalidCiphertextException");
}

TEST_F(KmsTest, the_named_key_must_be_that_of_the_ciphertext) {
  const std::string key = create(), other = create();
  const std::string ciphertext = encrypt(key, "secret");
  EXPECT_EQ(decrypt_code(ciphertext, {}, key), "ok");
  EXPECT_EQ(decrypt_code(ciphertext, {}, other), "IncorrectKeyException");
}

TEST_F(KmsTest, rotation_by_the_clock_keeps_old_ciphertexts_readable) {
  const std::string key = create();
  EXPECT_EQ(code<op::EnableKeyRotation>({key, 90}), "ok");
  const std::string old = encrypt(key, "old");
  clock_.advance(std::chrono::days(89));
  ASSERT_TRUE(service_->sweep(clock_.now()));
  EXPECT_EQ(call<op::ListKeyRotations>({key}).value().rotations->size(), 0u);
  clock_.advance(std::chrono::days(2));
  ASSERT_TRUE(service_->sweep(clock_.now()));
  ASSERT_TRUE(service_->sweep(clock_.now()));
  const auto rotations = *call<op::ListKeyRotations>({key}).value().rotations;
  ASSERT_EQ(rotations.size(), 1u);
  EXPECT_EQ(rotations[0].rotation_type, "AUTOMATIC");
  EXPECT_EQ(code<op::RotateKeyOnDemand>({key}), "ok");
  const std::string fresh = encrypt(key, "new");
  EXPECT_EQ(fresh[20], 3);  // made with the third material
  start();
  EXPECT_EQ(decrypt(old).value(), "old");
  EXPECT_EQ(decrypt(fresh).value(), "new");
}

TEST_F(KmsTest, a_key_is_gone_with_all_its_rows_when_its_waiting_period_ends) {
  const std::string key = create();
  const std::string ciphertext = encrypt(key, "secret");
  ASSERT_EQ(code<op::CreateAlias>({"alias/mine", key}), "ok");
  api::kms::CreateGrantRequest grant;
  grant.key_id = key;
  grant.grantee_principal = "arn:aws:iam::123456789012:role/r";
  grant.operations_ = {"Decrypt"};
  ASSERT_EQ(code<op::CreateGrant>(grant), "ok");
  ASSERT_EQ(code<op::ScheduleKeyDeletion>({key, 7}), "ok");
  EXPECT_EQ(code<op::ScheduleKeyDeletion>({key, 7}), "KMSInvalidStateException");
  EXPECT_EQ(decrypt_code(ciphertext), "KMSInvalidStateException");
  clock_.advance(std::chrono::days(6));
  ASSERT_TRUE(service_->sweep(clock_.now()));
  EXPECT_EQ(code<op::CancelKeyDeletion>({key}), "ok");
  EXPECT_EQ(decrypt_code(ciphertext), "DisabledException");
  ASSERT_EQ(code<op::EnableKey>({key}), "ok");
  EXPECT_EQ(decrypt_code(ciphertext), "ok");
  ASSERT_EQ(code<op::ScheduleKeyDeletion>({key, 7}), "ok");
  clock_.advance(std::chrono::days(7));
  // Before the sweep already, and even where the clock is in doubt.
  EXPECT_EQ(code<op::DescribeKey>({key}), "NotFoundException");
  EXPECT_EQ(code<op::CancelKeyDeletion>({key}), "NotFoundException");
  ASSERT_TRUE(service_->sweep(clock_.now() + -std::chrono::days(1)));
  EXPECT_EQ(rows("kms_keys"), 1u);
  ASSERT_TRUE(service_->sweep(clock_.now()));
  EXPECT_EQ(rows("kms_keys") + rows("kms_aliases") + rows("kms_grants"), 0u);
  EXPECT_EQ(decrypt_code(ciphertext), "AccessDeniedException");
}

TEST_F(KmsTest, without_the_right_root_key_the_service_does_not_open) {
  create();
  const auto reopen = [&] {
    auto opened = RootKeyFile::open(file(), *store_, *random_);
    return opened ? std::string("ok") : opened.error().code + ": " + opened.error().message;
  };
  EXPECT_EQ(reopen(), "ok");
  EXPECT_EQ(std::filesystem::status(file()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::rename(file(), folder_ + "/kept");
  EXPECT_THAT(reopen(), testing::HasSubstr("is missing; restore it from a backup"));
  std::ofstream(file()) << R"({"Key": ")" << encode_base64(std::string(32, 'x')) << "\"}";
  std::filesystem::permissions(file(), std::filesystem::perms::owner_read);
  EXPECT_THAT(reopen(), testing::HasSubstr("is not the one with which"));
  std::filesystem::permissions(file(), std::filesystem::perms::all);
  EXPECT_THAT(reopen(), testing::HasSubstr("may be read by others; run: chmod 600"));
  std::filesystem::rename(folder_ + "/kept", file());
  EXPECT_EQ(reopen(), "ok");
}

TEST_F(KmsTest, wrapped_material_cannot_be_moved_to_another_key) {
  const std::string one = create(), other = create();
  auto first = *keys_table().get(*store_, one).value();
  auto second = *keys_table().get(*store_, other).value();
  second.record.materials = first.record.materials;
  store::Transaction transaction;
  keys_table().put(transaction, other, second.record, second.version);
  ASSERT_TRUE(store_->commit(std::move(transaction)));
  api::kms::EncryptRequest request;
  request.key_id = other;
  request.plaintext.bytes = "x";
  EXPECT_EQ(code<op::Encrypt>(request), "KMSInternalException");
}

TEST_F(KmsTest, grants_are_found_by_principal_operation_and_constraint) {
  const std::string key = create();
  const std::string role = "arn:aws:iam::123456789012:role/r";
  api::kms::CreateGrantRequest request;
  request.key_id = key;
  request.grantee_principal = role;
  request.operations_ = {"Decrypt", "DescribeKey", "CreateGrant"};
  request.constraints.ensure().encryption_context_subset = EncryptionContext{{"dept", "it"}};
  const auto made = call<op::CreateGrant>(request).value();
  const std::string arn = "arn:aws:kms:us-east-1:123456789012:key/" + key;
  const std::string session = "arn:aws:sts::123456789012:assumed-role/r/s";
  const auto granted = [&](const char* action, const iam::ConditionContext& keys,
                           const std::string& of_role) {
    return service_->access().grants(arn, action, {kAccount, session, of_role}, keys).value();
  };
  const iam::ConditionContext right{{"kms:EncryptionContext:dept", {"it"}},
                                    {"kms:EncryptionContext:more", {"x"}}};
  EXPECT_TRUE(granted("kms:Decrypt", right, role));
  EXPECT_FALSE(granted("kms:Decrypt", right, role + "x"));
  EXPECT_FALSE(granted("kms:Encrypt", right, role));
  EXPECT_FALSE(granted("kms:Decrypt", {}, role));
  EXPECT_FALSE(granted("kms:Decrypt", {{"kms:EncryptionContext:dept", {"hr"}}}, role));
  EXPECT_TRUE(granted("kms:DescribeKey", {}, role));
  EXPECT_FALSE(granted("kms:CreateGrant", {{"kms:GrantOperations", {"Decrypt"}}}, role));
  // Without a constraint it may be handed on, but not with more than it has.
  request.constraints.reset();
  ASSERT_EQ(code<op::CreateGrant>(request), "ok");
  EXPECT_TRUE(granted("kms:CreateGrant", {{"kms:GrantOperations", {"Decrypt"}}}, role));
  EXPECT_FALSE(granted("kms:CreateGrant", {{"kms:GrantOperations", {"Decrypt", "Encrypt"}}}, role));
  api::kms::RetireGrantRequest retire;
  retire.grant_token = *made.grant_token;
  EXPECT_EQ(code<op::RetireGrant>(retire), "ok");
  EXPECT_EQ(code<op::RetireGrant>(retire), "NotFoundException");
  retire.grant_token = encode_base64(std::string(100, 'x'));
  EXPECT_EQ(code<op::RetireGrant>(retire), "InvalidGrantTokenException");
}

TEST_F(KmsTest, a_named_grant_is_made_once) {
  api::kms::CreateGrantRequest request;
  request.key_id = create();
  request.grantee_principal = "arn:aws:iam::123456789012:role/r";
  request.operations_ = {"Decrypt"};
  request.name = "n";
  const auto once = call<op::CreateGrant>(request).value();
  const auto twice = call<op::CreateGrant>(request).value();
  EXPECT_EQ(once.grant_id, twice.grant_id);
  EXPECT_NE(once.grant_token, twice.grant_token);
  request.operations_ = {"Encrypt"};
  EXPECT_NE(call<op::CreateGrant>(request).value().grant_id, once.grant_id);
}

TEST_F(KmsTest, data_keys_have_the_asked_size) {
  api::kms::GenerateDataKeyRequest request;
  request.key_id = create();
  EXPECT_EQ(code<op::GenerateDataKey>(request), "ValidationException");
  request.number_of_bytes = 64;
  auto made = call<op::GenerateDataKey>(request).value();
  EXPECT_EQ(made.plaintext->bytes.size(), 64u);
  EXPECT_EQ(decrypt(made.ciphertext_blob->bytes).value(), made.plaintext->bytes);
  request.key_spec = "AES_128";
  EXPECT_EQ(code<op::GenerateDataKey>(request), "ValidationException");
  request.number_of_bytes.reset();
  EXPECT_EQ(call<op::GenerateDataKey>(request).value().plaintext->bytes.size(), 16u);
  request.dry_run = true;
  EXPECT_EQ(code<op::GenerateDataKey>(request), "DryRunOperationException");
}

// RFC 8032, 7.1, test 2: signatures of Ed25519 are the same for everybody.
TEST(Asymmetric, ed25519_agrees_with_the_rfc) {
  const std::string public_der =
      decode_hex(
          "302a300506032b6570032100"
          "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
          .value();
  const std::string private_der =
      decode_hex(
          "302e020100300506032b657004220420"
          "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
          .value();
  const std::string signature =
      decode_hex(
          "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
          "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
          .value();
  EXPECT_EQ(sign(private_der, "ED25519_SHA_512", "\x72", false).value(), signature);
  EXPECT_TRUE(verify(public_der, "ED25519_SHA_512", "\x72", false, signature).value());
  EXPECT_FALSE(verify(public_der, "ED25519_SHA_512", "\x73", false, signature).value());
}

}  // namespace
}  // namespace tidemill::services::kms

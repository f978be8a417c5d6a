"""AWS Key Management Service through boto3. What clients can compute themselves is checked with openssl."""
import hashlib
import json

import pytest
from botocore.exceptions import ClientError
from helpers import aws_error, unique
from support import openssl


@pytest.fixture(scope="module")
def kms(server):
    return server.client("kms")


@pytest.fixture(scope="module")
def account(server):
    return server.client("sts").get_caller_identity()["Account"]


@pytest.fixture(scope="module")
def key(kms):
    return kms.create_key(Description="of the tests")["KeyMetadata"]


def make(kms, spec, usage):
    return kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]


def test_a_key_is_described_as_aws_does(kms, key, account):
    shown = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    assert shown["Arn"] == f"arn:aws:kms:us-east-1:{account}:key/{key['KeyId']}" == key["Arn"]
    assert shown["KeyState"] == "Enabled" and shown["Enabled"] is True and shown["AWSAccountId"] == account
    assert shown["KeySpec"] == shown["CustomerMasterKeySpec"] == "SYMMETRIC_DEFAULT"
    assert shown["KeyUsage"] == "ENCRYPT_DECRYPT" and shown["EncryptionAlgorithms"] == ["SYMMETRIC_DEFAULT"]
    assert shown["KeyManager"] == "CUSTOMER" and shown["Origin"] == "AWS_KMS" and shown["MultiRegion"] is False
    assert shown["Description"] == "of the tests" and len(shown["CurrentKeyMaterialId"]) == 64
    kms.update_key_description(KeyId=key["Arn"], Description="changed")
    assert kms.describe_key(KeyId=key["Arn"])["KeyMetadata"]["Description"] == "changed"


def test_encrypt_and_decrypt_with_a_context_in_any_order(kms, key):
    made = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"secret", EncryptionContext={"a": "1", "b": "2"})
    assert made["KeyId"] == key["Arn"] and b"secret" not in made["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"b": "2", "a": "1"})
    assert opened["Plaintext"] == b"secret" and opened["KeyId"] == key["Arn"]
    assert opened["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    for context in ({}, {"a": "1"}, {"a": "2", "b": "1"}):
        with aws_error("InvalidCiphertextException"):
            kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=context)
    with aws_error("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=b"nothing of ours")
    with aws_error("DryRunOperationException"):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", DryRun=True)


def test_data_keys_and_re_encryption(kms, key):
    other = kms.create_key()["KeyMetadata"]
    made = kms.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256", EncryptionContext={"a": "1"})
    assert len(made["Plaintext"]) == 32
    hidden = kms.generate_data_key_without_plaintext(KeyId=key["KeyId"], NumberOfBytes=24)
    assert "Plaintext" not in hidden and len(kms.decrypt(CiphertextBlob=hidden["CiphertextBlob"])["Plaintext"]) == 24
    moved = kms.re_encrypt(CiphertextBlob=made["CiphertextBlob"], SourceEncryptionContext={"a": "1"},
                           DestinationKeyId=other["KeyId"], DestinationEncryptionContext={"c": "3"})
    assert (moved["SourceKeyId"], moved["KeyId"]) == (key["Arn"], other["Arn"])
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"c": "3"}, KeyId=other["Arn"])
    assert opened["Plaintext"] == made["Plaintext"]
    with aws_error("IncorrectKeyException"):
        kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"c": "3"}, KeyId=key["Arn"])
    assert len(kms.generate_random(NumberOfBytes=33)["Plaintext"]) == 33


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_EDWARDS25519"])
def test_data_key_pairs(kms, key, spec):
    made = kms.generate_data_key_pair(KeyId=key["KeyId"], KeyPairSpec=spec)
    assert openssl.public_of(made["PrivateKeyPlaintext"]) == made["PublicKey"]
    assert kms.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"])["Plaintext"] == made["PrivateKeyPlaintext"]
    assert "PrivateKeyPlaintext" not in kms.generate_data_key_pair_without_plaintext(KeyId=key["KeyId"], KeyPairSpec=spec)


def test_rsa_signatures_verify_outside(kms):
    made = make(kms, "RSA_2048", "SIGN_VERIFY")
    public = kms.get_public_key(KeyId=made["KeyId"])["PublicKey"]
    for name in ("RSASSA_PKCS1_V1_5_SHA_", "RSASSA_PSS_SHA_"):
        for bits in ("256", "384", "512"):
            signature = kms.sign(KeyId=made["KeyId"], Message=b"m", SigningAlgorithm=name + bits)["Signature"]
            openssl.verify(public, "sha" + bits, signature, b"m", pss="PSS" in name)
    checked = kms.verify(KeyId=made["KeyId"], Message=hashlib.sha512(b"m").digest(), MessageType="DIGEST", Signature=signature,
                         SigningAlgorithm="RSASSA_PSS_SHA_512")
    assert checked["SignatureValid"] is True
    with aws_error("KMSInvalidSignatureException"):
        kms.verify(KeyId=made["KeyId"], Message=b"n", Signature=signature, SigningAlgorithm="RSASSA_PSS_SHA_512")
    with aws_error("ValidationException"):
        kms.sign(KeyId=made["KeyId"], Message=b"short", MessageType="DIGEST", SigningAlgorithm="RSASSA_PSS_SHA_512")
    with aws_error("InvalidKeyUsageException"):
        kms.encrypt(KeyId=made["KeyId"], Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")


@pytest.mark.parametrize("spec, bits", [("ECC_NIST_P256", "256"), ("ECC_NIST_P384", "384"), ("ECC_NIST_P521", "512"),
                                        ("ECC_SECG_P256K1", "256")])
def test_elliptic_curve_signatures_verify_outside(kms, spec, bits):
    made = make(kms, spec, "SIGN_VERIFY")
    assert made["SigningAlgorithms"] == ["ECDSA_SHA_" + bits]
    signature = kms.sign(KeyId=made["KeyId"], Message=b"m", SigningAlgorithm="ECDSA_SHA_" + bits)["Signature"]
    openssl.verify(kms.get_public_key(KeyId=made["KeyId"])["PublicKey"], "sha" + bits, signature, b"m")


def test_ed25519(kms):
    made = make(kms, "ECC_NIST_EDWARDS25519", "SIGN_VERIFY")
    signature = kms.sign(KeyId=made["KeyId"], Message=b"m", SigningAlgorithm="ED25519_SHA_512")["Signature"]
    openssl.verify_ed25519(kms.get_public_key(KeyId=made["KeyId"])["PublicKey"], signature, b"m")


@pytest.mark.parametrize("algorithm, digest", [("RSAES_OAEP_SHA_1", "sha1"), ("RSAES_OAEP_SHA_256", "sha256")])
def test_rsa_encryption_made_outside_is_opened(kms, algorithm, digest):
    made = make(kms, "RSA_3072", "ENCRYPT_DECRYPT")
    sealed = openssl.encrypt_oaep(kms.get_public_key(KeyId=made["KeyId"])["PublicKey"], digest, b"secret")
    assert kms.decrypt(KeyId=made["KeyId"], CiphertextBlob=sealed, EncryptionAlgorithm=algorithm)["Plaintext"] == b"secret"
    sealed = kms.encrypt(KeyId=made["KeyId"], Plaintext=b"x" * 300, EncryptionAlgorithm=algorithm)["CiphertextBlob"]
    assert kms.decrypt(KeyId=made["KeyId"], CiphertextBlob=sealed, EncryptionAlgorithm=algorithm)["Plaintext"] == b"x" * 300
    with aws_error("ValidationException"):
        kms.encrypt(KeyId=made["KeyId"], Plaintext=b"x" * 343, EncryptionAlgorithm=algorithm)


def test_macs_and_shared_secrets(kms):
    made = make(kms, "HMAC_256", "GENERATE_VERIFY_MAC")
    mac = kms.generate_mac(KeyId=made["KeyId"], Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
    assert len(mac) == 32
    assert kms.verify_mac(KeyId=made["KeyId"], Message=b"m", MacAlgorithm="HMAC_SHA_256", Mac=mac)["MacValid"] is True
    with aws_error("KMSInvalidMacException"):
        kms.verify_mac(KeyId=made["KeyId"], Message=b"n", MacAlgorithm="HMAC_SHA_256", Mac=mac)
    agreeing = make(kms, "ECC_NIST_P384", "KEY_AGREEMENT")
    ours = openssl.generate_ec("P-384")
    secret = kms.derive_shared_secret(KeyId=agreeing["KeyId"], KeyAgreementAlgorithm="ECDH",
                                      PublicKey=openssl.public_of(ours))["SharedSecret"]
    assert secret == openssl.derive(ours, kms.get_public_key(KeyId=agreeing["KeyId"])["PublicKey"])
    with aws_error("ValidationException"):
        kms.derive_shared_secret(KeyId=agreeing["KeyId"], KeyAgreementAlgorithm="ECDH",
                                 PublicKey=openssl.public_of(openssl.generate_ec("P-256")))


def test_states(kms):
    made = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=made, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=made)
    with aws_error("DisabledException"):
        kms.decrypt(CiphertextBlob=sealed)
    assert kms.describe_key(KeyId=made)["KeyMetadata"]["Enabled"] is False
    kms.enable_key(KeyId=made)
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    answer = kms.schedule_key_deletion(KeyId=made, PendingWindowInDays=7)
    assert answer["KeyState"] == "PendingDeletion" and answer["PendingWindowInDays"] == 7
    assert kms.describe_key(KeyId=made)["KeyMetadata"]["DeletionDate"] == answer["DeletionDate"]
    for refused in (lambda: kms.decrypt(CiphertextBlob=sealed), lambda: kms.enable_key(KeyId=made),
                    lambda: kms.tag_resource(KeyId=made, Tags=[{"TagKey": "a", "TagValue": "b"}])):
        with aws_error("KMSInvalidStateException"):
            refused()
    kms.cancel_key_deletion(KeyId=made)
    assert kms.describe_key(KeyId=made)["KeyMetadata"]["KeyState"] == "Disabled"
    with aws_error("KMSInvalidStateException"):
        kms.cancel_key_deletion(KeyId=made)
    with aws_error("ValidationException"):
        kms.schedule_key_deletion(KeyId=made, PendingWindowInDays=6)


def test_aliases(kms, key):
    name, other = "alias/" + unique(), kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
    sealed = kms.encrypt(KeyId=name, Plaintext=b"x")["CiphertextBlob"]
    with aws_error("AlreadyExistsException"):
        kms.create_alias(AliasName=name, TargetKeyId=other["KeyId"])
    kms.update_alias(AliasName=name, TargetKeyId=other["KeyId"])
    assert kms.encrypt(KeyId=name, Plaintext=b"x")["KeyId"] == other["Arn"]
    assert kms.decrypt(CiphertextBlob=sealed)["KeyId"] == key["Arn"]
    [alias] = kms.list_aliases(KeyId=other["KeyId"])["Aliases"]
    assert alias["AliasName"] == name and alias["TargetKeyId"] == other["KeyId"]
    assert alias["AliasArn"] == other["Arn"].replace("key/" + other["KeyId"], name)
    assert kms.describe_key(KeyId=alias["AliasArn"])["KeyMetadata"]["Arn"] == other["Arn"]
    with aws_error("NotFoundException"):
        kms.disable_key(KeyId=name)  # takes no aliases
    with aws_error("ValidationException"):
        kms.update_alias(AliasName=name, TargetKeyId=make(kms, "HMAC_256", "GENERATE_VERIFY_MAC")["KeyId"])
    kms.delete_alias(AliasName=name)
    with aws_error("NotFoundException"):
        kms.describe_key(KeyId=name)
    for bad, code in (("mine", "ValidationException"), ("alias/", "ValidationException"),
                      ("alias/aws/mine", "NotAuthorizedException")):
        with aws_error(code):
            kms.create_alias(AliasName=bad, TargetKeyId=key["KeyId"])


def test_predefined_aliases_have_keys_that_aws_manages(kms):
    shown = kms.describe_key(KeyId="alias/aws/sqs")["KeyMetadata"]
    assert shown["KeyManager"] == "AWS" and shown == kms.describe_key(KeyId="alias/aws/sqs")["KeyMetadata"]
    policy = json.loads(kms.get_key_policy(KeyId=shown["KeyId"])["Policy"])
    assert policy["Statement"][0]["Condition"]["StringEquals"]["kms:ViaService"] == "sqs.us-east-1.amazonaws.com"
    for refused in (lambda: kms.encrypt(KeyId="alias/aws/sqs", Plaintext=b"x"),
                    lambda: kms.disable_key(KeyId=shown["KeyId"]),
                    lambda: kms.schedule_key_deletion(KeyId=shown["KeyId"])):
        with aws_error("AccessDeniedException"):
            refused()


def test_rotation(kms, key):
    made = kms.create_key()["KeyMetadata"]["KeyId"]
    assert kms.get_key_rotation_status(KeyId=made)["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=made, RotationPeriodInDays=180)
    status = kms.get_key_rotation_status(KeyId=made)
    assert status["KeyRotationEnabled"] is True and status["RotationPeriodInDays"] == 180 and status["NextRotationDate"]
    old = kms.encrypt(KeyId=made, Plaintext=b"old")["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=made)
    assert kms.decrypt(CiphertextBlob=old)["Plaintext"] == b"old"
    new = kms.encrypt(KeyId=made, Plaintext=b"new")["CiphertextBlob"]
    first, second = (kms.decrypt(CiphertextBlob=blob)["KeyMaterialId"] for blob in (old, new))
    assert first != second == kms.describe_key(KeyId=made)["KeyMetadata"]["CurrentKeyMaterialId"]
    [rotation] = kms.list_key_rotations(KeyId=made)["Rotations"]
    assert rotation["RotationType"] == "ON_DEMAND" and rotation["KeyMaterialId"] == second
    shown = kms.list_key_rotations(KeyId=made, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert [each["KeyMaterialState"] for each in shown] == ["NON_CURRENT", "CURRENT"]
    kms.disable_key_rotation(KeyId=made)
    assert kms.get_key_rotation_status(KeyId=made)["KeyRotationEnabled"] is False
    with aws_error("UnsupportedOperationException"):
        kms.enable_key_rotation(KeyId=make(kms, "RSA_2048", "SIGN_VERIFY")["KeyId"])


def test_grants_are_listed_revoked_and_retired(kms, account):
    made = kms.create_key()["KeyMetadata"]
    role = f"arn:aws:iam::{account}:role/someone"
    first = kms.create_grant(KeyId=made["KeyId"], GranteePrincipal=role, Operations=["Decrypt", "DescribeKey"],
                             Constraints={"EncryptionContextSubset": {"a": "1"}}, Name="first")
    second = kms.create_grant(KeyId=made["Arn"], GranteePrincipal=role, RetiringPrincipal=role, Operations=["Encrypt"])
    listed = {grant["GrantId"]: grant for grant in kms.list_grants(KeyId=made["KeyId"])["Grants"]}
    assert set(listed) == {first["GrantId"], second["GrantId"]}
    shown = listed[first["GrantId"]]
    assert shown["KeyId"] == made["Arn"] and shown["Name"] == "first" and shown["GranteePrincipal"] == role
    assert shown["Operations"] == ["Decrypt", "DescribeKey"]
    assert shown["Constraints"] == {"EncryptionContextSubset": {"a": "1"}}
    assert shown["IssuingAccount"] == f"arn:aws:iam::{account}:root"
    page = kms.list_grants(KeyId=made["KeyId"], Limit=1)
    assert page["Truncated"] is True and len(page["Grants"]) == 1
    rest = kms.list_grants(KeyId=made["KeyId"], Limit=1, Marker=page["NextMarker"])
    assert {page["Grants"][0]["GrantId"], rest["Grants"][0]["GrantId"]} == set(listed)
    assert [grant["GrantId"] for grant in kms.list_retirable_grants(RetiringPrincipal=role)["Grants"]] == [second["GrantId"]]
    kms.revoke_grant(KeyId=made["KeyId"], GrantId=first["GrantId"])
    kms.retire_grant(GrantToken=second["GrantToken"])
    assert kms.list_grants(KeyId=made["KeyId"])["Grants"] == []
    with aws_error("InvalidGrantIdException"):
        kms.revoke_grant(KeyId=made["KeyId"], GrantId=first["GrantId"])
    with aws_error("ValidationException"):
        kms.create_grant(KeyId=made["KeyId"], GranteePrincipal=role, Operations=["Sign"])
    with aws_error("InvalidArnException"):
        kms.create_grant(KeyId=made["KeyId"], GranteePrincipal="somebody", Operations=["Decrypt"])


def test_policies(kms, account):
    made = kms.create_key()["KeyMetadata"]["KeyId"]
    policy = json.loads(kms.get_key_policy(KeyId=made, PolicyName="default")["Policy"])
    assert policy["Id"] == "key-default-1"
    [statement] = policy["Statement"]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{account}:root"} and statement["Action"] == "kms:*"
    assert kms.list_key_policies(KeyId=made)["PolicyNames"] == ["default"]
    statement["Action"] = ["kms:Describe*", "kms:Get*", "kms:PutKeyPolicy"]
    kms.put_key_policy(KeyId=made, PolicyName="default", Policy=json.dumps(policy))
    # Root too is bound by a key's policy.
    with aws_error("AccessDeniedException"):
        kms.encrypt(KeyId=made, Plaintext=b"x")
    statement["Action"] = ["kms:Describe*"]
    with aws_error("MalformedPolicyDocumentException"):
        kms.put_key_policy(KeyId=made, Policy=json.dumps(policy))
    with aws_error("MalformedPolicyDocumentException"):
        kms.put_key_policy(KeyId=made, Policy='{"Statement": "no"}')
    kms.put_key_policy(KeyId=made, Policy=json.dumps(policy), BypassPolicyLockoutSafetyCheck=True)
    with aws_error("AccessDeniedException"):
        kms.put_key_policy(KeyId=made, Policy=json.dumps(policy))


def test_tags_and_pages(kms):
    made = kms.create_key(Tags=[{"TagKey": f"k{i}", "TagValue": str(i)} for i in range(5)])["KeyMetadata"]["KeyId"]
    pages = list(kms.get_paginator("list_resource_tags").paginate(KeyId=made, PaginationConfig={"PageSize": 2}))
    assert [len(page["Tags"]) for page in pages] == [2, 2, 1]
    kms.tag_resource(KeyId=made, Tags=[{"TagKey": "k0", "TagValue": "new"}])
    kms.untag_resource(KeyId=made, TagKeys=["k1", "none"])
    tags = {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=made)["Tags"]}
    assert tags == {"k0": "new", "k2": "2", "k3": "3", "k4": "4"}
    with aws_error("TagException"):
        kms.tag_resource(KeyId=made, Tags=[{"TagKey": "aws:x", "TagValue": "y"}])
    every = [key["KeyId"] for page in kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 3})
             for key in page["Keys"]]
    assert made in every and len(every) == len(set(every))
    with aws_error("InvalidMarkerException"):
        kms.list_keys(Marker="zz")


@pytest.mark.parametrize("given", [{"MultiRegion": True}, {"Origin": "EXTERNAL"}, {"KeySpec": "ML_DSA_44", "KeyUsage": "SIGN_VERIFY"},
                                   {"KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"}])
def test_what_is_not_supported_is_refused_by_name(kms, given):
    with pytest.raises(ClientError) as refused:
        kms.create_key(**given)
    assert refused.value.response["Error"]["Code"] == "UnsupportedOperationException"
    assert next(iter(given)) in refused.value.response["Error"]["Message"]


@pytest.mark.parametrize("given, code", [
    ({"KeySpec": "RSA_2048"}, "ValidationException"), ({"KeySpec": "RSA_2048", "KeyUsage": "GENERATE_VERIFY_MAC"}, "ValidationException"),
    ({"KeySpec": "HMAC_256", "KeyUsage": "ENCRYPT_DECRYPT"}, "ValidationException"),
    ({"KeySpec": "RSA_2048", "CustomerMasterKeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}, "ValidationException")])
def test_wrong_keys_are_refused(kms, given, code):
    with aws_error(code):
        kms.create_key(**given)


def test_unknown_keys(kms, account):
    with aws_error("NotFoundException"):
        kms.describe_key(KeyId="11111111-2222-4333-8444-555555555555")
    with aws_error("NotFoundException"):
        kms.describe_key(KeyId=f"arn:aws:kms:eu-west-1:{account}:key/11111111-2222-4333-8444-555555555555")
    with aws_error("InvalidArnException"):
        kms.describe_key(KeyId="arn:aws:s3:::bucket")


def test_import_of_material_is_refused_by_name(kms, key):
    with pytest.raises(ClientError) as refused:
        kms.get_parameters_for_import(KeyId=key["KeyId"], WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
    assert "GetParametersForImport of KMS is not implemented by Tidemill" in refused.value.response["Error"]["Message"]

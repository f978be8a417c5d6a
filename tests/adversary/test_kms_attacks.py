"""Attacks on KMS: callers without permission, forged calls from inside, key material on the disk, a lost root key."""
import base64
import json
import shutil
import socket

import pytest
from botocore.exceptions import ClientError
from callers import ALL, Callers, document
from support.server import Server

KMS_ALL = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}


@pytest.fixture(scope="module")
def callers(server):
    return Callers(server)


@pytest.fixture(scope="module")
def kms(server):
    return server.client("kms")


def as_role(server, callers, name, *statements):
    """A KMS client of a session of a new role."""
    arn = callers.make_role(name, *statements)
    credentials = callers.session(role=arn)
    return arn, server.client("kms", aws_access_key_id=credentials["AccessKeyId"],
                              aws_secret_access_key=credentials["SecretAccessKey"],
                              aws_session_token=credentials["SessionToken"])


def code_of(call, **given):
    try:
        call(**given)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "ok"


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def of_root(account, **more):
    return {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "kms:*", "Resource": "*", **more}


def test_a_role_without_the_permission_cannot_decrypt(server, callers, kms):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    _, nobody = as_role(server, callers, "kms-nobody")
    _, encrypter = as_role(server, callers, "kms-encrypter", {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": key})
    assert code_of(nobody.decrypt, CiphertextBlob=sealed) == "AccessDeniedException"
    assert code_of(encrypter.decrypt, CiphertextBlob=sealed) == "AccessDeniedException"
    assert code_of(encrypter.encrypt, KeyId=key, Plaintext=b"x") == "ok"
    # Naming a key that it may use does not help with a ciphertext of another one.
    own = kms.create_key()["KeyMetadata"]["Arn"]
    _, other = as_role(server, callers, "kms-other", {"Effect": "Allow", "Action": "kms:*", "Resource": own})
    assert code_of(other.decrypt, CiphertextBlob=sealed, KeyId=own) == "IncorrectKeyException"
    assert code_of(other.re_encrypt, CiphertextBlob=sealed, DestinationKeyId=own) == "AccessDeniedException"
    assert code_of(other.create_grant, KeyId=key, GranteePrincipal=callers.role, Operations=["Decrypt"]) == "AccessDeniedException"
    # An alias gives no access to a key that the role may not use, and the role cannot make one for that key.
    kms.create_alias(AliasName="alias/foreign", TargetKeyId=key)
    assert code_of(other.encrypt, KeyId="alias/foreign", Plaintext=b"x") == "AccessDeniedException"
    assert code_of(other.create_alias, AliasName="alias/stolen", TargetKeyId=key) == "AccessDeniedException"


def test_without_the_roots_statement_iam_policies_allow_nothing(server, callers, kms):
    arn, admin = as_role(server, callers, "kms-admin", ALL)
    key = kms.create_key(Policy=policy(
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{callers.account}:root"}, "Action": "kms:PutKeyPolicy", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": callers.role}, "Action": "kms:Encrypt", "Resource": "*"}))["KeyMetadata"]["Arn"]
    assert code_of(admin.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    assert code_of(kms.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    assert callers.call(callers.session(), "kms", "Encrypt", KeyId=key, Plaintext=b"x") == "ok"
    # The session's own narrowing still counts for what the policy gives its role.
    narrow = callers.session({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    assert callers.call(narrow, "kms", "Encrypt", KeyId=key, Plaintext=b"x") == "denied"


def test_conditions_on_the_encryption_context_hold(server, callers, kms):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    _, it = as_role(server, callers, "kms-it", {
        "Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*",
        "Condition": {"StringEquals": {"kms:EncryptionContext:dept": "it"}}})
    assert code_of(it.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={"dept": "it", "more": "y"}) == "ok"
    for context in ({}, {"dept": "hr"}, {"other": "it"}):
        assert code_of(it.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext=context) == "AccessDeniedException"


def test_grants_open_exactly_what_they_say(server, callers, kms):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    arn, role = as_role(server, callers, "kms-granted")
    ours = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"dept": "it"})["CiphertextBlob"]
    other = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert code_of(role.decrypt, CiphertextBlob=ours, EncryptionContext={"dept": "it"}) == "AccessDeniedException"
    grant = kms.create_grant(KeyId=key, GranteePrincipal=arn, RetiringPrincipal=arn, Operations=["Decrypt"],
                             Constraints={"EncryptionContextEquals": {"dept": "it"}})
    assert role.decrypt(CiphertextBlob=ours, EncryptionContext={"dept": "it"})["Plaintext"] == b"x"
    assert code_of(role.decrypt, CiphertextBlob=other) == "AccessDeniedException"
    assert code_of(role.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={"dept": "it"}) == "AccessDeniedException"
    callers.put_policy("kms-granted", {"Effect": "Deny", "Action": "kms:Decrypt", "Resource": key})
    assert code_of(role.decrypt, CiphertextBlob=ours, EncryptionContext={"dept": "it"}) == "AccessDeniedException"
    callers.put_policy("kms-granted", {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"})
    assert code_of(role.decrypt, CiphertextBlob=ours, EncryptionContext={"dept": "it"}) == "ok"
    _, stranger = as_role(server, callers, "kms-stranger")
    assert code_of(stranger.retire_grant, KeyId=key, GrantId=grant["GrantId"]) == "AccessDeniedException"
    assert code_of(role.retire_grant, GrantToken=grant["GrantToken"]) == "ok"
    assert code_of(role.decrypt, CiphertextBlob=ours, EncryptionContext={"dept": "it"}) == "AccessDeniedException"


def test_a_request_cannot_claim_that_a_service_makes_it(open_server):
    open_server.client("kms").describe_key(KeyId="alias/aws/s3")
    body = json.dumps({"KeyId": "alias/aws/s3", "Plaintext": base64.b64encode(b"x").decode()}).encode()
    for header in (":via-service: s3.us-east-1.amazonaws.com", "via-service: s3.us-east-1.amazonaws.com"):
        head = (f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\nX-Amz-Target: TrentService.Encrypt\r\n"
                "Content-Type: application/x-amz-json-1.1\r\nAuthorization: AWS4-HMAC-SHA256 Credential="
                "123456789012/20261130/us-east-1/kms/aws4_request, SignedHeaders=host, Signature=00\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n").encode()
        with socket.create_connection(("127.0.0.1", open_server.port), timeout=10) as connection:
            connection.sendall(head + body)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        assert answer.split()[1] in (b"400", b"403"), answer
        assert b"CiphertextBlob" not in answer


def base64_forms(secret):
    """What the bytes are within base64 text, at each of its three alignments."""
    for shift in range(3):
        yield base64.b64encode(bytes(shift) + secret)[4:-4]


def test_no_private_key_is_on_the_disk():
    with Server(auth="verify") as server:
        kms = server.client("kms")
        key = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        modulus = kms.get_public_key(KeyId=key)["PublicKey"][40:200]
        server.kill()
        text = b"".join(path.read_bytes() for path in server.data.rglob("*") if path.is_file())
        assert key.encode() in text
        # A private key repeats the modulus. Only the public key has it here, at one alignment of base64.
        assert modulus not in text and modulus.hex().encode() not in text
        assert sum(form in text for form in base64_forms(modulus)) == 1
        server.start()


def test_without_its_root_key_the_server_does_not_start():
    with Server(auth="verify") as server:
        kms = server.client("kms")
        sealed = kms.encrypt(KeyId=kms.create_key()["KeyMetadata"]["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        server.kill()
        path = server.data / "root-encryption-key.json"
        assert path.stat().st_mode & 0o777 == 0o600
        kept = server.data / "kept"
        shutil.move(path, kept)
        with pytest.raises(RuntimeError, match="is missing; restore it from a backup"):
            server.start()
        assert not path.exists()
        path.write_text(json.dumps({"Key": base64.b64encode(bytes(32)).decode()}))
        path.chmod(0o600)
        with pytest.raises(RuntimeError, match="is not the one with which"):
            server.start()
        path.unlink()
        shutil.move(kept, path)
        path.chmod(0o644)
        with pytest.raises(RuntimeError, match="chmod 600"):
            server.start()
        path.chmod(0o600)
        server.start()
        assert server.client("kms").decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"


def deny(action, **condition):
    return {"Effect": "Deny", "Action": action, "Resource": "*", "Condition": condition}


def test_tags_of_requests_are_seen(server, callers, kms):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    by_value = callers.session(ALL, deny("kms:*", StringEquals={"aws:RequestTag/env": "prod"}))
    by_name = callers.session(ALL, deny("kms:*", **{"ForAnyValue:StringEquals": {"aws:TagKeys": "env"}}))
    only_red = callers.session({**KMS_ALL, "Condition": {"StringEquals": {"aws:RequestTag/team": "red"}}})

    def tag(who, **tags):
        return callers.call(who, "kms", "TagResource", KeyId=key,
                            Tags=[{"TagKey": name, "TagValue": value} for name, value in tags.items()])
    assert tag(by_value, env="prod") == "denied"
    assert tag(by_value, ENV="x", env="prod") == "denied"
    assert tag(by_value, env="dev") == "ok"
    assert tag(by_name, env="dev") == "denied"
    assert tag(by_name, team="dev") == "ok"
    assert tag(only_red, team="red") == "ok"
    assert tag(only_red, TEAM="red", team="blue") == "denied"
    assert callers.call(by_value, "kms", "CreateKey", Tags=[{"TagKey": "env", "TagValue": "prod"}]) == "denied"
    trail = callers.session(ALL, deny("cloudtrail:*", StringEquals={"aws:RequestTag/env": "prod"}))
    assert callers.call(trail, "cloudtrail", "CreateTrail", Name="tagged", S3BucketName="no-such-bucket",
                        TagsList=[{"Key": "env", "Value": "prod"}]) == "denied"


@pytest.mark.parametrize("key", ["kms:NoSuchKey", "kms:EncryptonContext:dept"])
def test_a_deny_with_an_unknown_key_applies(callers, kms, key):
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    assert callers.call(callers.session(ALL, deny("kms:*", StringEquals={key: "x"})), "kms", "DescribeKey", KeyId=arn) == "denied"


def test_encryption_contexts_that_differ_in_case(callers, kms):
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    condition = {"StringEquals": {"kms:EncryptionContext:dept": "hr"}}

    def encrypt(who, **context):
        return callers.call(who, "kms", "Encrypt", KeyId=arn, Plaintext=b"x", EncryptionContext=context)
    denied, allowed = callers.session(ALL, deny("kms:*", **condition)), callers.session({**KMS_ALL, "Condition": condition})
    assert encrypt(denied, DEPT="x", dept="hr") == "denied"
    assert encrypt(denied, DEPT="x") == "ok"
    assert encrypt(allowed, dept="hr") == "ok"
    assert encrypt(allowed, DEPT="hr", dept="it") == "denied"


def test_policies_refuse_the_retiring_of_a_grant(server, callers, kms):
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    role, plain = as_role(server, callers, "kms-retirer")
    grant = kms.create_grant(KeyId=arn, GranteePrincipal=role, RetiringPrincipal=role, Operations=["Encrypt"])
    narrowed = callers.session({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, role=role)
    assert callers.call(narrowed, "kms", "RetireGrant", GrantToken=grant["GrantToken"]) == "denied"
    callers.put_policy("kms-retirer", {**KMS_ALL, "Effect": "Deny"})
    assert code_of(plain.retire_grant, GrantToken=grant["GrantToken"]) == "AccessDeniedException"
    callers.iam.delete_role_policy(RoleName="kms-retirer", PolicyName="p")
    assert code_of(plain.retire_grant, GrantToken=grant["GrantToken"]) == "ok"

"""Condition keys in a caller's policies: a Deny applies when its condition is true of the request and does not when it
is false. When this server cannot evaluate a key, a Deny applies and an Allow does not."""
import pytest
from botocore.config import Config
from callers import ALL, Callers

BUCKET = "conditions-bucket"
IMAGE = {"Image": "x"}
TRAINING = dict(
    TrainingJobName="t", RoleArn="arn:aws:iam::123456789012:role/none",
    AlgorithmSpecification={"TrainingImage": "x", "TrainingInputMode": "File"},
    OutputDataConfig={"S3OutputPath": "s3://b/o", "KmsKeyId": "alias/secret"},
    ResourceConfig={"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1,
                    "VolumeKmsKeyId": "11111111-2222-3333-4444-555555555555"},
    StoppingCondition={"MaxRuntimeInSeconds": 3600}, EnableNetworkIsolation=False,
    VpcConfig={"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}, Tags=[{"Key": "team", "Value": "red"}])


@pytest.fixture(scope="module")
def callers(server):
    callers = Callers(server)
    callers.iam.tag_role(RoleName="caller", Tags=[{"Key": "Team", "Value": "red"}])
    s3 = server.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="secret", Body=b"x", Tagging="class=secret")
    s3.put_object(Bucket=BUCKET, Key="plain", Body=b"x")
    server.client("logs").create_log_group(logGroupName="/tagged", tags={"class": "secret"})
    return callers


def ask(callers, key, operator, value, service="s3", operation="GetObject", effect="Deny", **given):
    if not given and service == "s3":
        given = {"Bucket": BUCKET, "Key": "plain"}
    statement = {"Effect": effect, "Action": "*", "Resource": "*", "Condition": {operator: {key: value}}}
    statements = [ALL, statement] if effect == "Deny" else [statement]
    return callers.call(callers.session(*statements), service, operation, **given)


# Key, operator, a value that matches the request, and one that does not.
GLOBAL = [
    ("aws:SecureTransport", "Bool", "false", "true"),
    ("aws:SourceIp", "IpAddress", "127.0.0.0/8", "10.0.0.0/8"),
    ("aws:SourceIp", "NotIpAddress", "10.0.0.0/8", "127.0.0.1"),
    ("aws:CurrentTime", "DateGreaterThan", "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"),
    ("aws:EpochTime", "NumericGreaterThan", "1500000000", "9999999999"),
    ("aws:UserAgent", "StringLike", "*Boto3*", "curl*"),
    ("aws:PrincipalType", "StringEquals", "AssumedRole", "User"),
    ("aws:PrincipalArn", "ArnLike", "arn:aws:iam::*:role/caller", "arn:aws:iam::*:role/other"),
    ("aws:userid", "StringLike", "AROA*:session", "AIDA*"),
    ("aws:PrincipalTag/Team", "StringEquals", "red", "blue"),
    ("aws:principaltag/team", "StringEquals", "red", "blue"),
    ("aws:RequestedRegion", "StringEquals", "us-east-1", "eu-west-1"),
    ("aws:TokenIssueTime", "DateLessThan", "2999-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
    ("aws:MultiFactorAuthPresent", "BoolIfExists", "false", "true"),
    ("aws:ViaAWSService", "Bool", "false", "true"),
    ("aws:PrincipalIsAWSService", "Bool", "false", "true"),
    ("aws:SourceVpce", "StringNotEquals", "vpce-1", None),
    ("aws:SourceVpce", "Null", "true", "false"),
    ("aws:PrincipalOrgID", "StringNotEqualsIfExists", "o-1", None),
    ("aws:SourceAccount", "Null", "true", "false"),
    ("s3:authType", "StringEquals", "REST-HEADER", "REST-QUERY-STRING"),
    ("s3:signatureversion", "StringEquals", "AWS4-HMAC-SHA256", "AWS"),
    ("s3:signatureAge", "NumericLessThan", "600000", "-1"),
    ("s3:TlsVersion", "Null", "true", "false"),  # these requests come without TLS
]


@pytest.mark.parametrize("key, operator, true, false", GLOBAL)
def test_a_deny_by_a_fact_of_the_request(callers, key, operator, true, false):
    assert ask(callers, key, operator, true) == "denied"
    assert ask(callers, key, operator, true, effect="Allow") == "ok"
    if false is not None:
        assert ask(callers, key, operator, false) == "ok"
        assert ask(callers, key, operator, false, effect="Allow") == "denied"


PUT = {"Bucket": BUCKET, "Key": "new", "Body": b"x"}
S3 = [
    ("s3:ExistingObjectTag/class", "secret", "GetObject", {"Bucket": BUCKET, "Key": "secret"}, {"Key": "plain"}),
    ("s3:RequestObjectTag/class", "secret", "PutObject", {**PUT, "Tagging": "class=secret"}, {"Tagging": "class=x"}),
    ("s3:max-keys", "100", "ListObjectsV2", {"Bucket": BUCKET, "MaxKeys": 100}, {"MaxKeys": 10}),
    ("s3:prefix", "a/", "ListObjectsV2", {"Bucket": BUCKET, "Prefix": "a/"}, {"Prefix": "b/"}),
    ("s3:delimiter", "/", "ListObjectsV2", {"Bucket": BUCKET, "Delimiter": "/"}, {"Delimiter": "-"}),
    ("s3:x-amz-acl", "public-read", "PutObject", {**PUT, "ACL": "public-read"}, {"ACL": "private"}),
    ("s3:x-amz-copy-source", f"{BUCKET}/secret", "CopyObject",
     {"Bucket": BUCKET, "Key": "c", "CopySource": f"/{BUCKET}/secret"}, {"CopySource": f"{BUCKET}/plain"}),
    ("s3:if-none-match", "*", "PutObject", {**PUT, "Key": "once", "IfNoneMatch": "*"}, {"Key": "twice", "IfNoneMatch": None}),
]


@pytest.mark.parametrize("key, value, operation, given, other", S3)
def test_a_deny_by_what_an_s3_request_asks(callers, key, value, operation, given, other):
    assert ask(callers, key, "StringEquals", value, "s3", operation, **given) == "denied"
    merged = {name: each for name, each in {**given, **other}.items() if each is not None}
    assert ask(callers, key, "StringEquals", value, "s3", operation, **merged) != "denied"


SAGEMAKER = [
    ("sagemaker:InstanceTypes", "ForAnyValue:StringLike", "ml.p*", "ml.t*"),
    ("sagemaker:VolumeKmsKey", "ArnLike", "arn:aws:kms:us-east-1:*:key/11111111-*", "arn:aws:kms:*:*:key/2*"),
    ("sagemaker:VolumeKmsKeyArn", "ArnLike", "arn:aws:kms:us-east-1:*:key/11111111-*", "arn:aws:kms:*:*:key/2*"),
    ("sagemaker:OutputKmsKey", "ArnLike", "arn:aws:kms:*:*:alias/secret", "arn:aws:kms:*:*:alias/plain"),
    ("sagemaker:NetworkIsolation", "Bool", "false", "true"),
    ("sagemaker:MaxRuntimeInSeconds", "NumericGreaterThan", "60", "36000"),
    ("sagemaker:VpcSubnets", "ForAnyValue:StringEquals", "subnet-1", "subnet-2"),
    ("sagemaker:VpcSecurityGroupIds", "ForAllValues:StringEquals", "sg-1", "sg-2"),
    ("aws:RequestTag/team", "StringEquals", "red", "blue"),
    ("aws:TagKeys", "ForAnyValue:StringEquals", "team", "owner"),
    ("sagemaker:FileSystemId", "Null", "true", "false"),
]


@pytest.mark.parametrize("key, operator, true, false", SAGEMAKER)
def test_a_deny_by_what_a_training_job_asks(callers, key, operator, true, false):
    assert ask(callers, key, operator, true, "sagemaker", "CreateTrainingJob", **TRAINING) == "denied"
    assert ask(callers, key, operator, false, "sagemaker", "CreateTrainingJob", **TRAINING) != "denied"


def test_tags_of_resources(callers):
    answer = ask(callers, "iam:ResourceTag/Team", "StringEquals", "red", "iam", "GetRole", RoleName="CALLER")
    assert answer == "denied"
    for value, expected in (("red", "denied"), ("blue", "ok")):
        assert ask(callers, "aws:ResourceTag/Team", "StringEquals", value, "iam", "GetRole", RoleName="caller") == expected
    for value, expected in (("secret", "denied"), ("x", "ok")):
        assert ask(callers, "aws:ResourceTag/class", "StringEquals", value, "logs", "DescribeLogStreams",
                   logGroupName="/tagged") == expected


def test_a_copy_takes_tags_along_by_permission(callers):
    def copy(key, denied, **given):
        deny = {"Effect": "Deny", "Action": f"s3:{denied}ObjectTagging", "Resource": "*"}
        return callers.call(callers.session(ALL, deny), "s3", "CopyObject", Bucket=BUCKET, Key="copy",
                            CopySource=f"{BUCKET}/{key}", **given)
    for denied in ("Get", "Put"):
        assert copy("secret", denied) == "denied"
        assert copy("secret", denied, TaggingDirective="REPLACE") == "ok"
        assert copy("plain", denied) == "ok"
    assert callers.call(callers.session(ALL), "s3", "CopyObject", Bucket=BUCKET, Key="copy",
                        CopySource=f"{BUCKET}/secret") == "ok"


def test_what_a_policy_attaches(callers):
    arn = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
    for value, expected in ((arn, "denied"), (arn + "x", "ok")):
        assert ask(callers, "iam:PolicyARN", "ArnEquals", value, "iam", "AttachRolePolicy",
                   RoleName="caller", PolicyArn=arn) == expected
    callers.iam.detach_role_policy(RoleName="caller", PolicyArn=arn)


@pytest.mark.parametrize("key", ["aws:NoSuchKey", "no:such", "nonsense", "sagemaker:RootAccess"])
def test_a_key_that_cannot_be_evaluated(callers, key):
    """No choice of operator, IfExists or Null makes such a Deny ineffective or such an Allow effective."""
    service, operation, given = "s3", "GetObject", {"Bucket": BUCKET, "Key": "plain"}
    if key == "sagemaker:RootAccess":  # belongs to other operations and is absent here, as in AWS
        assert ask(callers, key, "StringEquals", "x", service, operation, **given) == "ok"
    else:
        for operator in ("StringEquals", "StringNotEquals", "StringEqualsIfExists", "Null"):
            value = "true" if operator == "Null" else "x"
            assert ask(callers, key, operator, value, service, operation, **given) == "denied", operator
            assert ask(callers, key, operator, value, service, operation, effect="Allow", **given) == "denied"
    answer = callers.put_policy("caller", ALL, {"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*",
                                                "Condition": {"StringEquals": {key: "x"}}})
    assert key.lower() in answer["ResponseMetadata"]["HTTPHeaders"]["x-tidemill-warning"]
    answer = callers.put_policy("caller", ALL)
    assert "x-tidemill-warning" not in answer["ResponseMetadata"]["HTTPHeaders"]


def test_a_warning_cannot_break_the_answer_apart(callers):
    answer = callers.put_policy("caller", ALL, {
        "Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*",
        "Condition": {"StringEquals": {"a:b\r\nx-injected: 1\r\n\r\n" + "k" * 3000: "x"}}})
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert "x-injected" not in headers and len(headers["x-tidemill-warning"]) <= 1000
    callers.put_policy("caller", ALL)


def test_presigned_urls_are_told_apart(callers):
    """A Deny on presigned URLs, which bucket owners use against leaked links."""
    import urllib.error
    import urllib.request
    session = callers.session(ALL, {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {
        "StringEquals": {"s3:authType": "REST-QUERY-STRING"}}})
    client = callers.server.client(
        "s3", Config(signature_version="s3v4"), aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"], aws_session_token=session["SessionToken"])
    assert client.get_object(Bucket=BUCKET, Key="plain")["Body"].read() == b"x"
    url = client.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "plain"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url, timeout=10)
    assert refused.value.code == 403


@pytest.mark.parametrize("carried", ["header", "query"])
def test_a_presigned_url_cannot_hide_what_it_asks(callers, carried):
    """JavaScript's presigner moves x-amz- headers into the query, and the server reads them from there."""
    import urllib.error
    import urllib.request
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    def put(acl):
        session = callers.session(ALL, {"Effect": "Deny", "Action": "s3:PutObject*", "Resource": "*", "Condition": {
            "StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}})
        headers = {"x-amz-acl": acl} if carried == "header" else {}
        request = AWSRequest("PUT", f"{callers.server.endpoint}/{BUCKET}/hidden", headers=headers,
                             params={} if carried == "header" else {"x-amz-acl": acl})
        S3SigV4QueryAuth(Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]),
                         "s3", "us-east-1").add_auth(request)
        prepared = request.prepare()
        try:
            return urllib.request.urlopen(urllib.request.Request(
                prepared.url, b"x", dict(prepared.headers.items()), method="PUT"), timeout=10).status
        except urllib.error.HTTPError as error:
            return error.code
    assert put("private") == 200
    assert put("bucket-owner-full-control") == 403

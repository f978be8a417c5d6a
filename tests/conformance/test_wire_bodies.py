"""Correctly signed requests with invalid content: unknown operations, bodies that cannot be parsed or have wrong types,
values that violate the model. Every protocol answers in its own format, which botocore's parser of that protocol
reads."""
import json

import pytest
from botocore.config import Config

from helpers import aws_error, unique
from support.server import Server
from support.raw import CALLS, CBOR, FORM, Signer, decoded_error, exchange, head, json_headers

def sent(server, call, body=None, headers=None, target=None, method=None):
    protocol, service, own_method, own_target, own_headers, own_body = CALLS[call]
    data = Signer.of(server, service).request(
        method or own_method, target or own_target, own_headers if headers is None else headers,
        own_body if body is None else body)
    reply = exchange(server, data)
    assert reply.request_id(), reply
    return reply


def is_error(reply, protocol, status, *codes):
    code, message = decoded_error(reply, protocol)
    assert reply.status in ((status,) if isinstance(status, int) else status) and code in codes and message, reply
    return message


# ---- unknown and ambiguous operations

@pytest.mark.parametrize("target", ["SageMaker.NoSuchThing", "SageMaker.", "SageMaker", ".", "", "Nobody.ListModels",
                                    "SageMaker.ListModels.x", "sagemaker.listmodels", "x" * 5000])
def test_unknown_targets(server, target):
    reply = sent(server, "sagemaker", headers=json_headers(target))
    is_error(reply, "json", 400, "UnknownOperationException")
    assert reply.headers["content-type"] == "application/x-amz-json-1.1"


@pytest.mark.parametrize("body", [b"Action=NoSuchThing&Version=2011-06-15", b"Action=&Version=2011-06-15", b"Version=2011-06-15",
                                  b"", b"Action=GetCallerIdentity%00&Version=2011-06-15", b"&&&===&"])
def test_unknown_actions(server, body):
    is_error(sent(server, "sts", body), "query", (400, 404), "InvalidAction", "MissingAction", "UnknownOperationException")


def test_an_action_of_another_service(server):
    is_error(sent(server, "sts", b"Action=ListRoles&Version=2010-05-08"), "query", 400, "InvalidAction")


def test_a_get_carries_a_query_call_too(server):
    reply = sent(server, "sts", body=b"", headers={}, method="GET", target="/?Action=GetCallerIdentity&Version=2011-06-15")
    assert reply.status == 200 and b"<Account>" in reply.body


@pytest.mark.parametrize("target", ["/service/GraniteServiceVersion20100801/operation/NoSuchThing",
                                    "/service/Nobody/operation/ListMetrics", "/service//operation/", "/service/x"])
def test_unknown_cbor_operations(server, target):
    reply = sent(server, "cloudwatch", target=target)
    is_error(reply, "smithy-rpc-v2-cbor", (400, 404), "UnknownOperationException")
    assert reply.headers["content-type"] == "application/cbor" and reply.headers["smithy-protocol"] == "rpc-v2-cbor"


@pytest.mark.parametrize("method, target", [("GET", "/endpoints/x/invocations"), ("POST", "/endpoints"), ("POST", "/nowhere/x"),
                                            ("POST", "/endpoints//invocations"), ("DELETE", "/endpoints/x/invocations")])
def test_unknown_rest_json_paths(server, method, target):
    is_error(sent(server, "sagemaker-runtime", method=method, target=target), "rest-json", (400, 404, 405),
             "UnknownOperationException", "ValidationError")


@pytest.mark.parametrize("method, target", [("BREW", "/"), ("PATCH", "/bucket"), ("PATCH", "/bucket/key"), ("PUT", "/"),
                                            ("DELETE", "/")])
def test_unknown_s3_methods(server, method, target):
    is_error(sent(server, "s3", method=method, target=target), "rest-xml", 405, "MethodNotAllowed")


@pytest.mark.parametrize("call, target", [("sqs", "AmazonSQS.ListQueues"), ("sagemaker", "SageMaker.CreateApp"),
                                          ("logs", "Logs_20140328.CreateDelivery")])
def test_operations_that_tidemill_lacks_say_so(server, call, target):
    reply = sent(server, call, headers=json_headers(target, "1.0" if call == "sqs" else "1.1"))
    message = is_error(reply, "json", 501, "NotImplemented")
    assert target.split(".")[1] in message and "coverage" in message


def test_lacking_operations_of_the_other_protocols(server):
    is_error(sent(server, "cloudwatch"), "smithy-rpc-v2-cbor", 501, "NotImplemented")
    is_error(sent(server, "iam", b"Action=CreateVirtualMFADevice&Version=2010-05-08"), "query", 501, "NotImplemented")
    is_error(sent(server, "s3", target="/bucket?analytics=&id=x"), "rest-xml", 501, "NotImplemented")


def test_query_compatible_errors_carry_the_old_code(server):
    reply = sent(server, "sqs", headers={**json_headers("AmazonSQS.ListQueues", "1.0"), "X-Amzn-Query-Mode": "true"})
    assert reply.headers["x-amzn-query-error"].split(";")[1] in ("Sender", "Receiver"), reply


# ---- JSON

DEPTH = b'{"a":' * 3000 + b"1" + b"}" * 3000


@pytest.mark.parametrize("body", [
    b"{", b"[]", b"null", b"1", b'"text"', b"{]", b'{"a":}', b"{'a':1}", b'{"a":1,}', b'{"a":1}{"b":2}', b"\x00", b'{"\xff":1}',
    b'{"MaxResults":1e999}', b'{"NameContains":"\\ud800"}', b'{"NameContains":"\\x"}', b'{"NameContains":"a\nb"}', b"\xef\xbb\xbf{}x",
    DEPTH, b"[" * 100_000, b'{"NameContains":"' + b"a" * 10], ids=lambda b: repr(b[:20]))
@pytest.mark.parametrize("call", ["sagemaker", "logs"])
def test_json_that_does_not_parse(server, call, body):
    is_error(sent(server, call, body), "json", 400, "SerializationException")


@pytest.mark.parametrize("call, operation, body", [
    ("sagemaker", "ListTrainingJobs", {"MaxResults": "ten"}), ("sagemaker", "ListTrainingJobs", {"MaxResults": 1.5}),
    ("sagemaker", "ListTrainingJobs", {"MaxResults": [1]}), ("sagemaker", "ListTrainingJobs", {"MaxResults": 10**30}),
    ("sagemaker", "ListTrainingJobs", {"NameContains": 5}), ("sagemaker", "ListTrainingJobs", {"NameContains": {}}),
    ("sagemaker", "ListTrainingJobs", {"CreationTimeAfter": "someday"}), ("sagemaker", "ListTrainingJobs", {"CreationTimeAfter": True}),
    ("sagemaker", "CreateModel", {"ModelName": "m", "Tags": {}}), ("sagemaker", "CreateModel", {"ModelName": "m", "PrimaryContainer": []}),
    ("sagemaker", "CreateModel", {"ModelName": "m", "PrimaryContainer": {"Environment": [1]}}),
    ("sagemaker", "CreateModel", {"ModelName": "m", "EnableNetworkIsolation": "yes"}),
    ("sagemaker", "CreateModel", {"ModelName": "m", "Tags": [["Key"]]}), ("sagemaker", "CreateModel", {"ModelName": "m", "Tags": ["x"]}),
    ("logs", "PutLogEvents", {"logGroupName": "g", "logStreamName": "s", "logEvents": {}}),
    ("logs", "PutLogEvents", {"logGroupName": "g", "logStreamName": "s", "logEvents": [{"timestamp": "now", "message": "m"}]}),
    ("logs", "DescribeLogGroups", {"limit": "many"}),
], ids=lambda v: json.dumps(v)[:40] if isinstance(v, dict) else v)
def test_json_of_the_wrong_type(server, call, operation, body):
    target = {"sagemaker": "SageMaker.", "logs": "Logs_20140328."}[call] + operation
    reply = sent(server, call, json.dumps(body).encode(), headers=json_headers(target))
    is_error(reply, "json", 400, "SerializationException")


def test_members_that_the_model_does_not_have_are_ignored(server):
    assert sent(server, "logs", b'{"unheardOf":{"a":[1,null]},"limit":5}').status == 200


@pytest.mark.parametrize("kind", ["text/plain", "", "application/json", "application/x-amz-json-9.9", "application/xml; x=y"])
def test_a_content_type_of_another_kind_is_no_reason_to_fall_over(server, kind):
    headers = {**json_headers("Logs_20140328.DescribeLogGroups"), "Content-Type": kind}
    assert sent(server, "logs", headers=headers).status in (200, 400)


# ---- the model's constraints, in AWS's wording

def unchecked(server, service):
    """A client that does not validate parameters."""
    return server.client(service, Config(parameter_validation=False))


def test_constraints_of_json_services_in_awss_words(server):
    sagemaker = unchecked(server, "sagemaker")
    with aws_error("ValidationException", 400) as raised:
        sagemaker.create_training_job(TrainingJobName="-bad-", RoleArn="x", ResourceConfig={
            "InstanceType": "ml.abacus", "InstanceCount": 0, "VolumeSizeInGB": 1}, StoppingCondition={})
    message = raised.value.response["Error"]["Message"]
    assert "validation errors detected: " in message
    for part in ("Value '-bad-' at 'trainingJobName' failed to satisfy constraint: Member must satisfy regular expression pattern: ",
                 "Value 'x' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20",
                 "Value 'ml.abacus' at 'resourceConfig.instanceType' failed to satisfy constraint: Member must satisfy enum value set: [",
                 "Value null at 'outputDataConfig' failed to satisfy constraint: Member must not be null"):
        assert part in message, (part, message)


def test_one_violation_is_counted_in_the_singular(server):
    with aws_error("ValidationException", 400) as raised:
        unchecked(server, "sagemaker").describe_model(ModelName="x" * 64)
    assert raised.value.response["Error"]["Message"] == (
        f"1 validation error detected: Value '{'x' * 64}' at 'modelName' failed to satisfy constraint: "
        "Member must have length less than or equal to 63")


def test_constraints_of_the_other_services(server):
    with aws_error("InvalidParameterException", 400, "Member must have length greater than or equal to 1"):
        unchecked(server, "logs").create_log_group(logGroupName="")
    with aws_error("ValidationError", 400, "Member must have length less than or equal to 64"):
        unchecked(server, "iam").get_role(RoleName="r" * 65)
    with aws_error("ValidationError", 400, "must not be null"):
        unchecked(server, "iam").create_role(RoleName="r")
    with aws_error("ValidationError", 400):
        unchecked(server, "sagemaker-runtime").invoke_endpoint(EndpointName="e" * 64, Body=b"x")


# ---- query

@pytest.mark.parametrize("body, code", [
    (b"Action=ListRoles&Version=2010-05-08&MaxItems=ten", "MalformedInput"),
    (b"Action=ListRoles&Version=2010-05-08&MaxItems=99999999999999999999", "MalformedInput"),
    (b"Action=ListRoles&Version=2010-05-08&MaxItems=%zz", "MalformedInput"),
    (b"Action=TagRole&Version=2010-05-08&RoleName=r&Tags.member.x.Key=a", "MalformedInput"),
    (b"Action=TagRole&Version=2010-05-08&RoleName=r&Tags.member.99999999999.Key=a", "MalformedInput"),
    (b"Action=TagRole&Version=2010-05-08&RoleName=r&Tags.member.-1.Key=a", "MalformedInput"),
    (b"Action=TagRole&Version=2010-05-08&RoleName=r&Tags.member.1000000000.Key=a&Tags.member.1000000000.Value=b", "MalformedInput"),
    (b"Action=TagRole&Version=2010-05-08&RoleName=r" + b"&Tags.member.1.Key=a" * 20000, "MalformedInput"),
    (b"Action=TagRole&Version=2010-05-08&RoleName=r&Tags" + b".member.1" * 20000 + b"=a", "MalformedInput"),
])
def test_query_bodies_that_make_no_sense(server, body, code):
    is_error(sent(server, "iam", body), "query", (400, 404, 413), code, "ValidationError", "InvalidInput", "NoSuchEntity", "SerializationException",
             "MalformedQueryString", "InvalidParameterValue")


def test_a_query_error_names_the_side_at_fault(server):
    reply = sent(server, "iam", b"Action=GetRole&Version=2010-05-08&RoleName=none")
    assert "<Type>Sender</Type>" in reply.text and is_error(reply, "query", 404, "NoSuchEntity")
    assert f"<RequestId>{reply.request_id()}</RequestId>" in reply.text


# ---- XML

@pytest.mark.parametrize("body", [
    b"", b"<", b"<Delete", b"<Delete>", b"<Delete></Other>", b"not xml", b"<a>" * 50_000, b"\x00", b"<Delete><Object></Delete>",
    b"<Delete/>", b"<Delete><Object/></Delete>", b"<Delete><Object><Key></Key></Object></Delete>", b"{}",
    b'<!DOCTYPE a [<!ENTITY b "c">]><Delete><Object><Key>&b;</Key></Object></Delete>',
    b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&b;</Key></Object></Delete>',
    b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>",
], ids=lambda b: repr(b[:30]))
def test_delete_objects_with_bad_xml(server, bucket, body):
    reply = sent(server, "s3", body, headers={"Content-Type": "application/xml"}, method="POST", target=f"/{bucket}?delete=")
    if b"ENTITY" in body:
        assert reply.status == 400 or b"root:" not in reply.body
        return
    is_error(reply, "rest-xml", 400, "MalformedXML", "InvalidRequest", "MissingRequestBodyError", "InvalidArgument", "UserKeyMustBeSpecified")


@pytest.fixture(scope="module")
def bucket(server):
    name = unique("bodies")
    assert sent(server, "s3", method="PUT", target=f"/{name}").status == 200
    return name


@pytest.mark.parametrize("target, body", [
    ("?tagging=", b"<Tagging><TagSet><Tag><Key>a</Key></Tag>"), ("?tagging=", b"<Wrong/>"), ("?versioning=", b"<"),
    ("/k?uploadId=none", b"<CompleteMultipartUpload><Part><PartNumber>one</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>"),
    ("/k?uploadId=none", b"<CompleteMultipartUpload>")])
def test_other_bad_xml(server, bucket, target, body):
    method = "POST" if "uploadId" in target else "PUT"
    is_error(sent(server, "s3", body, method=method, target=f"/{bucket}{target}"), "rest-xml", (400, 404), "MalformedXML", "NoSuchUpload",
             "InvalidArgument", "InvalidTag", "InvalidRequest")


def test_create_bucket_with_a_bad_body(server):
    for body in (b"<CreateBucketConfiguration>", b"location"):
        is_error(sent(server, "s3", body, method="PUT", target="/" + unique("b")), "rest-xml", 400, "MalformedXML")


@pytest.mark.parametrize("query", ["list-type=2&max-keys=x", "list-type=2&max-keys=-1", "list-type=2&max-keys=99999999999999999999",
                                   "list-type=2&encoding-type=base85", "list-type=2&continuation-token=%2A%2A%2A", "list-type=2&continuation-token=",
                                   "uploads=&max-uploads=x", "versions=&max-keys=x", "max-keys=1.5"])
def test_list_parameters_that_are_wrong(server, bucket, query):
    is_error(sent(server, "s3", target=f"/{bucket}?{query}"), "rest-xml", 400, "InvalidArgument")


@pytest.mark.parametrize("value", ["bytes=abc", "bytes=5-1", "bytes=-", "bytes=0-1,3-4", "lines=1-2", "bytes=99999999999999999999-", "bytes=-99999999999999999999"])
def test_odd_ranges(server, bucket, value):
    sent(server, "s3", b"0123456789", method="PUT", target=f"/{bucket}/range")
    reply = sent(server, "s3", headers={"Range": value}, target=f"/{bucket}/range")
    assert reply.status in (200, 206, 416), reply
    if reply.status == 200:
        assert reply.body == b"0123456789"


@pytest.mark.parametrize("key", ["%00", "a%00b", "%ff%fe", "..", "../../etc/passwd", "a/../../b", "%2e%2e%2f", "//", "%20", "%0a", "a%5Cb", ".", "%F0%9F%8C%8A"])
def test_odd_keys_are_stored_or_refused_and_lead_nowhere(server, bucket, key):
    target = f"/{bucket}/{key}"
    put = sent(server, "s3", b"odd", method="PUT", target=target)
    assert put.status in (200, 400), put
    got = sent(server, "s3", target=target)
    assert (got.status, got.body) == (200, b"odd") if put.status == 200 else got.status in (400, 404), (put, got)
    listed = sent(server, "s3", target=f"/{bucket}?encoding-type=url&list-type=2")
    assert listed.status == 200
    assert sent(server, "s3", method="DELETE", target=target).status in (204, 400)


# ---- CBOR and REST JSON

@pytest.mark.parametrize("body", [b"\xff", b"\xa1", b"\xa1\x61", b"\xbf", b"\x81" * 5000, b"\x9f" * 5000, b"\xbb" + b"\xff" * 8, b"\x7b" + b"\xff" * 8,
                                  b"\xfb", b"\x1c", b"\x83\x01\x02", b"\xa1\x01\x02", b"\xc1" * 1000, b"\x5f\x41a", b"\xa0\xa0", b"text", b""])
def test_cbor_that_does_not_parse(server, body):
    reply = sent(server, "cloudwatch", body)
    is_error(reply, "smithy-rpc-v2-cbor", (400, 501), "SerializationException", "NotImplemented")


def test_a_document_over_the_limit(server):
    body = b'{"NameContains":"' + b"a" * (17 << 20) + b'"}'
    reply = sent(server, "sagemaker", body)
    is_error(reply, "json", 413, "RequestEntityTooLargeException")
    reply = sent(server, "s3", b"<Delete>" + b" " * (17 << 20), method="POST", target="/b?delete=")
    is_error(reply, "rest-xml", 400, "MaxMessageLengthExceeded")


def test_an_endpoint_that_does_not_exist(server):
    message = is_error(sent(server, "sagemaker-runtime"), "rest-json", 400, "ValidationError")
    assert "none" in message


def test_errors_answer_head_requests_with_a_status_only(server, bucket):
    signer = Signer.of(server, "s3")
    reply = exchange(server, signer.request("HEAD", f"/{bucket}/none"), head=True)
    assert reply.status == 404 and reply.request_id()


def test_a_cors_preflight_or_bare_path_of_a_browser(server):
    for method, target in (("OPTIONS", "/b/k"), ("OPTIONS", "*"), ("GET", "/favicon.ico"), ("GET", "/")):
        reply = exchange(server, head(method, target, {"Origin": "http://x.example", "Access-Control-Request-Method": "PUT"}))
        assert 200 <= reply.status < 500, reply


def test_own_paths(server):
    assert exchange(server, head("GET", "/_tidemill/nothing", {})).status == 404
    assert exchange(server, head("POST", "/_tidemill/health", {**FORM, **CBOR, "Content-Length": "0"})).status in (200, 405)


# ---- values from clients must not become part of the answer's head

@pytest.mark.parametrize("parameter", ["response-content-type", "response-cache-control", "response-content-disposition", "response-content-encoding",
                                       "response-content-language"])
@pytest.mark.parametrize("value", ["a%0D%0AX-Evil%3A%201", "a%0AX-Evil%3A%201", "a%0DX-Evil%3A%201", "a%00b", "%0D%0A%0D%0Abody"])
def test_no_header_is_smuggled_into_an_answer(server, bucket, parameter, value):
    sent(server, "s3", b"0123456789", method="PUT", target=f"/{bucket}/split")
    reply = sent(server, "s3", target=f"/{bucket}/split?{parameter}={value}")
    assert "x-evil" not in reply.headers and reply.status in (200, 400), reply
    if reply.status == 200:
        assert reply.body == b"0123456789" and reply.headers["content-length"] == "10"


def test_what_a_client_sent_is_escaped_in_errors(server, bucket):
    for target in (f"/{bucket}/%3CCode%3EEvil%3C%2FCode%3E", f"/{bucket}/a%22%26%3C"):
        reply = sent(server, "s3", target=target)
        assert reply.error()[0] == "NoSuchKey" and b"<Code>Evil" not in reply.body
        import xml.etree.ElementTree
        xml.etree.ElementTree.fromstring(reply.body)
    reply = sent(server, "sagemaker", headers=json_headers('SageMaker.x"},{"y'))
    json.loads(reply.body)
    reply = sent(server, "sts", b"Action=%3CCode%3EEvil%3C%2FCode%3E&Version=2011-06-15")
    assert b"<Code>Evil" not in reply.body


def test_a_payload_over_the_limit_of_an_endpoint():
    with Server(auth="verify", options=["--strict-aws"]) as strict:
        reply = sent(strict, "sagemaker-runtime", b"1," * (20 << 20))
        is_error(reply, "rest-json", 413, "ValidationError")

#!/usr/bin/env python3
"""Passes responses that Tidemill's codecs encode to botocore's parsers and checks what they read.

    python3 tests/protocols/check_responses.py build/release/tests/protocols/tidemill_encode_responses
"""
import base64
import datetime
import json
import subprocess
import sys

import botocore.model
import botocore.parsers
from botocore.loaders import Loader

from make_vectors import plain

UTC = datetime.timezone.utc
WHEN = datetime.datetime(2026, 11, 23, 15, 17, 42, tzinfo=UTC)
WHEN_MS = datetime.datetime(2026, 11, 23, 15, 17, 42, 123000, tzinfo=UTC)

# service, protocol, operation, output
OUTPUTS = [
    ("sagemaker", "json", "DescribeTrainingJob", {
        "TrainingJobName": "j", "TrainingJobArn": "arn:aws:sagemaker:us-east-1:1:training-job/j",
        "TrainingJobStatus": "Completed", "CreationTime": WHEN_MS,
        "HyperParameters": {"a": "1", "ü\"\\\n\u0001": ""},
        "FinalMetricDataList": [{"MetricName": "auc", "Value": 0.5, "Timestamp": WHEN}],
        "EnableNetworkIsolation": False, "InputDataConfig": [], "BillableTimeInSeconds": 3}),
    ("logs", "json", "GetLogEvents", {
        "events": [{"timestamp": 1790000000123, "message": "m", "ingestionTime": 1}],
        "nextForwardToken": "f/1", "nextBackwardToken": "b/1"}),
    ("sqs", "json", "ReceiveMessage", {"Messages": [
        {"MessageId": "m", "Body": "<b>", "Attributes": {"SenderId": "s"},
         "MessageAttributes": {"a": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}}]}),
    ("cloudwatch", "smithy-rpc-v2-cbor", "GetMetricStatistics", {
        "Label": "l", "Datapoints": [{"Timestamp": WHEN_MS, "Average": 0.1, "Sum": 1.0,
                                      "ExtendedStatistics": {"p99": 1e300}},
                                     {"Timestamp": WHEN, "Average": -2.5}]}),
    ("cloudwatch", "query", "GetMetricStatistics", {
        "Label": "l & <l>", "Datapoints": [{"Timestamp": WHEN_MS, "Average": 0.1,
                                            "ExtendedStatistics": {"p99": 3.0, "p1": 1.0}}]}),
    ("cloudwatch", "json", "ListMetrics", {
        "Metrics": [{"Namespace": "n", "MetricName": "m",
                     "Dimensions": [{"Name": "a", "Value": "b"}]}], "NextToken": "t"}),
    ("iam", "query", "GetRole", {"Role": {
        "Path": "/", "RoleName": "r", "RoleId": "AROA", "Arn": "arn:aws:iam::1:role/r",
        "CreateDate": WHEN, "MaxSessionDuration": 3600, "Tags": [{"Key": "a", "Value": ""}]}}),
    ("iam", "query", "ListRoles", {"Roles": [], "IsTruncated": False}),
    ("iam", "query", "DeleteRole", {}),
    ("sts", "query", "GetCallerIdentity",
     {"UserId": "1", "Account": "123456789012", "Arn": "arn:aws:iam::123456789012:root"}),
    ("sagemaker-runtime", "rest-json", "InvokeEndpoint", {
        "Body": b"0.5\n\x00", "ContentType": "text/csv", "InvokedProductionVariant": "v"}),
    ("s3", "rest-xml", "ListBuckets", {
        "Buckets": [{"Name": "b", "CreationDate": WHEN_MS}, {"Name": "c", "CreationDate": WHEN}],
        "Owner": {"ID": "o", "DisplayName": "d"}}),
    ("s3", "rest-xml", "ListObjectsV2", {
        "Name": "b", "Prefix": "", "KeyCount": 2, "MaxKeys": 1000, "IsTruncated": False,
        "Contents": [{"Key": "a & <b>\r", "ETag": "\"e\"", "Size": 5_000_000_000,
                      "LastModified": WHEN, "ChecksumAlgorithm": ["CRC32"]}],
        "CommonPrefixes": [{"Prefix": "x/"}, {"Prefix": "y/"}]}),
    ("s3", "rest-xml", "ListObjectVersions", {
        "Versions": [{"Key": "k", "VersionId": "null", "IsLatest": True}],
        "DeleteMarkers": [{"Key": "d", "VersionId": "v"}], "IsTruncated": False}),
    ("s3", "rest-xml", "HeadObject", {
        "ContentLength": 5, "ETag": "\"e\"", "LastModified": WHEN, "ContentType": "text/csv",
        "Metadata": {"one": "1", "two": "a, b"}, "PartsCount": 2, "ArchiveStatus": "x"}),
    ("s3", "rest-xml", "CopyObject",
     {"CopyObjectResult": {"ETag": "\"e\"", "LastModified": WHEN}, "VersionId": "v"}),
    ("s3", "rest-xml", "CompleteMultipartUpload",
     {"Location": "http://l/b/k", "Bucket": "b", "Key": "k", "ETag": "\"e-2\""}),
    ("s3", "rest-xml", "DeleteObjects", {
        "Deleted": [{"Key": "a"}, {"Key": " "}],
        "Errors": [{"Key": "c", "Code": "AccessDenied", "Message": "m"}]}),
    ("s3", "rest-xml", "GetBucketAcl", {
        "Owner": {"ID": "o"},
        "Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": "i"}, "Permission": "READ"}]}),
    ("s3", "rest-xml", "GetBucketTagging", {"TagSet": [{"Key": "a", "Value": "1"}]}),
    ("s3", "rest-xml", "GetBucketPolicy", {"Policy": "{\"Version\":\"2012-10-17\"}"}),
]

# service, protocol, operation, error, parsed Code, status, other members
ERRORS = [
    ("sagemaker", "json", "DescribeModel",
     {"code": "ValidationException", "message": "Could not find model \"m\"."},
     "ValidationException", 400, {}),
    ("sagemaker", "json", "DescribeTrainingJob",
     {"code": "ResourceNotFound", "message": "not here"}, "ResourceNotFound", 400, {}),
    ("logs", "json", "GetLogEvents",
     {"code": "ResourceNotFoundException", "message": "m"}, "ResourceNotFoundException", 400, {}),
    ("sqs", "json", "SendMessage", {"code": "QueueDoesNotExist", "message": "m"},
     "AWS.SimpleQueueService.NonExistentQueue", 400, {}),
    ("cloudwatch", "smithy-rpc-v2-cbor", "GetMetricStatistics",
     {"code": "InvalidParameterValueException", "message": "m"}, "InvalidParameterValue", 400, {}),
    ("iam", "query", "GetRole", {"code": "NoSuchEntityException", "message": "m <r>"},
     "NoSuchEntity", 404, {}),
    ("sagemaker-runtime", "rest-json", "InvokeEndpoint",
     {"code": "ModelError", "message": "m", "details": {
         "OriginalStatusCode": "500", "OriginalMessage": "boom", "LogStreamArn": "arn"}},
     "ModelError", 424,
     {"OriginalStatusCode": 500, "OriginalMessage": "boom", "LogStreamArn": "arn"}),
    ("s3", "rest-xml", "GetObject",
     {"code": "NoSuchKey", "message": "m", "details": {"Key": "a&b"}}, "NoSuchKey", 404, {}),
]


def model_of(service, cache={}):
    if service not in cache:
        loaded = Loader().load_service_model(service, "service-2")
        cache[service] = botocore.model.ServiceModel(loaded, service)
    return cache[service]


def main():
    cases = []
    for service, protocol, operation, output in OUTPUTS:
        cases.append({"service": service, "protocol": protocol, "operation": operation,
                      "output": plain(output)})
    for service, protocol, operation, error, *_ in ERRORS:
        cases.append({"service": service, "protocol": protocol, "operation": operation,
                      "error": error})
    for case in cases:
        case["json_version"] = model_of(case["service"]).metadata.get("jsonVersion", "1.1")
    run = subprocess.run([sys.argv[1]], input=json.dumps(cases).encode(), stdout=subprocess.PIPE,
                         check=True)
    responses = json.loads(run.stdout)
    failures = 0
    for case, response in zip(cases, responses):
        operation = model_of(case["service"]).operation_model(case["operation"])
        parser = botocore.parsers.create_parser(case["protocol"])
        headers = botocore.compat.HTTPHeaders()
        for name, value in response["headers"].items():
            headers[name] = value
        body = base64.b64decode(response["body"])
        parsed = parser.parse({"status_code": response["status"], "headers": headers, "body": body},
                              operation.output_shape)
        metadata = parsed.pop("ResponseMetadata", {})
        if operation.has_streaming_output and "error" not in case:
            # The client, not the parser, returns these bodies.
            parsed[operation.output_shape.serialization["payload"]] = body
        problems = []
        if metadata.get("RequestId") != "request-1":
            problems.append(f"request id {metadata}")
        if "error" in case:
            _, _, _, _, code, status, members = ERRORS[cases.index(case) - len(OUTPUTS)]
            if parsed["Error"]["Code"] != code or response["status"] != status:
                problems.append(f"{parsed} {response['status']}, expected {code} {status}")
            if parsed["Error"]["Message"] != case["error"]["message"]:
                problems.append(f"message {parsed}")
            shape = next((s for s in operation.error_shapes if s.name == case["error"]["code"]), None)
            if members:
                modeled = parser.parse(
                    {"status_code": response["status"], "headers": headers, "body": body}, shape)
                for name, value in members.items():
                    if modeled.get(name) != value:
                        problems.append(f"member {name}: {modeled}")
        elif plain(parsed) != case["output"]:
            problems.append(f"read     {plain(parsed)}\n    expected {case['output']}")
        if problems:
            failures += 1
            print(f"{case['service']} {case['protocol']} {case['operation']}: " +
                  "; ".join(problems) + f"\n    {body[:600]!r} {response['headers']}")
    print(f"{len(cases) - failures} of {len(cases)} responses read as they were meant")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Writes testdata/requests.json: requests made by botocore's own serializers, with the parameters that they
represent. Run it by hand after an update of botocore: the C++ test must decode each request back to its parameters.

    python3 tests/protocols/make_vectors.py
"""
import base64
import datetime
import json
import pathlib

import botocore
import botocore.model
import botocore.serialize
from botocore.loaders import Loader

UTC = datetime.timezone.utc
WHEN = datetime.datetime(2026, 11, 23, 15, 17, 42, tzinfo=UTC)

# service, protocol, operation, parameters
CASES = [
    ("sagemaker", "json", "CreateTrainingJob", {
        "TrainingJobName": "churn-1",
        "HyperParameters": {"max_depth": "5", "sagemaker_program": "\"train.py\"", "ü": "日本 \" \\ \n"},
        "AlgorithmSpecification": {"TrainingImage": "xgboost:1.7-1", "TrainingInputMode": "File",
                                   "MetricDefinitions": [{"Name": "auc", "Regex": "auc=(.*)"}]},
        "RoleArn": "arn:aws:iam::123456789012:role/r",
        "InputDataConfig": [
            {"ChannelName": "train", "ContentType": "text/csv",
             "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/train",
                                             "S3DataDistributionType": "FullyReplicated"}}},
            {"ChannelName": "validation",
             "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/v"}}}],
        "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "Tags": [], "EnableNetworkIsolation": False}),
    ("sagemaker", "json", "ListTrainingJobs",
     {"CreationTimeAfter": WHEN, "MaxResults": 10, "SortBy": "CreationTime"}),
    ("sagemaker", "json", "CreateEndpointConfig", {
        "EndpointConfigName": "c",
        "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InitialVariantWeight": 0.25,
                                "InitialInstanceCount": 1, "InstanceType": "ml.t2.medium"}]}),
    ("logs", "json", "PutLogEvents", {
        "logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamName": "j/algo-1",
        "logEvents": [{"timestamp": 1790000000123, "message": "a\tb\u0001"},
                      {"timestamp": 9007199254740993, "message": " "}]}),
    ("sqs", "json", "SendMessage", {
        "QueueUrl": "http://localhost/q", "MessageBody": "hi",
        "MessageAttributes": {"a": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}}),
    ("cloudwatch", "smithy-rpc-v2-cbor", "PutMetricData", {
        "Namespace": "n", "MetricData": [
            {"MetricName": "m", "Timestamp": WHEN, "Value": 1.5, "Values": [1.0, 1e300, -0.1],
             "Dimensions": [{"Name": "d", "Value": "ü"}], "StorageResolution": 60}]}),
    ("cloudwatch", "query", "PutMetricData", {
        "Namespace": "n", "MetricData": [
            {"MetricName": "m & m", "Timestamp": WHEN, "Value": 1.5, "Values": [1.0, 2.0],
             "Dimensions": [{"Name": "d", "Value": "v=1"}, {"Name": "e", "Value": "?"}]}]}),
    ("cloudwatch", "json", "GetMetricStatistics", {
        "Namespace": "n", "MetricName": "m", "StartTime": WHEN, "EndTime": WHEN, "Period": 60,
        "Statistics": ["Sum", "Average"]}),
    ("iam", "query", "CreateRole", {
        "RoleName": "r", "AssumeRolePolicyDocument": "{\"Statement\": []}", "MaxSessionDuration": 3600,
        "Tags": [{"Key": "k+", "Value": "v v"}, {"Key": "k2", "Value": ""}]}),
    ("iam", "query", "SimulatePrincipalPolicy", {
        "PolicySourceArn": "arn:aws:iam::1:role/r", "ActionNames": ["s3:GetObject", "s3:PutObject"],
        "ContextEntries": [{"ContextKeyName": "c", "ContextKeyValues": ["1", "2"],
                            "ContextKeyType": "stringList"}]}),
    ("sts", "query", "GetCallerIdentity", {}),
    ("sts", "query", "AssumeRole", {
        "RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "s",
        "DurationSeconds": 900, "TransitiveTagKeys": ["a", "b"]}),
    ("sagemaker-runtime", "rest-json", "InvokeEndpoint", {
        "EndpointName": "churn endpoint/1", "Body": b"1,2,3\n\x00\xff", "ContentType": "text/csv",
        "Accept": "application/json", "TargetVariant": "v"}),
    ("s3", "rest-xml", "GetObject", {
        "Bucket": "b", "Key": "a//b/../ü %2F+&?.csv", "Range": "bytes=0-9", "VersionId": "v+/=",
        "IfModifiedSince": WHEN, "PartNumber": 3}),
    ("s3", "rest-xml", "PutObject", {
        "Bucket": "b", "Key": "k", "ContentType": "text/csv",
        "Metadata": {"one": "1", "two": "a, b"}, "Tagging": "a=b&c=d", "StorageClass": "STANDARD"}),
    ("s3", "rest-xml", "ListObjectsV2", {
        "Bucket": "b", "Prefix": "a/", "Delimiter": "/", "MaxKeys": 5, "FetchOwner": True,
        "ContinuationToken": "t=="}),
    ("s3", "rest-xml", "DeleteObjects", {
        "Bucket": "b", "Delete": {"Quiet": True, "Objects": [
            {"Key": " <&>\"' "}, {"Key": "k2", "VersionId": "v"}, {"Key": "   "}]}}),
    ("s3", "rest-xml", "CompleteMultipartUpload", {
        "Bucket": "b", "Key": "k", "UploadId": "u", "MultipartUpload": {"Parts": [
            {"ETag": "\"a\"", "PartNumber": 1, "ChecksumCRC32": "AAAAAA=="},
            {"ETag": "\"b\"", "PartNumber": 2}]}}),
    ("s3", "rest-xml", "UploadPart", {
        "Bucket": "b", "Key": "k", "UploadId": "u", "PartNumber": 7, "ContentLength": 5}),
    ("s3", "rest-xml", "CopyObject", {
        "Bucket": "b", "Key": "k", "CopySource": "other/a%20b", "MetadataDirective": "REPLACE"}),
    ("s3", "rest-xml", "CreateBucket", {
        "Bucket": "b", "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}),
    ("s3", "rest-xml", "CreateBucket", {"Bucket": "b"}),
    ("s3", "rest-xml", "PutBucketAcl", {
        "Bucket": "b", "AccessControlPolicy": {
            "Owner": {"ID": "o"},
            "Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": "i"}, "Permission": "READ"}]}}),
    ("s3", "rest-xml", "PutBucketLifecycleConfiguration", {
        "Bucket": "b", "LifecycleConfiguration": {"Rules": [
            {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "p"},
             "Expiration": {"Date": WHEN},
             "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}]}}),
    ("s3", "rest-xml", "PutBucketTagging", {
        "Bucket": "b", "Tagging": {"TagSet": [{"Key": "a", "Value": "1"}]}}),
    ("s3", "rest-xml", "GetObjectAttributes", {
        "Bucket": "b", "Key": "k", "ObjectAttributes": ["ETag", "ObjectSize"]}),
]


def plain(value):
    """Parameters as the C++ test writes decoded Values: {"$bytes"} and {"$time"} mark the types."""
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, datetime.datetime):
        return {"$time": int(value.timestamp() * 1_000_000)}
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value


def make(service, protocol, operation, parameters):
    model = botocore.model.ServiceModel(Loader().load_service_model(service, "service-2"), service)
    serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
    made = serializer.serialize_to_request(parameters, model.operation_model(operation))
    target, body, headers = made["url_path"], made["body"], dict(made["headers"])
    query = made["query_string"]
    if query:
        pairs = query.items() if isinstance(query, dict) else query
        text = "&".join(
            botocore.compat.quote(str(k), safe="-._~") + "=" + botocore.compat.quote(str(v), safe="-._~")
            for k, v in pairs)
        target += ("&" if "?" in target else "?") + text
    if isinstance(body, dict):
        body = "&".join(botocore.compat.quote(k, safe="-._~") + "=" +
                        botocore.compat.quote(str(v), safe="-._~") for k, v in body.items())
    if isinstance(body, str):
        body = body.encode()
    for name, value in headers.items():
        if isinstance(value, bytes):
            headers[name] = value.decode()
    return {
        "service": service, "protocol": protocol, "operation": operation,
        "signing_name": model.signing_name, "method": made["method"], "target": target,
        "headers": {k: str(v) for k, v in headers.items()},
        "body": base64.b64encode(bytes(body or b"")).decode(),
        "parameters": plain(parameters),
    }


def main():
    out = pathlib.Path(__file__).parent / "testdata" / "requests.json"
    out.parent.mkdir(exist_ok=True)
    vectors = {"botocore": botocore.__version__, "requests": [make(*case) for case in CASES]}
    out.write_text(json.dumps(vectors, indent=1) + "\n")
    print(f"{out}: {len(CASES)} requests")


if __name__ == "__main__":
    main()

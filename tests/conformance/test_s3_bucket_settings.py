"""Configurations of buckets through boto3: checked, kept, read back, deleted; the ones that are not there are refused by name."""
import pytest

from helpers import aws_error, unique
from support.server import Server


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3")


@pytest.fixture
def bucket(s3):
    name = unique("settings")
    s3.create_bucket(Bucket=name)
    yield name
    s3.delete_bucket(Bucket=name)


CORS = {"CORSRules": [{"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://*.example.com"], "AllowedHeaders": ["*"],
                       "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60, "ID": "pages"}]}
BLOCK = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False, "RestrictPublicBuckets": True}
ENCRYPTION = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]}


def test_configurations_are_kept_over_a_restart():
    with Server(auth="verify") as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="kept")
        s3.put_bucket_cors(Bucket="kept", CORSConfiguration=CORS)
        s3.put_public_access_block(Bucket="kept", PublicAccessBlockConfiguration=BLOCK)
        s3.put_bucket_encryption(Bucket="kept", ServerSideEncryptionConfiguration=ENCRYPTION)
        s3.put_bucket_request_payment(Bucket="kept", RequestPaymentConfiguration={"Payer": "Requester"})
        s3.put_bucket_accelerate_configuration(Bucket="kept", AccelerateConfiguration={"Status": "Enabled"})
        s3.put_bucket_ownership_controls(Bucket="kept", OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
        s3.put_bucket_notification_configuration(Bucket="kept", NotificationConfiguration={"EventBridgeConfiguration": {}})
        s3.put_bucket_tagging(Bucket="kept", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
        server.kill()
        server.start()
        s3 = server.client("s3")
        assert s3.get_bucket_cors(Bucket="kept")["CORSRules"] == CORS["CORSRules"]
        assert s3.get_public_access_block(Bucket="kept")["PublicAccessBlockConfiguration"] == BLOCK
        assert s3.get_bucket_encryption(Bucket="kept")["ServerSideEncryptionConfiguration"] == ENCRYPTION
        assert s3.get_bucket_request_payment(Bucket="kept")["Payer"] == "Requester"
        assert s3.get_bucket_accelerate_configuration(Bucket="kept")["Status"] == "Enabled"
        assert s3.get_bucket_ownership_controls(Bucket="kept")["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "ObjectWriter"}]
        assert s3.get_bucket_notification_configuration(Bucket="kept")["EventBridgeConfiguration"] == {}
        assert s3.get_bucket_tagging(Bucket="kept")["TagSet"] == [{"Key": "a", "Value": "b"}]
        # One is deleted, the others stay.
        assert s3.delete_bucket_cors(Bucket="kept")["ResponseMetadata"]["HTTPStatusCode"] == 204
        with aws_error("NoSuchCORSConfiguration", 404):
            s3.get_bucket_cors(Bucket="kept")
        assert s3.get_public_access_block(Bucket="kept")["PublicAccessBlockConfiguration"] == BLOCK
        s3.delete_bucket_encryption(Bucket="kept")
        s3.delete_public_access_block(Bucket="kept")
        s3.delete_bucket_ownership_controls(Bucket="kept")
        with aws_error("NoSuchPublicAccessBlockConfiguration", 404):
            s3.get_public_access_block(Bucket="kept")


def test_a_new_bucket_has_no_configurations(s3, bucket):
    for call, code in ((s3.get_bucket_cors, "NoSuchCORSConfiguration"),
                       (s3.get_bucket_encryption, "ServerSideEncryptionConfigurationNotFoundError"),
                       (s3.get_public_access_block, "NoSuchPublicAccessBlockConfiguration"),
                       (s3.get_bucket_website, "NoSuchWebsiteConfiguration"),
                       (s3.get_bucket_replication, "ReplicationConfigurationNotFoundError"),
                       (s3.get_bucket_policy, "NoSuchBucketPolicy"),
                       (s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
                       (s3.get_object_lock_configuration, "ObjectLockConfigurationNotFoundError")):
        with aws_error(code, 404):
            call(Bucket=bucket)
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"] == [
        {"ObjectOwnership": "BucketOwnerEnforced"}]
    with aws_error("NotImplemented", 501, "PutBucketWebsite"):
        s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})


@pytest.mark.parametrize("rule, code, words", [
    ({"AllowedMethods": ["PATCH"], "AllowedOrigins": ["*"]}, "InvalidRequest", "PATCH"),
    ({"AllowedMethods": ["GET"], "AllowedOrigins": ["http://*.*"]}, "InvalidRequest", "wildcard"),
    ({"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*a*"]}, "InvalidRequest", "wildcard")])
def test_cors_rules_that_make_no_sense(s3, bucket, rule, code, words):
    with aws_error(code, 400, words):
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})


def test_encryption_with_keys_is_refused_by_name(s3, bucket):
    with aws_error("NotImplemented", 501, "KMS"):
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]})
    with aws_error("MalformedXML", 400):
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "ROT13"}}]})


def test_notifications_need_a_destination_that_exists(s3, bucket):
    with aws_error("InvalidArgument", 400, "destination"):
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [
            {"QueueArn": "arn:aws:sqs:us-east-1:123456789012:q", "Events": ["s3:ObjectCreated:*"]}]})


def test_ownership_of_a_new_bucket_is_what_was_asked_for(s3):
    name = unique("owned")
    s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    assert s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "ObjectWriter"}]


def test_tagging_answers_204(s3, bucket):
    answer = s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.delete_bucket_tagging(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204

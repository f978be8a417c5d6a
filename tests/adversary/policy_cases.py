"""An input for every implemented operation, and the ARNs of the resources that it works on."""
import json

ACCOUNT, REGION = "{account}", "us-east-1"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
SECRET_ROLE = "arn:aws:iam::{account}:role/ops/AdminRole"
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})


def sagemaker(kind, name):
    return f"arn:aws:sagemaker:{REGION}:{{account}}:{kind}/{name}"


def group(name="/Secret/g", rest=":*"):
    return f"arn:aws:logs:{REGION}:{{account}}:log-group:{name}{rest}"


def own(kind, member, name="FraudModel", **more):
    """Returns (input, ARNs) for an operation on one SageMaker resource."""
    return ({member: name, **more}, [sagemaker(kind, name)])


_TRAINING = dict(
    AlgorithmSpecification={"TrainingImage": "x", "TrainingInputMode": "File"}, RoleArn=SECRET_ROLE,
    OutputDataConfig={"S3OutputPath": "s3://b/o"},
    ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    StoppingCondition={"MaxRuntimeInSeconds": 60})
_TRANSFORM = dict(
    ModelName="m", TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/i"}}},
    TransformOutput={"S3OutputPath": "s3://b/o"},
    TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1})
_VARIANTS = [{"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}]
_ENDPOINT = sagemaker("endpoint", "FraudModel")
_CONFIG = sagemaker("endpoint-config", "FraudConfig")
_COMPONENT = sagemaker("inference-component", "FraudPart")
_TAGS = {"Tags": [{"Key": "k", "Value": "v"}]}

SAGEMAKER = {
    "CreateTrainingJob": own("training-job", "TrainingJobName", **_TRAINING),
    "DescribeTrainingJob": own("training-job", "TrainingJobName"),
    "StopTrainingJob": own("training-job", "TrainingJobName"),
    "UpdateTrainingJob": own("training-job", "TrainingJobName"),
    "DeleteTrainingJob": own("training-job", "TrainingJobName"),
    "ListTrainingJobs": ({}, ["*"]),
    "CreateModel": own("model", "ModelName", ExecutionRoleArn=SECRET_ROLE, PrimaryContainer={"Image": "x"}),
    "DescribeModel": own("model", "ModelName"),
    "DeleteModel": own("model", "ModelName"),
    "ListModels": ({}, ["*"]),
    "CreateEndpointConfig": own("endpoint-config", "EndpointConfigName", ProductionVariants=_VARIANTS),
    "DescribeEndpointConfig": own("endpoint-config", "EndpointConfigName"),
    "DeleteEndpointConfig": own("endpoint-config", "EndpointConfigName"),
    "ListEndpointConfigs": ({}, ["*"]),
    "CreateEndpoint": ({"EndpointName": "FraudModel", "EndpointConfigName": "FraudConfig"}, [_ENDPOINT, _CONFIG]),
    "DescribeEndpoint": own("endpoint", "EndpointName"),
    "UpdateEndpoint": ({"EndpointName": "FraudModel", "EndpointConfigName": "FraudConfig"}, [_ENDPOINT, _CONFIG]),
    "DeleteEndpoint": own("endpoint", "EndpointName"),
    "UpdateEndpointWeightsAndCapacities": own(
        "endpoint", "EndpointName", DesiredWeightsAndCapacities=[{"VariantName": "v", "DesiredWeight": 1}]),
    "ListEndpoints": ({}, ["*"]),
    "CreateInferenceComponent": (
        {"InferenceComponentName": "FraudPart", "EndpointName": "FraudModel",
         "Specification": {"ModelName": "m"}}, [_ENDPOINT, _COMPONENT]),
    "DescribeInferenceComponent": own("inference-component", "InferenceComponentName"),
    "UpdateInferenceComponent": own("inference-component", "InferenceComponentName"),
    "UpdateInferenceComponentRuntimeConfig": own(
        "inference-component", "InferenceComponentName", DesiredRuntimeConfig={"CopyCount": 1}),
    "DeleteInferenceComponent": own("inference-component", "InferenceComponentName"),
    "ListInferenceComponents": ({}, ["*"]),
    "CreateTransformJob": own("transform-job", "TransformJobName", **_TRANSFORM),
    "DescribeTransformJob": own("transform-job", "TransformJobName"),
    "StopTransformJob": own("transform-job", "TransformJobName"),
    "ListTransformJobs": ({}, ["*"]),
    "AddTags": ({"ResourceArn": _ENDPOINT, **_TAGS}, [_ENDPOINT]),
    "ListTags": ({"ResourceArn": _ENDPOINT}, [_ENDPOINT]),
    "DeleteTags": ({"ResourceArn": _ENDPOINT, "TagKeys": ["k"]}, [_ENDPOINT]),
}
RUNTIME = {
    "InvokeEndpoint": ({"EndpointName": "FraudModel", "Body": b"1", "InferenceComponentName": "FraudPart"},
                       [_ENDPOINT, _COMPONENT]),
    "InvokeEndpointAsync": ({"EndpointName": "FraudModel", "InputLocation": "s3://b/k"}, [_ENDPOINT]),
    "InvokeEndpointWithResponseStream": ({"EndpointName": "FraudModel", "Body": b"1"}, [_ENDPOINT]),
}

# The caller spells the role's name in lower case and without its path.
_ROLE = {"RoleName": "adminrole"}
_OWN_POLICY = "arn:aws:iam::{account}:policy/team/Secret"


def on_role(**more):
    return ({**_ROLE, **more}, [SECRET_ROLE])


def on_policy(**more):
    return ({"PolicyArn": _OWN_POLICY, **more}, [_OWN_POLICY])


def on_user(**more):
    return ({"UserName": "Alice", **more}, ["arn:aws:iam::{account}:user/Alice"])


def on_group(**more):
    return ({"GroupName": "Staff", **more}, ["arn:aws:iam::{account}:group/Staff"])


def on_profile(**more):
    return ({"InstanceProfileName": "Machine", **more}, ["arn:aws:iam::{account}:instance-profile/Machine"])


_PROVIDER = "arn:aws:iam::{account}:oidc-provider/secret.example.com/path"
_LINKED_ROLE = "arn:aws:iam::{account}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"


def on_provider(**more):
    return ({"OpenIDConnectProviderArn": _PROVIDER, **more}, [_PROVIDER])


IAM = {
    "CreateRole": ({"RoleName": "New", "Path": "/ops/", "AssumeRolePolicyDocument": TRUST},
                   ["arn:aws:iam::{account}:role/ops/New"]),
    "GetRole": on_role(),
    "DeleteRole": on_role(),
    "UpdateRole": on_role(Description="d"),
    "UpdateAssumeRolePolicy": on_role(PolicyDocument=TRUST),
    "AttachRolePolicy": on_role(PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess"),
    "DetachRolePolicy": on_role(PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess"),
    "ListAttachedRolePolicies": on_role(),
    "PutRolePolicy": on_role(PolicyName="p", PolicyDocument=DOCUMENT),
    "GetRolePolicy": on_role(PolicyName="p"),
    "DeleteRolePolicy": on_role(PolicyName="p"),
    "ListRolePolicies": on_role(),
    "TagRole": on_role(**_TAGS),
    "UntagRole": on_role(TagKeys=["k"]),
    "ListRoleTags": on_role(),
    "ListInstanceProfilesForRole": on_role(),
    "ListRoles": ({}, ["*"]),
    "CreatePolicy": ({"PolicyName": "Secret", "Path": "/team/", "PolicyDocument": DOCUMENT}, [_OWN_POLICY]),
    "GetPolicy": ({"PolicyArn": _OWN_POLICY}, [_OWN_POLICY]),
    "GetPolicyVersion": ({"PolicyArn": _OWN_POLICY, "VersionId": "v1"}, [_OWN_POLICY]),
    "ListPolicyVersions": ({"PolicyArn": _OWN_POLICY}, [_OWN_POLICY]),
    "DeletePolicy": ({"PolicyArn": _OWN_POLICY}, [_OWN_POLICY]),
    "ListPolicies": ({}, ["*"]),
    "SimulatePrincipalPolicy": (
        {"PolicySourceArn": "arn:aws:iam::{account}:role/adminrole", "ActionNames": ["s3:GetObject"]}, [SECRET_ROLE]),
    "SimulateCustomPolicy": ({"PolicyInputList": [DOCUMENT], "ActionNames": ["s3:GetObject"]}, ["*"]),
    "UpdateRoleDescription": on_role(Description="d"),
    "PutRolePermissionsBoundary": on_role(PermissionsBoundary="arn:aws:iam::aws:policy/AmazonS3FullAccess"),
    "DeleteRolePermissionsBoundary": on_role(),
    "CreatePolicyVersion": on_policy(PolicyDocument=DOCUMENT),
    "DeletePolicyVersion": on_policy(VersionId="v1"),
    "SetDefaultPolicyVersion": on_policy(VersionId="v1"),
    "ListEntitiesForPolicy": on_policy(),
    "TagPolicy": on_policy(**_TAGS),
    "UntagPolicy": on_policy(TagKeys=["k"]),
    "ListPolicyTags": on_policy(),
    "CreateUser": ({"UserName": "New", "Path": "/ops/"}, ["arn:aws:iam::{account}:user/ops/New"]),
    "CreateGroup": ({"GroupName": "New", "Path": "/ops/"}, ["arn:aws:iam::{account}:group/ops/New"]),
    "CreateInstanceProfile": (
        {"InstanceProfileName": "New", "Path": "/ops/"}, ["arn:aws:iam::{account}:instance-profile/ops/New"]),
    "ListUsers": ({}, ["*"]),
    "ListGroups": ({}, ["*"]),
    "ListInstanceProfiles": ({}, ["*"]),
    "AddUserToGroup": on_group(UserName="Alice"),
    "RemoveUserFromGroup": on_group(UserName="Alice"),
    "GetGroup": on_group(),
    "UpdateGroup": on_group(NewPath="/x/"),
    "DeleteGroup": on_group(),
    "GetInstanceProfile": on_profile(),
    "DeleteInstanceProfile": on_profile(),
    "RemoveRoleFromInstanceProfile": on_profile(RoleName="adminrole"),
    "AddRoleToInstanceProfile": on_profile(RoleName="adminrole"),
    "TagInstanceProfile": on_profile(**_TAGS),
    "UntagInstanceProfile": on_profile(TagKeys=["k"]),
    "ListInstanceProfileTags": on_profile(),
    "GetAccountSummary": ({}, ["*"]),
    "CreateAccountAlias": ({"AccountAlias": "matrix"}, ["*"]),
    "DeleteAccountAlias": ({"AccountAlias": "matrix"}, ["*"]),
    "ListAccountAliases": ({}, ["*"]),
    "GetAccessKeyLastUsed": ({"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}, ["*"]),
    "UpdateAccessKey": on_user(AccessKeyId="AKIAIOSFODNN7EXAMPLE", Status="Active"),
    "DeleteAccessKey": on_user(AccessKeyId="AKIAIOSFODNN7EXAMPLE"),
    "GetUser": on_user(), "UpdateUser": on_user(NewPath="/x/"), "DeleteUser": on_user(),
    "CreateAccessKey": on_user(), "ListAccessKeys": on_user(), "ListGroupsForUser": on_user(),
    "TagUser": on_user(**_TAGS), "UntagUser": on_user(TagKeys=["k"]), "ListUserTags": on_user(),
    "PutUserPermissionsBoundary": on_user(PermissionsBoundary="arn:aws:iam::aws:policy/AmazonS3FullAccess"),
    "DeleteUserPermissionsBoundary": on_user(),
    "CreateOpenIDConnectProvider": ({"Url": "https://secret.example.com/path"}, [_PROVIDER]),
    "GetOpenIDConnectProvider": on_provider(),
    "DeleteOpenIDConnectProvider": on_provider(),
    "ListOpenIDConnectProviders": ({}, ["*"]),
    "UpdateOpenIDConnectProviderThumbprint": on_provider(ThumbprintList=["a" * 40]),
    "AddClientIDToOpenIDConnectProvider": on_provider(ClientID="c"),
    "RemoveClientIDFromOpenIDConnectProvider": on_provider(ClientID="c"),
    "TagOpenIDConnectProvider": on_provider(**_TAGS),
    "UntagOpenIDConnectProvider": on_provider(TagKeys=["k"]),
    "ListOpenIDConnectProviderTags": on_provider(),
    "GetAccountPasswordPolicy": ({}, ["*"]),
    "UpdateAccountPasswordPolicy": ({"MinimumPasswordLength": 8}, ["*"]),
    "DeleteAccountPasswordPolicy": ({}, ["*"]),
    "GenerateCredentialReport": ({}, ["*"]),
    "GetCredentialReport": ({}, ["*"]),
    "CreateServiceLinkedRole": ({"AWSServiceName": "ecs.amazonaws.com"}, [_LINKED_ROLE]),
    "DeleteServiceLinkedRole": on_role(),
    "GetServiceLinkedRoleDeletionStatus": (
        {"DeletionTaskId": "task/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/x"}, [_LINKED_ROLE]),
    "GetContextKeysForCustomPolicy": ({"PolicyInputList": [DOCUMENT]}, ["*"]),
    "GetContextKeysForPrincipalPolicy": (
        {"PolicySourceArn": "arn:aws:iam::{account}:role/adminrole"}, [SECRET_ROLE]),
}
for _noun, _on in (("User", on_user), ("Group", on_group)):
    IAM |= {
        f"Attach{_noun}Policy": _on(PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess"),
        f"Detach{_noun}Policy": _on(PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess"),
        f"ListAttached{_noun}Policies": _on(),
        f"Put{_noun}Policy": _on(PolicyName="p", PolicyDocument=DOCUMENT),
        f"Get{_noun}Policy": _on(PolicyName="p"),
        f"Delete{_noun}Policy": _on(PolicyName="p"),
        f"List{_noun}Policies": _on(),
    }

_STREAM = {"logGroupName": "/Secret/g", "logStreamName": "s"}
_STREAM_ARN = [group(rest=":log-stream:s")]
LOGS = {
    "CreateLogGroup": ({"logGroupName": "/Secret/g"}, [group()]),
    "DeleteLogGroup": ({"logGroupName": "/Secret/g"}, [group()]),
    "DescribeLogGroups": ({}, ["*"]),
    "PutRetentionPolicy": ({"logGroupName": "/Secret/g", "retentionInDays": 1}, [group()]),
    "DeleteRetentionPolicy": ({"logGroupName": "/Secret/g"}, [group()]),
    "TagResource": ({"resourceArn": group(rest=""), "tags": {"k": "v"}}, [group()]),
    "UntagResource": ({"resourceArn": group(rest=""), "tagKeys": ["k"]}, [group()]),
    "ListTagsForResource": ({"resourceArn": group(rest="")}, [group()]),
    "TagLogGroup": ({"logGroupName": "/Secret/g", "tags": {"k": "v"}}, [group()]),
    "UntagLogGroup": ({"logGroupName": "/Secret/g", "tags": ["k"]}, [group()]),
    "ListTagsLogGroup": ({"logGroupName": "/Secret/g"}, [group()]),
    "CreateLogStream": (_STREAM, _STREAM_ARN),
    "DeleteLogStream": (_STREAM, _STREAM_ARN),
    "DescribeLogStreams": ({"logGroupIdentifier": group(rest="")}, [group()]),
    "PutLogEvents": ({**_STREAM, "logEvents": [{"timestamp": 1, "message": "m"}]}, _STREAM_ARN),
    "GetLogEvents": ({"logGroupIdentifier": group(rest=""), "logStreamName": "s"}, _STREAM_ARN),
    "FilterLogEvents": ({"logGroupIdentifier": group(rest="")}, [group()]),
}

BUCKET, OBJECT = "arn:aws:s3:::secret-bucket", "arn:aws:s3:::secret-bucket/Dir/Key one"
_B, _O = {"Bucket": "secret-bucket"}, {"Bucket": "secret-bucket", "Key": "Dir/Key one"}
_PART = {**_O, "UploadId": "u", "PartNumber": 1}
_SOURCE = "/secret-bucket/Dir/Key one"  # boto3 encodes the space
_SOURCE_ARN = {"s3:GetObject": [OBJECT]}


def on_bucket(action=None, **more):
    return ({**_B, **more}, {f"s3:{action}": [BUCKET]} if action else [BUCKET])


def on_object(action=None, **more):
    return ({**_O, **more}, {f"s3:{action}": [OBJECT]} if action else [OBJECT])


_RULES = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
_OWNER = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
_SSE = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
_LIFECYCLE = {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "a"}, "Expiration": {"Days": 1}}]}
_TAGGING = {"TagSet": [{"Key": "k", "Value": "v"}]}
S3 = {
    "ListBuckets": ({}, {"s3:ListAllMyBuckets": ["*"]}),
    "CreateBucket": on_bucket(),
    "HeadBucket": on_bucket("ListBucket"),
    "DeleteBucket": on_bucket(),
    "GetBucketLocation": on_bucket(),
    "PutBucketTagging": on_bucket(Tagging=_TAGGING),
    "GetBucketTagging": on_bucket(),
    "DeleteBucketTagging": on_bucket("PutBucketTagging"),
    "PutBucketVersioning": on_bucket(VersioningConfiguration={"Status": "Suspended"}),
    "GetBucketVersioning": on_bucket(),
    "PutBucketPolicy": on_bucket(Policy="{}"),
    "GetBucketPolicy": on_bucket(),
    "DeleteBucketPolicy": on_bucket(),
    "PutBucketEncryption": on_bucket("PutEncryptionConfiguration", ServerSideEncryptionConfiguration=_SSE),
    "GetBucketEncryption": on_bucket("GetEncryptionConfiguration"),
    "DeleteBucketEncryption": on_bucket("PutEncryptionConfiguration"),
    "PutPublicAccessBlock": on_bucket("PutBucketPublicAccessBlock", PublicAccessBlockConfiguration={}),
    "GetPublicAccessBlock": on_bucket("GetBucketPublicAccessBlock"),
    "DeletePublicAccessBlock": on_bucket("PutBucketPublicAccessBlock"),
    "PutBucketCors": on_bucket("PutBucketCORS", CORSConfiguration=_RULES),
    "GetBucketCors": on_bucket("GetBucketCORS"),
    "DeleteBucketCors": on_bucket("PutBucketCORS"),
    "GetBucketAcl": on_bucket(),
    "PutBucketAcl": on_bucket(ACL="private"),
    "PutBucketOwnershipControls": on_bucket(OwnershipControls=_OWNER),
    "GetBucketOwnershipControls": on_bucket(),
    "DeleteBucketOwnershipControls": on_bucket("PutBucketOwnershipControls"),
    "GetBucketPolicyStatus": on_bucket(),
    "GetBucketLifecycleConfiguration": on_bucket("GetLifecycleConfiguration"),
    "PutBucketLifecycleConfiguration": on_bucket("PutLifecycleConfiguration", LifecycleConfiguration=_LIFECYCLE),
    "DeleteBucketLifecycle": on_bucket("PutLifecycleConfiguration"),
    "GetBucketNotificationConfiguration": on_bucket("GetBucketNotification"),
    "PutBucketNotificationConfiguration": on_bucket("PutBucketNotification", NotificationConfiguration={}),
    "GetBucketReplication": on_bucket("GetReplicationConfiguration"),
    "DeleteBucketReplication": on_bucket("PutReplicationConfiguration"),
    "GetBucketWebsite": on_bucket(),
    "DeleteBucketWebsite": on_bucket(),
    "GetBucketLogging": on_bucket(),
    "GetBucketRequestPayment": on_bucket(),
    "PutBucketRequestPayment": on_bucket(RequestPaymentConfiguration={"Payer": "BucketOwner"}),
    "GetBucketAccelerateConfiguration": on_bucket("GetAccelerateConfiguration"),
    "PutBucketAccelerateConfiguration": on_bucket(
        "PutAccelerateConfiguration", AccelerateConfiguration={"Status": "Suspended"}),
    "GetObjectLockConfiguration": on_bucket("GetBucketObjectLockConfiguration"),
    "PutObjectLockConfiguration": on_bucket(
        "PutBucketObjectLockConfiguration", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}),
    "GetObjectRetention": on_object(),
    "PutObjectRetention": on_object(Retention={"Mode": "GOVERNANCE", "RetainUntilDate": "2099-01-01T00:00:00Z"}),
    "GetObjectLegalHold": on_object(),
    "PutObjectLegalHold": on_object(LegalHold={"Status": "OFF"}),
    "ListObjects": on_bucket("ListBucket"),
    "ListObjectsV2": on_bucket("ListBucket"),
    "ListObjectVersions": on_bucket("ListBucketVersions"),
    "ListMultipartUploads": on_bucket("ListBucketMultipartUploads"),
    "PutObject": on_object(Body=b"x"),
    "GetObject": on_object(),
    "HeadObject": on_object("GetObject"),
    "DeleteObject": on_object(),
    "DeleteObjects": ({**_B, "Delete": {"Objects": [{"Key": "Dir/Key one"}]}}, {"s3:DeleteObject": [OBJECT]}),
    "CopyObject": ({"Bucket": "other-bucket", "Key": "k", "CopySource": _SOURCE},
                   {"s3:PutObject": ["arn:aws:s3:::other-bucket/k"], **_SOURCE_ARN}),
    "UploadPartCopy": ({"Bucket": "other-bucket", "Key": "k", "CopySource": _SOURCE, "UploadId": "u", "PartNumber": 1},
                       {"s3:PutObject": ["arn:aws:s3:::other-bucket/k"], **_SOURCE_ARN}),
    "GetObjectTagging": on_object(),
    "PutObjectTagging": on_object(Tagging=_TAGGING),
    "RestoreObject": on_object(RestoreRequest={"Days": 1}),
    "DeleteObjectTagging": on_object(),
    "GetObjectAttributes": (
        {**_O, "ObjectAttributes": ["ETag"]}, {"s3:GetObjectAttributes": [OBJECT], "s3:GetObject": [OBJECT]}),
    "GetObjectAcl": on_object(),
    "PutObjectAcl": on_object(ACL="private"),
    "CreateMultipartUpload": on_object("PutObject"),
    "UploadPart": ({**_PART, "Body": b"x"}, {"s3:PutObject": [OBJECT]}),
    "CompleteMultipartUpload": on_object(
        "PutObject", UploadId="u", MultipartUpload={"Parts": [{"ETag": "e", "PartNumber": 1}]}),
    "AbortMultipartUpload": on_object(UploadId="u"),
    "ListParts": on_object("ListMultipartUploadParts", UploadId="u"),
}

STS = {"GetAccessKeyInfo": ({"AccessKeyId": "ASIAIOSFODNN7EXAMPLE"}, ["*"])}
_TRAIL = f"arn:aws:cloudtrail:{REGION}:{{account}}:trail/Secret-Trail"


def trail(member="Name", **more):
    return ({member: "Secret-Trail", **more}, [_TRAIL])


CLOUDTRAIL = {
    "LookupEvents": ({}, ["*"]),
    "ListPublicKeys": ({}, ["*"]),
    "DescribeTrails": ({}, ["*"]),
    "ListTrails": ({}, ["*"]),
    "CreateTrail": trail(S3BucketName="b"),
    "GetTrail": trail(),
    "UpdateTrail": trail(),
    "DeleteTrail": trail(),
    "StartLogging": trail(),
    "StopLogging": trail(),
    "GetTrailStatus": trail(),
    "PutEventSelectors": trail("TrailName", EventSelectors=[{"ReadWriteType": "All"}]),
    "GetEventSelectors": trail("TrailName"),
    "AddTags": ({"ResourceId": _TRAIL, "TagsList": [{"Key": "k"}]}, [_TRAIL]),
    "ListTags": ({"ResourceIdList": [_TRAIL]}, [_TRAIL]),
    "RemoveTags": ({"ResourceId": _TRAIL, "TagsList": [{"Key": "k"}]}, [_TRAIL]),
}
_KEY_ID = "11111111-2222-4333-8444-555555555555"
_KEY = f"arn:aws:kms:{REGION}:{{account}}:key/{_KEY_ID}"
_OTHER_KEY = _KEY.replace("11111111", "99999999")
_ALIAS = f"arn:aws:kms:{REGION}:{{account}}:alias/secret"


def on_key(**more):
    """Returns (input, ARNs) for an operation on one KMS key."""
    return ({"KeyId": _KEY_ID, **more}, [_KEY])


KMS = {
    "CreateKey": ({"Tags": [{"TagKey": "k", "TagValue": "v"}]}, {"kms:CreateKey": ["*"], "kms:TagResource": ["*"]}),
    "ListKeys": ({}, ["*"]),
    "ListAliases": ({}, ["*"]),
    "GenerateRandom": ({"NumberOfBytes": 8}, ["*"]),
    "ListRetirableGrants": ({"RetiringPrincipal": SECRET_ROLE}, ["*"]),
    "CreateAlias": ({"AliasName": "alias/secret", "TargetKeyId": _KEY_ID}, [_ALIAS, _KEY]),
    "UpdateAlias": ({"AliasName": "alias/secret", "TargetKeyId": _KEY_ID}, [_ALIAS, _KEY]),
    "DeleteAlias": ({"AliasName": "alias/secret"}, [_ALIAS]),
    "ReEncrypt": ({"CiphertextBlob": b"x", "SourceKeyId": _KEY_ID, "DestinationKeyId": _OTHER_KEY},
                  {"kms:ReEncryptFrom": [_KEY], "kms:ReEncryptTo": [_OTHER_KEY]}),
    "Encrypt": on_key(Plaintext=b"x"),
    "Decrypt": on_key(CiphertextBlob=b"x"),
    "GenerateDataKey": on_key(KeySpec="AES_256"),
    "GenerateDataKeyWithoutPlaintext": on_key(KeySpec="AES_256"),
    "GenerateDataKeyPair": on_key(KeyPairSpec="ECC_NIST_P256"),
    "GenerateDataKeyPairWithoutPlaintext": on_key(KeyPairSpec="ECC_NIST_P256"),
    "Sign": on_key(Message=b"x", SigningAlgorithm="ECDSA_SHA_256"),
    "Verify": on_key(Message=b"x", Signature=b"x", SigningAlgorithm="ECDSA_SHA_256"),
    "GenerateMac": on_key(Message=b"x", MacAlgorithm="HMAC_SHA_256"),
    "VerifyMac": on_key(Message=b"x", Mac=b"x", MacAlgorithm="HMAC_SHA_256"),
    "DeriveSharedSecret": on_key(KeyAgreementAlgorithm="ECDH", PublicKey=b"x"),
    "CreateGrant": on_key(GranteePrincipal=SECRET_ROLE, Operations=["Decrypt"]),
    "ListGrants": on_key(),
    "RevokeGrant": on_key(GrantId="0" * 64),
    "RetireGrant": ({"KeyId": _KEY, "GrantId": "0" * 64}, [_KEY]),
    "PutKeyPolicy": on_key(Policy=DOCUMENT),
    "EnableKeyRotation": on_key(),
    "TagResource": on_key(Tags=[{"TagKey": "k", "TagValue": "v"}]),
    "UntagResource": on_key(TagKeys=["k"]),
    "UpdateKeyDescription": on_key(Description="d"),
    **{name: on_key() for name in (
        "DescribeKey", "EnableKey", "DisableKey", "ScheduleKeyDeletion", "CancelKeyDeletion", "GetPublicKey",
        "GetKeyPolicy", "ListKeyPolicies", "DisableKeyRotation", "GetKeyRotationStatus", "RotateKeyOnDemand",
        "ListKeyRotations", "ListResourceTags")},
}
# Operations that every caller may call, AssumeRole and its like, which the role's trust policy decides, and
# GetFederationToken, which sessions may not call (see other tests).
FREE = {"sts": {"GetCallerIdentity", "GetSessionToken", "AssumeRole", "AssumeRoleWithWebIdentity", "GetFederationToken"},
        "sagemaker": {"ListEndpointDeployments"}}
CASES = {"sagemaker": SAGEMAKER, "sagemaker-runtime": RUNTIME, "iam": IAM, "logs": LOGS, "s3": S3, "sts": STS,
         "cloudtrail": CLOUDTRAIL, "kms": KMS}


def needed(service, operation, account):
    """Returns (input, {action: [ARN]}) with the account filled in."""
    given, resources = CASES[service][operation]
    if isinstance(resources, list):
        resources = {f"{service.removesuffix('-runtime')}:{operation}": resources}

    def fill(value):
        if isinstance(value, str):
            return value.replace("{account}", account)
        if isinstance(value, dict):
            return {key: fill(each) for key, each in value.items()}
        return [fill(each) for each in value] if isinstance(value, list) else value
    return fill(given), {action: fill(arns) for action, arns in resources.items()}

// One call or more of every protocol through the AWS SDK for JavaScript v3. Prints one JSON object
// of facts, which tests/conformance/js_test.py checks. AWS_ENDPOINT_URL and keys come from the
// environment.
import { Readable } from "node:stream";
import { createHash, randomBytes } from "node:crypto";
import {
  S3Client, CreateBucketCommand, PutObjectCommand, GetObjectCommand, HeadObjectCommand,
  ListObjectsV2Command, DeleteObjectsCommand, DeleteBucketCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { IAMClient, CreateRoleCommand, GetRoleCommand, DeleteRoleCommand } from "@aws-sdk/client-iam";
import {
  CloudWatchLogsClient, CreateLogGroupCommand, CreateLogStreamCommand, PutLogEventsCommand,
  GetLogEventsCommand, DeleteLogGroupCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { SageMakerClient, DescribeTrainingJobCommand, ListModelsCommand } from "@aws-sdk/client-sagemaker";
import { SageMakerRuntimeClient, InvokeEndpointCommand } from "@aws-sdk/client-sagemaker-runtime";
import { CloudWatchClient, ListMetricsCommand } from "@aws-sdk/client-cloudwatch";
import { SQSClient, ListQueuesCommand } from "@aws-sdk/client-sqs";

const facts = {};
const fault = async (call) => {
  try {
    await call();
    return "no error";
  } catch (error) {
    return { name: error.name, status: error.$metadata?.httpStatusCode, message: error.message };
  }
};
const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");

// awsQuery
const sts = new STSClient({});
facts.account = (await sts.send(new GetCallerIdentityCommand({}))).Account;
const iam = new IAMClient({});
const trust = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: { Service: "sagemaker.amazonaws.com" }, Action: "sts:AssumeRole" }] };
await iam.send(new CreateRoleCommand({ RoleName: "js-smoke", AssumeRolePolicyDocument: JSON.stringify(trust) }));
facts.role = (await iam.send(new GetRoleCommand({ RoleName: "js-smoke" }))).Role.Arn;
await iam.send(new DeleteRoleCommand({ RoleName: "js-smoke" }));
facts.missingRole = await fault(() => iam.send(new GetRoleCommand({ RoleName: "js-smoke" })));

// restXml, a plain body and a stream of unknown signature (aws-chunked inside HTTP chunked)
const s3 = new S3Client({ forcePathStyle: true });
const Bucket = "js-smoke-" + randomBytes(4).toString("hex");
await s3.send(new CreateBucketCommand({ Bucket }));
await s3.send(new PutObjectCommand({ Bucket, Key: "plain", Body: "hello", Metadata: { colour: "blue" } }));
const got = await s3.send(new GetObjectCommand({ Bucket, Key: "plain" }));
facts.plain = await got.Body.transformToString();
facts.metadata = got.Metadata;
const big = randomBytes(3 * 1024 * 1024 + 17);
await s3.send(new PutObjectCommand({
  Bucket, Key: "streams/big one", ContentLength: big.length,
  Body: Readable.from([big.subarray(0, 1000), big.subarray(1000, 2_000_000), big.subarray(2_000_000)]),
}));
const back = await (await s3.send(new GetObjectCommand({ Bucket, Key: "streams/big one" }))).Body.transformToByteArray();
facts.streamIntact = digest(back) === digest(big);
facts.headLength = (await s3.send(new HeadObjectCommand({ Bucket, Key: "streams/big one" }))).ContentLength;
facts.keys = (await s3.send(new ListObjectsV2Command({ Bucket }))).Contents.map((object) => object.Key);
const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "plain" }), { expiresIn: 60 });
facts.presigned = await (await fetch(url)).text();
facts.missingKey = await fault(() => s3.send(new GetObjectCommand({ Bucket, Key: "none" })));
await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: "plain" }, { Key: "streams/big one" }] } }));
await s3.send(new DeleteBucketCommand({ Bucket }));

// awsJson 1.1
const logs = new CloudWatchLogsClient({});
const logGroupName = "/js/smoke", logStreamName = "s";
await logs.send(new CreateLogGroupCommand({ logGroupName }));
await logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
await logs.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents: [{ timestamp: Date.now(), message: "grüezi" }] }));
facts.logged = (await logs.send(new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true }))).events.map((e) => e.message);
await logs.send(new DeleteLogGroupCommand({ logGroupName }));
const sagemaker = new SageMakerClient({});
facts.models = (await sagemaker.send(new ListModelsCommand({}))).Models.length;
facts.missingJob = await fault(() => sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: "none" })));

// restJson1
const runtime = new SageMakerRuntimeClient({});
facts.missingEndpoint = await fault(() => runtime.send(new InvokeEndpointCommand({ EndpointName: "none", Body: "1,2", ContentType: "text/csv" })));

// rpcv2Cbor or awsJson 1.0, and awsJson 1.0 query-compatible: services that are not there yet say so.
facts.cloudwatch = await fault(() => new CloudWatchClient({ maxAttempts: 1 }).send(new ListMetricsCommand({})));
facts.sqs = await fault(() => new SQSClient({ maxAttempts: 1 }).send(new ListQueuesCommand({})));

console.log(JSON.stringify(facts));

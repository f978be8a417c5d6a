// Hosting through the AWS SDK for JavaScript v3: an update with a DeploymentConfig, asynchronous
// inference, a stream, a transform job. Prints one JSON object of facts, which
// tests/conformance/test_other_sdks.py checks. The argument is a JSON object of what it made.
import {
  SageMakerClient, UpdateEndpointCommand, DescribeEndpointCommand, CreateTransformJobCommand,
  DescribeTransformJobCommand, waitUntilEndpointInService, waitUntilTransformJobCompletedOrStopped,
} from "@aws-sdk/client-sagemaker";
import {
  SageMakerRuntimeClient, InvokeEndpointCommand, InvokeEndpointAsyncCommand,
  InvokeEndpointWithResponseStreamCommand,
} from "@aws-sdk/client-sagemaker-runtime";

const given = JSON.parse(process.argv[2]);
const sagemaker = new SageMakerClient({});
const runtime = new SageMakerRuntimeClient({});
const facts = {};
const quickly = { client: sagemaker, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
const csv = { ContentType: "text/csv", Accept: "text/csv", Body: "1,2" };
const EndpointName = given.endpoint;
const ask = async () =>
  Number(Buffer.from((await runtime.send(new InvokeEndpointCommand({ EndpointName, ...csv }))).Body).toString());

facts.before = await ask();
const DeploymentConfig = {
  BlueGreenUpdatePolicy: {
    TrafficRoutingConfiguration: {
      Type: "LINEAR", WaitIntervalInSeconds: 1, LinearStepSize: { Type: "CAPACITY_PERCENT", Value: 50 },
    },
    TerminationWaitInSeconds: 0, MaximumExecutionTimeoutInSeconds: 600,
  },
};
const { EndpointArn } = await sagemaker.send(new UpdateEndpointCommand({
  EndpointName, EndpointConfigName: given.config, DeploymentConfig, RetainAllVariantProperties: false,
}));
facts.arn = EndpointArn;
facts.updating = (await sagemaker.send(new DescribeEndpointCommand({ EndpointName }))).EndpointStatus;
facts.waited = (await waitUntilEndpointInService(quickly, { EndpointName })).state;
const after = await sagemaker.send(new DescribeEndpointCommand({ EndpointName }));
facts.config = after.EndpointConfigName;
facts.policy = after.LastDeploymentConfig.BlueGreenUpdatePolicy.TrafficRoutingConfiguration;
facts.modified = after.LastModifiedTime instanceof Date && after.LastModifiedTime >= after.CreationTime;
facts.after = await ask();

const stream = await runtime.send(new InvokeEndpointWithResponseStreamCommand({ EndpointName, ...csv }));
facts.streamed = "";
for await (const event of stream.Body) facts.streamed += Buffer.from(event.PayloadPart.Bytes).toString();
facts.streamType = stream.ContentType;

const queued = await runtime.send(new InvokeEndpointAsyncCommand({
  EndpointName: given.asynchronous, InputLocation: given.input, ContentType: "text/csv", Accept: "text/csv",
  InferenceId: "from-js", InvocationTimeoutSeconds: 60,
}));
facts.queued = { status: queued.$metadata.httpStatusCode, id: queued.InferenceId, output: queued.OutputLocation };

const { transform } = given;
await sagemaker.send(new CreateTransformJobCommand(transform));
const { TransformJobName } = transform;
facts.transformed = (await waitUntilTransformJobCompletedOrStopped(quickly, { TransformJobName })).state;
const job = await sagemaker.send(new DescribeTransformJobCommand({ TransformJobName }));
facts.job = { status: job.TransformJobStatus, output: job.TransformOutput, reason: job.FailureReason };
console.log(JSON.stringify(facts));

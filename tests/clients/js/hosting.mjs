// An endpoint asked through the AWS SDK for JavaScript v3, plainly and as a stream. Prints one JSON
// object of facts, which tests/conformance/test_streaming.py checks. The endpoint's name and the
// body are the arguments.
import {
  SageMakerRuntimeClient, InvokeEndpointCommand, InvokeEndpointWithResponseStreamCommand,
} from "@aws-sdk/client-sagemaker-runtime";

const [, , EndpointName, Body] = process.argv;
const runtime = new SageMakerRuntimeClient({});
const facts = {};
const plain = await runtime.send(new InvokeEndpointCommand({ EndpointName, Body, ContentType: "text/plain", Accept: "text/plain" }));
facts.variant = plain.InvokedProductionVariant;
facts.plain = Buffer.from(plain.Body).toString();
const streamed = await runtime.send(new InvokeEndpointWithResponseStreamCommand({ EndpointName, Body, ContentType: "text/plain", Accept: "text/plain" }));
facts.parts = [];
for await (const event of streamed.Body) facts.parts.push(Buffer.from(event.PayloadPart.Bytes).toString());
try {
  await runtime.send(new InvokeEndpointCommand({ EndpointName, Body: "0 0", ContentType: "text/plain" }));
} catch (error) {
  facts.failed = { name: error.name, status: error.OriginalStatusCode, message: error.OriginalMessage };
}
console.log(JSON.stringify(facts));

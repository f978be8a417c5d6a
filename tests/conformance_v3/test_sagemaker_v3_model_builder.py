"""Hosting with ModelBuilder of the SageMaker Python SDK v3, unmodified: every way that deploy() supports.

Whatever the server does, deploy() sleeps 30 s before its first check, so these tests deploy with wait=False and
wait themselves.
"""
import json

import pytest

from v3_world import SCIKIT_LEARN, XGBOOST, V3World, named, number, text_of, wait_until


@pytest.fixture(scope="module")
def world(environment, server):
    return V3World(server)


def built(world, value=None, **more):
    """Builds a native model that answers `value`, or the script; returns the builder."""
    from sagemaker.serve import ModelBuilder
    image, archive = (SCIKIT_LEARN, world.echo_archive()) if value is None else (XGBOOST, world.leaf_archive(value))
    builder = ModelBuilder(image_uri=image, s3_model_data_url=archive, role_arn=world.role,
                           sagemaker_session=world.session, instance_type="ml.m5.large",
                           **({"env_vars": {"SAGEMAKER_PROGRAM": "inference.py"}} if value is None else {}), **more)
    builder.build(model_name=named("v3"))
    return builder


def deployed(builder, **options):
    endpoint = builder.deploy(endpoint_name=named("v3"), wait=False, **options)
    endpoint.wait_for_status("InService", poll=1, timeout=60)
    return endpoint


def test_instances_with_capture(world):
    """deploy(update_endpoint=True) is not tested: in this SDK it fails before it sends a request."""
    from sagemaker.core.model_monitor.data_capture_config import DataCaptureConfig
    prefix = named("captured")
    capture = DataCaptureConfig(enable_capture=True, sampling_percentage=100, sagemaker_session=world.session,
                                destination_s3_uri=f"s3://{world.bucket}/{prefix}")
    endpoint = deployed(built(world, 1.0), initial_instance_count=2, data_capture_config=capture)
    assert endpoint.production_variants[0].current_instance_count == 2
    assert number(endpoint) == 1.0
    [entry] = wait_until(lambda: world.s3.list_objects_v2(Bucket=world.bucket, Prefix=prefix).get("Contents"))
    record = json.loads(world.read(f"s3://{world.bucket}/{entry['Key']}"))
    assert record["captureData"]["endpointInput"]["data"] == "1,2"
    endpoint.delete()


def test_serializers_of_the_endpoint(world):
    """Endpoint.invoke() uses a serializer and a deserializer."""
    from sagemaker.core.deserializers import CSVDeserializer
    from sagemaker.core.serializers import CSVSerializer
    endpoint = deployed(built(world, 3.0))
    endpoint.serializer, endpoint.deserializer = CSVSerializer(), CSVDeserializer()
    answer = endpoint.invoke(body=[[1, 2], [3, 4]], content_type="text/csv", accept="text/csv")
    assert [float(value) for row in answer.body for value in row] == [3.0, 3.0]
    endpoint.delete()


def test_serverless(world):
    from sagemaker.core.inference_config import ServerlessInferenceConfig
    endpoint = deployed(built(world), inference_config=ServerlessInferenceConfig(memory_size_in_mb=2048,
                                                                                 max_concurrency=2))
    serverless = endpoint.production_variants[0].current_serverless_config
    assert (serverless.memory_size_in_mb, serverless.max_concurrency) == (2048, 2)
    assert text_of(endpoint.invoke(body="world", content_type="text/plain")) == "hello world"
    endpoint.delete()


def test_asynchronous(world):
    from sagemaker.core.inference_config import AsyncInferenceConfig
    endpoint = deployed(built(world), inference_config=AsyncInferenceConfig(
        output_path=f"s3://{world.bucket}/v3-builder-out", max_concurrent_invocations_per_instance=1))
    said = endpoint.invoke_async(input_location=world.put("v3-builder-in/a", "later"), content_type="text/plain")
    assert said.output_location.startswith(f"s3://{world.bucket}/v3-builder-out/")
    assert world.object(said.output_location) == b"hello later"
    endpoint.delete()


def test_batch_transform(world):
    world.put("v3-builder-rows/a.csv", "1,2\n3,4\n5,6\n")
    transformer = built(world, 6.0).transformer(1, "ml.m5.large", assemble_with="Line", accept="text/csv",
                                                output_path=f"s3://{world.bucket}/v3-builder-transformed")
    transformer.transform(f"s3://{world.bucket}/v3-builder-rows/", content_type="text/csv", split_type="Line",
                          wait=False)
    name = transformer.latest_transform_job.transform_job_name
    job = wait_until(lambda: (found := world.sm.describe_transform_job(TransformJobName=name))
                     ["TransformJobStatus"] != "InProgress" and found)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    lines = world.read(f"s3://{world.bucket}/v3-builder-transformed/a.csv.out").split()
    assert [float(line) for line in lines] == [6.0, 6.0, 6.0]


def test_an_inference_component(world):
    from sagemaker.core.resource_requirements import ResourceRequirements
    from sagemaker.core.resources import Endpoint, InferenceComponent
    builder, name = built(world, 8.0), named("v3-component")
    builder.deploy(endpoint_name=named("v3"), wait=False, inference_component_name=name,
                   inference_config=ResourceRequirements(requests={"memory": 512, "num_cpus": 1, "copies": 1}))
    wait_until(lambda: world.sm.describe_inference_component(InferenceComponentName=name)
               ["InferenceComponentStatus"] == "InService")
    endpoint = Endpoint.get(builder.endpoint_name, session=world.boto)
    assert number(endpoint, inference_component_name=name) == 8.0
    component = InferenceComponent.get(name, session=world.boto)
    component.delete()
    component.wait_for_delete(poll=1, timeout=60)
    endpoint.delete()

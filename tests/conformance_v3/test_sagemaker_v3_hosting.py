"""Hosting through the resource classes of the SageMaker Python SDK v3, unmodified."""
import io
import json
from collections import Counter

import numpy
import pytest

from v3_world import SCIKIT_LEARN, XGBOOST, V3World, named, number, split_booster, text_of, wait_until


@pytest.fixture(scope="module")
def world(environment, server):
    return V3World(server)


@pytest.fixture(scope="module")
def split(world):
    """An endpoint with a model that answers 10 or 20 depending on the second feature; 10 when it is missing."""
    from sagemaker.core.shapes import ContainerDefinition
    archive = world.archive(split_booster(0.5, 10.0, 20.0))
    with world.endpoint(world.config(world.variant(world.model(
            ContainerDefinition(image=XGBOOST, model_data_url=archive))))) as endpoint:
        yield endpoint


def test_two_variants(world):
    from sagemaker.core.shapes import DesiredWeightAndCapacity
    config = world.config(world.variant(world.model(world.leaf(1.0)), "one", 3.0),
                          world.variant(world.model(world.leaf(2.0)), "two", 1.0))
    with world.endpoint(config) as endpoint:
        answers = Counter(number(endpoint) for _ in range(100))
        assert abs(answers[1.0] - 75) <= 3 and answers.total() == 100, answers
        answer = endpoint.invoke(body="1,2", content_type="text/csv", accept="text/csv", target_variant="two")
        assert (float(text_of(answer)), answer.invoked_production_variant) == (2.0, "two")
        endpoint.update_weights_and_capacities([
            # The weight is not 0, since the SDK leaves zeros out of its requests.
            DesiredWeightAndCapacity(variant_name="one", desired_weight=1.0),
            DesiredWeightAndCapacity(variant_name="two", desired_weight=4.0, desired_instance_count=2)])
        endpoint.wait_for_status("InService", poll=1, timeout=60)
        answers = Counter(number(endpoint) for _ in range(100))
        assert abs(answers[2.0] - 80) <= 3 and answers.total() == 100, answers
        summaries = {each.variant_name: each for each in endpoint.refresh().production_variants}
        assert (summaries["one"].current_weight, summaries["two"].current_instance_count) == (1.0, 2)


def test_a_shadow_variant(world):
    config = world.config(world.variant(world.model(world.leaf(1.0)), "main"),
                          shadow_production_variants=[world.variant(world.model(world.leaf(9.0)), "shadow")])
    with world.endpoint(config) as endpoint:
        [shadow] = endpoint.shadow_production_variants
        assert shadow.variant_name == "shadow" and shadow.current_instance_count == 1
        assert {number(endpoint) for _ in range(10)} == {1.0}


def canary(wait_seconds):
    from sagemaker.core.shapes import BlueGreenUpdatePolicy, CapacitySize, DeploymentConfig, TrafficRoutingConfig
    return DeploymentConfig(blue_green_update_policy=BlueGreenUpdatePolicy(
        traffic_routing_configuration=TrafficRoutingConfig(
            type="CANARY", wait_interval_in_seconds=wait_seconds,
            canary_size=CapacitySize(type="CAPACITY_PERCENT", value=50)),
        termination_wait_in_seconds=0))


def rolling():
    from sagemaker.core.shapes import CapacitySize, DeploymentConfig, RollingUpdatePolicy
    return DeploymentConfig(rolling_update_policy=RollingUpdatePolicy(
        maximum_batch_size=CapacitySize(type="INSTANCE_COUNT", value=1), wait_interval_in_seconds=1))


def test_update_with_a_deployment_config(world):
    with world.endpoint(world.config(world.variant(world.model(world.leaf(1.0)), count=2))) as endpoint:
        first = endpoint.endpoint_config_name
        endpoint.endpoint_config_name = world.config(
            world.variant(world.model(world.leaf(2.0)), count=2)).endpoint_config_name
        second = endpoint.endpoint_config_name
        endpoint.update(deployment_config=canary(2))
        pending = wait_until(lambda: _pending(endpoint))
        assert pending.endpoint_config_name == second
        wait_until(lambda: {1.0, 2.0} == {number(endpoint) for _ in range(10)})
        endpoint.wait_for_status("InService", poll=1, timeout=60)
        assert endpoint.endpoint_config_name == second and first != second
        assert {number(endpoint) for _ in range(10)} == {2.0}
        policy = endpoint.last_deployment_config.blue_green_update_policy.traffic_routing_configuration
        assert (policy.type, policy.canary_size.value, policy.wait_interval_in_seconds) == ("CANARY", 50, 2)

        endpoint.endpoint_config_name = first
        endpoint.update(deployment_config=rolling(), retain_all_variant_properties=True)
        endpoint.wait_for_status("InService", poll=1, timeout=60)
        assert endpoint.endpoint_config_name == first and number(endpoint) == 1.0
        assert endpoint.last_deployment_config.rolling_update_policy.maximum_batch_size.value == 1


def _pending(endpoint):
    """The SDK's attribute for a member that the answer leaves out has no value."""
    name = endpoint.endpoint_config_name
    found = endpoint.refresh().pending_deployment_summary
    assert endpoint.endpoint_status in ("Updating", "InService"), (endpoint.endpoint_status, name)
    return found if type(found).__name__ == "PendingDeploymentSummary" else None


def test_an_endpoint_that_fails_says_why(world):
    from sagemaker.core.resources import Endpoint
    from sagemaker.core.shapes import ContainerDefinition
    from sagemaker.core.utils.exceptions import FailedStatusError
    archive = world.put("nonsense/model.tar.gz", b"this is no archive")
    model = world.model(ContainerDefinition(image=XGBOOST, model_data_url=archive))
    endpoint = Endpoint.create(endpoint_name=named("v3"), session=world.boto,
                               endpoint_config_name=world.config(world.variant(model)))
    with pytest.raises(FailedStatusError) as raised:
        endpoint.wait_for_status("InService", poll=1, timeout=60)
    assert f"The model archive {archive} cannot be unpacked: " in str(raised.value)
    endpoint.delete()
    endpoint.wait_for_delete(poll=1, timeout=60)


def test_data_capture(world):
    from sagemaker.core.shapes import CaptureContentTypeHeader, CaptureOption, DataCaptureConfig
    prefix = named("captured")
    capture = DataCaptureConfig(
        enable_capture=True, initial_sampling_percentage=100, destination_s3_uri=f"s3://{world.bucket}/{prefix}",
        capture_options=[CaptureOption(capture_mode="Input"), CaptureOption(capture_mode="Output")],
        capture_content_type_header=CaptureContentTypeHeader(csv_content_types=["text/csv"]))
    config = world.config(world.variant(world.model(world.leaf(3.0))), data_capture_config=capture)
    with world.endpoint(config) as endpoint:
        assert endpoint.data_capture_config.capture_status == "Started"
        assert number(endpoint, inference_id="order-7") == 3.0
        keys = wait_until(lambda: world.s3.list_objects_v2(Bucket=world.bucket, Prefix=prefix).get("Contents"))
        assert len(keys) == 1 and f"{prefix}/{endpoint.endpoint_name}/AllTraffic/" in keys[0]["Key"]
        record = json.loads(world.read(f"s3://{world.bucket}/{keys[0]['Key']}"))
        assert record["captureData"]["endpointInput"] == {
            "observedContentType": "text/csv", "mode": "INPUT", "data": "1,2", "encoding": "CSV"}
        assert float(record["captureData"]["endpointOutput"]["data"]) == 3.0
        assert record["eventMetadata"]["inferenceId"] == "order-7"


def test_the_sdk_cannot_spell_serverless(world):
    """The SDK's resource classes send a MemorySizeInMb that the API's model does not have; ModelBuilder does not."""
    from botocore.exceptions import ParamValidationError
    from sagemaker.core.shapes import ProductionVariant, ProductionVariantServerlessConfig
    variant = ProductionVariant(variant_name="AllTraffic", model_name="any", serverless_config=
                                ProductionVariantServerlessConfig(memory_size_in_mb=1024, max_concurrency=3))
    with pytest.raises(ParamValidationError, match="MemorySizeInMb"):
        world.config(variant)


def test_asynchronous_inference(world):
    from sagemaker.core.shapes import AsyncInferenceClientConfig, AsyncInferenceConfig, AsyncInferenceOutputConfig
    config = world.config(world.variant(world.model(world.echo())), async_inference_config=AsyncInferenceConfig(
        client_config=AsyncInferenceClientConfig(max_concurrent_invocations_per_instance=2),
        output_config=AsyncInferenceOutputConfig(s3_output_path=f"s3://{world.bucket}/v3-out",
                                                 s3_failure_path=f"s3://{world.bucket}/v3-failed")))
    with world.endpoint(config) as endpoint:
        assert endpoint.async_inference_config.client_config.max_concurrent_invocations_per_instance == 2
        said = endpoint.invoke_async(input_location=world.put("v3-in/a", "there"), content_type="text/plain",
                                     inference_id="order-8", request_ttl_seconds=600,
                                     invocation_timeout_seconds=30)
        assert said.inference_id == "order-8"
        assert world.object(said.output_location) == b"hello there"
        said = endpoint.invoke_async(input_location=world.put("v3-in/b", "fail"), content_type="text/plain")
        assert b"so it was asked for" in world.object(said.failure_location)


def test_a_stream(world):
    with world.endpoint(world.config(world.variant(world.model(world.echo("one two"))))) as endpoint:
        # endpoint.invoke_with_response_stream() of the SDK cannot read any event stream (it takes the stream for a
        # dictionary, whichever server answers), but its own client can.
        with pytest.raises(AttributeError, match="EventStream"):
            endpoint.invoke_with_response_stream(body="three", content_type="text/plain", accept="text/pieces")
        client = endpoint._get_client(service_name="sagemaker-runtime")
        answer = client.invoke_endpoint_with_response_stream(
            EndpointName=endpoint.endpoint_name, Body="three", ContentType="text/plain", Accept="text/pieces")
        assert b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"]) == b"onetwothree"


def test_a_transform_job(world):
    from sagemaker.core.resources import TransformJob
    from sagemaker.core.shapes import (DataProcessing, TransformDataSource, TransformInput, TransformOutput,
                                       TransformResources, TransformS3DataSource)
    world.put("v3-rows/a.csv", "1,2\n3,4\n")
    job = TransformJob.create(
        transform_job_name=named("v3"), model_name=world.model(world.leaf(4.0)), session=world.boto,
        transform_input=TransformInput(content_type="text/csv", split_type="Line", data_source=TransformDataSource(
            s3_data_source=TransformS3DataSource(s3_data_type="S3Prefix", s3_uri=f"s3://{world.bucket}/v3-rows/"))),
        transform_output=TransformOutput(s3_output_path=f"s3://{world.bucket}/v3-transformed", accept="text/csv",
                                         assemble_with="Line"),
        transform_resources=TransformResources(instance_type="ml.m5.large", instance_count=1),
        data_processing=DataProcessing(join_source="Input", input_filter="$", output_filter="$"),
        batch_strategy="MultiRecord", max_concurrent_transforms=1, max_payload_in_mb=1)
    job.wait(poll=1, timeout=60)
    assert job.transform_job_status == "Completed" and job.transform_output.accept == "text/csv"
    lines = world.read(f"s3://{world.bucket}/v3-transformed/a.csv.out").decode().splitlines()
    assert [[float(value) for value in line.split(",")] for line in lines] == [[1, 2, 4], [3, 4, 4]]
    [listed] = TransformJob.get_all(name_contains=job.transform_job_name, session=world.boto)
    assert listed.transform_job_name == job.transform_job_name


def test_a_transform_job_that_fails(world):
    from sagemaker.core.resources import TransformJob
    from sagemaker.core.shapes import (TransformDataSource, TransformInput, TransformOutput, TransformResources,
                                       TransformS3DataSource)
    from sagemaker.core.utils.exceptions import FailedStatusError
    world.put("v3-bad-rows/a.csv", "1,2\n3,oops\n")
    job = TransformJob.create(
        transform_job_name=named("v3"), model_name=world.model(world.leaf(4.0)), session=world.boto,
        transform_input=TransformInput(content_type="text/csv", split_type="Line", data_source=TransformDataSource(
            s3_data_source=TransformS3DataSource(s3_data_type="S3Prefix",
                                                 s3_uri=f"s3://{world.bucket}/v3-bad-rows/"))),
        transform_output=TransformOutput(s3_output_path=f"s3://{world.bucket}/v3-none"),
        transform_resources=TransformResources(instance_type="ml.m5.large", instance_count=1))
    with pytest.raises(FailedStatusError, match="a.csv, line 2"):
        job.wait(poll=1, timeout=60)


def test_inference_components(world):
    from sagemaker.core.resources import InferenceComponent
    from sagemaker.core.shapes import (InferenceComponentComputeResourceRequirements,
                                       InferenceComponentContainerSpecification, InferenceComponentRuntimeConfig,
                                       InferenceComponentSpecification, ProductionVariant)
    needs = InferenceComponentComputeResourceRequirements(min_memory_required_in_mb=512)
    config = world.config(ProductionVariant(variant_name="AllTraffic", instance_type="ml.m5.large",
                                            initial_instance_count=1), execution_role_arn=world.role)
    with world.endpoint(config) as endpoint:
        component = InferenceComponent.create(
            inference_component_name=named("v3"), endpoint_name=endpoint, variant_name="AllTraffic",
            session=world.boto, runtime_config=InferenceComponentRuntimeConfig(copy_count=1),
            specification=InferenceComponentSpecification(model_name=world.model(world.leaf(5.0)).model_name,
                                                          compute_resource_requirements=needs))
        component.wait_for_status("InService", poll=1, timeout=60)
        name = component.inference_component_name
        assert number(endpoint, inference_component_name=name) == 5.0
        component.update_runtime_configs(InferenceComponentRuntimeConfig(copy_count=2))
        component.wait_for_status("InService", poll=1, timeout=60)
        assert component.refresh().runtime_config.current_copy_count == 2
        component.update(specification=InferenceComponentSpecification(
            container=InferenceComponentContainerSpecification(
                image=SCIKIT_LEARN, artifact_url=world.echo_archive(),
                environment={"SAGEMAKER_PROGRAM": "inference.py", "GREETING": "replaced"}),
            compute_resource_requirements=needs))
        component.wait_for_status("InService", poll=1, timeout=60)
        answer = endpoint.invoke(body="now", content_type="text/plain", inference_component_name=name)
        assert text_of(answer) == "replaced now"
        listed = InferenceComponent.get_all(endpoint_name_equals=endpoint.endpoint_name, session=world.boto)
        assert [each.inference_component_name for each in listed] == [name]
        component.delete()
        component.wait_for_delete(poll=1, timeout=60)


def test_many_models_in_one_container(world):
    from botocore.exceptions import ClientError
    from sagemaker.core.shapes import ContainerDefinition
    prefix = named("many")
    world.leaf_archive(1.0, f"{prefix}/one.tar.gz")
    model = world.model(ContainerDefinition(image=XGBOOST, mode="MultiModel",
                                            model_data_url=f"s3://{world.bucket}/{prefix}/"))
    with world.endpoint(world.config(world.variant(model))) as endpoint:
        assert number(endpoint, target_model="one.tar.gz") == 1.0
        world.leaf_archive(2.0, f"{prefix}/two.tar.gz")
        assert number(endpoint, target_model="two.tar.gz") == 2.0
        with pytest.raises(ClientError, match="three.tar.gz cannot be found"):
            number(endpoint, target_model="three.tar.gz")


def test_a_pipeline_of_containers(world):
    from sagemaker.core.shapes import InferenceExecutionConfig
    serial = world.model(world.echo("1,"), world.echo("then"))
    with world.endpoint(world.config(world.variant(serial))) as endpoint:
        assert text_of(endpoint.invoke(body="2", content_type="text/plain")) == "then 1, 2"
    direct = world.model(world.echo("first", container_hostname="first"), world.leaf(7.0, container_hostname="second"),
                         inference_execution_config=InferenceExecutionConfig(mode="Direct"))
    with world.endpoint(world.config(world.variant(direct))) as endpoint:
        assert number(endpoint, target_container_hostname="second") == 7.0
        answer = endpoint.invoke(body="me", content_type="text/plain", target_container_hostname="first")
        assert text_of(answer) == "first me"


@pytest.mark.parametrize("kind", ["application/x-parquet", "application/vnd.apache.parquet"])
@pytest.mark.parametrize("compression", ["snappy", "zstd", "none"])
def test_parquet(split, kind, compression):
    import pyarrow
    import pyarrow.parquet
    table = pyarrow.table({"a": pyarrow.array([0.0, 0.0, 0.0]), "b": pyarrow.array([0.2, 0.7, None])})
    stream = io.BytesIO()
    pyarrow.parquet.write_table(table, stream, compression=compression)
    answer = text_of(split.invoke(body=stream.getvalue(), content_type=kind, accept="text/csv"))
    assert [float(value) for value in answer.split()] == [10.0, 20.0, 10.0]


def test_serializers(split):
    """The SDK's own serializers, one by one, except RecordSerializer, which this SDK declares but does not contain."""
    from sagemaker.core import deserializers, serializers
    rows = numpy.array([[0, 0.2], [0, 0.7]])
    for serializer, data in ((serializers.CSVSerializer(), rows), (serializers.JSONSerializer(), rows),
                             (serializers.JSONLinesSerializer(), rows.tolist()),
                             (serializers.NumpySerializer(), rows),
                             (serializers.LibSVMSerializer(), "0 0:0 1:0.2\n0 0:0 1:0.7")):
        split.serializer, split.deserializer = serializer, deserializers.JSONDeserializer()
        answer = split.invoke(body=data, content_type=serializer.CONTENT_TYPE, accept="application/json")
        assert [each["score"] for each in answer.body["predictions"]] == [10.0, 20.0], serializer
    split.serializer = split.deserializer = None


def test_lists_and_what_was_deleted(world):
    from botocore.exceptions import ClientError
    from sagemaker.core.resources import Endpoint, EndpointConfig, Model
    model = world.model(world.leaf(1.0))
    config = world.config(world.variant(model))
    [variant] = EndpointConfig.get(config.endpoint_config_name, session=world.boto).production_variants
    assert (variant.model_name, variant.initial_instance_count) == (model.model_name, 1)
    assert [each.model_name for each in Model.get_all(name_contains=model.model_name, session=world.boto)] == [
        model.model_name]
    config.delete()
    model.delete()
    for gone, name in ((Model, model.model_name), (EndpointConfig, config.endpoint_config_name),
                       (Endpoint, "nobody")):
        with pytest.raises(ClientError, match="Could not find"):
            gone.get(name, session=world.boto)

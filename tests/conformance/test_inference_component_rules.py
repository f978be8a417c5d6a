"""Inference components: capacity, failures, refusals, lists, and use through the SageMaker SDK."""
import pytest

from components import (  # noqa: F401 (host is a fixture)
    answer, ask, ask_for, deployed, host, host_config, in_service, names_of, needs, of_model, of_script, scale,
    settled)
from helpers import aws_error, unique
from hosting import config_of, constant_archive, constant_model, endpoint_of, variant
from sagemaker_world import World, XGBOOST


@pytest.fixture(scope="module")
def world(server):
    return World(server)


def test_failures_say_why(world, host):
    broken = settled(world, ask_for(world, host, of_script(world, "broken")))
    assert broken["InferenceComponentStatus"] == "Failed"
    assert "RuntimeError: this model does not load" in broken["FailureReason"]
    missing = of_script(world, "x")
    missing["Container"]["ArtifactUrl"] = f"s3://{world.bucket}/nothing/model.tar.gz"
    found = settled(world, ask_for(world, host, missing))
    assert found["InferenceComponentStatus"] == "Failed" and "nothing/model.tar.gz" in found["FailureReason"]
    with aws_error("ValidationException", containing="has failed"):
        world.sm.update_inference_component_runtime_config(
            InferenceComponentName=found["InferenceComponentName"], DesiredRuntimeConfig={"CopyCount": 1})
    world.sm.update_inference_component(InferenceComponentName=found["InferenceComponentName"],
                                        Specification=of_model(constant_model(world, 5.0)))
    in_service(world, found["InferenceComponentName"], 1)
    assert answer(world, host, found["InferenceComponentName"]) == 5.0


def test_the_endpoints_instances_are_the_room(world, host):
    """An ml.m5.large has 2 vCPUs and 8 GiB."""
    model = constant_model(world, 1.0)
    name = deployed(world, host, of_model(model, needs(4096, 1)))
    found = settled(world, ask_for(world, host, of_model(model, needs(5000))))
    assert found["InferenceComponentStatus"] == "Failed"
    assert "There is not enough hardware resources on the instances" in found["FailureReason"]
    assert "asks for 1 x 5000 MB" in found["FailureReason"] and "ml.m5.large" in found["FailureReason"]
    with aws_error("ValidationException", containing="not enough hardware resources"):
        world.sm.update_inference_component_runtime_config(InferenceComponentName=name,
                                                           DesiredRuntimeConfig={"CopyCount": 3})
    scale(world, name, 2)
    with aws_error("ValidationException", containing="not enough hardware resources"):
        world.sm.update_inference_component(InferenceComponentName=name,
                                            Specification=of_model(model, needs(4097)))
    # More instances have more capacity, and cannot be removed while it is in use.
    resize = {"EndpointName": host}
    world.sm.update_endpoint_weights_and_capacities(**resize, DesiredWeightsAndCapacities=[
        {"VariantName": "AllTraffic", "DesiredInstanceCount": 2}])
    assert world.settled(host)["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    scale(world, name, 4)
    with aws_error("ValidationException", containing="not enough hardware resources"):
        world.sm.update_endpoint_weights_and_capacities(**resize, DesiredWeightsAndCapacities=[
            {"VariantName": "AllTraffic", "DesiredInstanceCount": 1}])
    with aws_error("ValidationException", containing="which the endpoint would not have any more"):
        world.sm.update_endpoint(EndpointName=host, EndpointConfigName=config_of(world, variant("AllTraffic", model)))
    world.sm.update_endpoint(EndpointName=host, EndpointConfigName=host_config(world, 2))
    assert world.settled(host)["EndpointStatus"] == "InService"
    assert answer(world, host, name) == 1.0


def test_lists(world, host):
    model = constant_model(world, 1.0)
    names = [deployed(world, host, of_model(model)) for _ in range(3)]
    broken = ask_for(world, host, of_model(model, needs(100_000)))
    listed = world.sm.list_inference_components
    everything = {"EndpointNameEquals": host}
    assert names_of(world, host) == [broken, *names[::-1]]  # newest first
    assert [each["InferenceComponentName"] for each in listed(
        **everything, SortBy="Name", SortOrder="Ascending")["InferenceComponents"]] == sorted([broken, *names])
    assert [each["InferenceComponentName"] for each in listed(
        **everything, StatusEquals="Failed")["InferenceComponents"]] == [broken]
    first = world.sm.describe_inference_component(InferenceComponentName=names[0])
    assert [each["InferenceComponentName"] for each in listed(
        **everything, CreationTimeBefore=world.sm.describe_inference_component(InferenceComponentName=names[1])
        ["CreationTime"])["InferenceComponents"]] == [names[0]]
    assert [each["InferenceComponentName"] for each in listed(
        NameContains=names[2])["InferenceComponents"]] == [names[2]]
    assert listed(**everything, VariantNameEquals="Other")["InferenceComponents"] == []
    one = next(each for each in listed(**everything)["InferenceComponents"]
               if each["InferenceComponentName"] == names[0])
    assert one["InferenceComponentArn"] == first["InferenceComponentArn"] and one["VariantName"] == "AllTraffic"
    pages = world.sm.get_paginator("list_inference_components").paginate(
        **everything, PaginationConfig={"PageSize": 3})
    found = [each["InferenceComponentName"] for page in pages for each in page["InferenceComponents"]]
    assert sorted(found) == sorted([broken, *names]) and len(set(found)) == 4


def test_refusals(world, host):
    model = constant_model(world, 1.0)
    good = {"EndpointName": host, "VariantName": "AllTraffic", "Specification": of_model(model),
            "RuntimeConfig": {"CopyCount": 1}}

    def refused(text, **changes):
        with aws_error("ValidationException", containing=text):
            world.sm.create_inference_component(InferenceComponentName=unique("c"), **{**good, **changes})

    refused("Could not find endpoint", EndpointName="nobody")
    refused("no production variant Other", VariantName="Other")
    refused("Could not find model", Specification=of_model("nobody"))
    refused("CopyCount", RuntimeConfig={"CopyCount": 0})
    refused("CopyCount", RuntimeConfig={"CopyCount": 1000})
    refused("Specification.ModelName or", Specification={"ComputeResourceRequirements": needs()})
    refused("ComputeResourceRequirements is missing", Specification={"ModelName": model})
    refused("Adapters", Specification={"BaseInferenceComponentName": "x"})
    refused("InstanceType", Specification=of_model(model, InstanceType="ml.m5.xlarge"))
    refused("MaxMemoryRequiredInMb", Specification=of_model(model, needs(1024, MaxMemoryRequiredInMb=512)))
    plain, _ = endpoint_of(world, config_of(world, variant("AllTraffic", model)))
    refused("Inference Components are not supported in this Endpoint", EndpointName=plain)
    with aws_error("ValidationError", containing="hosts no inference components"):
        ask(world, plain, "x")
    world.sm.delete_endpoint(EndpointName=plain)
    name = deployed(world, host, of_model(model))
    with aws_error("ValidationException", containing="already existing"):
        world.sm.create_inference_component(InferenceComponentName=name, **good)
    with aws_error("ValidationException", containing="Give a Specification"):
        world.sm.update_inference_component(InferenceComponentName=name)
    with aws_error("ValidationException", containing="RollbackMaximumBatchSize"):
        size = {"Type": "COPY_COUNT", "Value": 1}
        world.sm.update_inference_component(
            InferenceComponentName=name, Specification=of_model(model), DeploymentConfig={"RollingUpdatePolicy": {
                "MaximumBatchSize": size, "RollbackMaximumBatchSize": size, "WaitIntervalInSeconds": 0}})


def test_configurations_without_models(world):
    bare = {"VariantName": "AllTraffic", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    with aws_error("ValidationException", containing="ExecutionRoleArn"):
        config_of(world, bare)
    with aws_error("ValidationException", containing="none for an endpoint of inference components"):
        config_of(world, bare, variant("Other", constant_model(world, 1.0)), ExecutionRoleArn=world.role)
    with aws_error("ValidationException", containing="serverless"):
        config_of(world, {"VariantName": "AllTraffic", "ServerlessConfig": {
            "MemorySizeInMB": 1024, "MaxConcurrency": 1}}, ExecutionRoleArn=world.role)


def test_the_sagemaker_sdk(world, monkeypatch):
    """Model.deploy() onto an endpoint for components, without the SDK's waits, which sleep 30 s before the first
    check."""
    for name, value in world.server.env().items():
        monkeypatch.setenv(name, value)
    from sagemaker import Session
    from sagemaker.compute_resource_requirements.resource_requirements import ResourceRequirements
    from sagemaker.enums import EndpointType
    from sagemaker.model import Model
    from sagemaker.predictor import Predictor
    from sagemaker.serializers import CSVSerializer
    session, host = Session(default_bucket=world.bucket), unique("sdk-host")
    predictors = []
    for value in (7.0, 8.0):
        model = Model(XGBOOST, constant_archive(world, value), role=world.role, sagemaker_session=session,
                      name=unique("sdk-model"), predictor_cls=Predictor)
        predictors.append(model.deploy(
            1, "ml.m5.large", endpoint_name=host, endpoint_type=EndpointType.INFERENCE_COMPONENT_BASED,
            resources=ResourceRequirements(requests={"memory": 1024, "num_cpus": 0.5, "copies": 1}),
            serializer=CSVSerializer(), wait=False))
        session.wait_for_inference_component(predictors[-1].component_name, poll=1)
        world.settled(host)
    assert [float(each.predict([[1, 2]])) for each in predictors] == [7.0, 8.0]
    assert session.is_inference_component_based_endpoint(host)
    names = session.list_and_paginate_inference_component_names_associated_with_endpoint(host)
    assert names == sorted(each.component_name for each in predictors)
    for each in predictors:
        session.delete_inference_component(each.component_name, wait=False)
        session.wait_for_inference_component_deletion(each.component_name, poll=1)
    session.delete_endpoint(host)

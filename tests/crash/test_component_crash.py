"""kill -9 at every commit point in the life of an inference component."""
import pytest
from botocore.exceptions import ClientError

from helpers_crash import IMAGE, World, wait_until
from support.server import Server
from test_crash import at_every_commit_point

HOST = "components"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with Server(auth="verify") as server:
        yield World(server)


def test_an_inference_component(world):
    """A component is created, scaled, updated and deleted: what was acknowledged happens, and an old copy answers until
    a new one does."""
    model = world.trained_model()
    world.sm.create_model(ModelName=HOST, ExecutionRoleArn=world.role,
                          PrimaryContainer={"Image": IMAGE, "ModelDataUrl": model})
    world.sm.create_endpoint_config(EndpointConfigName=HOST, ExecutionRoleArn=world.role, ProductionVariants=[
        {"VariantName": "main", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}])
    world.sm.create_endpoint(EndpointName=HOST, EndpointConfigName=HOST)
    world.in_service(HOST)
    specification = {"ModelName": HOST, "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024}}
    container = {"Container": {"Image": IMAGE, "ArtifactUrl": model},
                 "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 512}}

    def listed(name):
        return [each["InferenceComponentName"] for each in
                world.sm.list_inference_components(NameContains=name)["InferenceComponents"]]

    def in_service(name):
        def check():
            found = world.sm.describe_inference_component(InferenceComponentName=name)
            assert found["InferenceComponentStatus"] != "Failed", found["FailureReason"]
            return found["InferenceComponentStatus"] == "InService" and found
        return wait_until(check)

    def predict(name):
        return world.runtime.invoke_endpoint(EndpointName=HOST, InferenceComponentName=name, Body=world.row,
                                             ContentType="text/csv")["Body"].read()

    def scenario(n, acknowledged):
        name = f"component-{n}x"
        world.sm.create_inference_component(InferenceComponentName=name, EndpointName=HOST, VariantName="main",
                                            Specification=specification, RuntimeConfig={"CopyCount": 1})
        acknowledged["copies"] = 1
        in_service(name)
        acknowledged["answer"] = predict(name)
        world.sm.update_inference_component_runtime_config(InferenceComponentName=name,
                                                           DesiredRuntimeConfig={"CopyCount": 2})
        acknowledged["copies"] = 2
        in_service(name)
        world.sm.update_inference_component(
            InferenceComponentName=name, Specification=container, DeploymentConfig={"RollingUpdatePolicy": {
                "MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1}, "WaitIntervalInSeconds": 0}})
        acknowledged["replaced"] = True
        in_service(name)
        acknowledged["deleting"] = None
        world.sm.delete_inference_component(InferenceComponentName=name)
        acknowledged["deleting"] = True

    def check(n, acknowledged):
        name = f"component-{n}x"
        if acknowledged.get("deleting"):
            wait_until(lambda: not listed(name))
        elif "copies" in acknowledged and "deleting" not in acknowledged:
            if "answer" in acknowledged:
                assert predict(name) == acknowledged["answer"]  # without waiting
            found = in_service(name)
            assert found["RuntimeConfig"]["CurrentCopyCount"] >= acknowledged["copies"]
            if "replaced" in acknowledged:
                assert "Container" in found["Specification"]
            predict(name)
        if listed(name):
            try:
                world.sm.delete_inference_component(InferenceComponentName=name)
            except ClientError as error:  # the requested deletion has just ended
                assert "deleting" in acknowledged and "Could not find" in str(error), error
            wait_until(lambda: not listed(name))

    assert at_every_commit_point(world, scenario, check) >= 8
    world.sm.delete_endpoint(EndpointName=HOST)

"""A role that was deleted and made again under its name is another role: what was given the old one gets nothing of the new one's
power, neither through the server's own reads and writes nor through credentials, until the new role is passed anew."""
import json

import pytest

from helpers import aws_error, unique, wait_until
from hosting import config_of, constant_archive, endpoint_of, metric, variant
from sagemaker_world import OVER, SCIKIT_LEARN, TRUST, XGBOOST, World, tar_gz
from test_job_credentials import WaitingJob, fetch

AGAIN = "was deleted and made again after it was passed"
FILES = 6
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
SCRIPT = """
import time
def model_fn(model_dir):
    return "model"
def transform_fn(model, body, content_type, accept):
    print("the model was asked", flush=True)
    time.sleep(1)
    return "done\\n", accept
"""


@pytest.fixture
def world(server):
    return World(server)


def make_again(world, arn):
    name = arn.rpartition("/")[2]
    world.iam.delete_role_policy(RoleName=name, PolicyName="job")
    world.iam.delete_role(RoleName=name)
    world.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    world.iam.put_role_policy(RoleName=name, PolicyName="job", PolicyDocument=json.dumps(EVERYTHING))


def test_a_training_job(world):
    job = WaitingJob(world, world.role)
    assert fetch(job.uri, job.token)[0] == 200
    make_again(world, world.role)
    # Its credentials are another role's, even those that it has already.
    status, body = fetch(job.uri, job.token)
    assert status == 200 or AGAIN in body["message"]
    if status == 200:
        taken = world.server.session(aws_access_key_id=body["AccessKeyId"], aws_secret_access_key=body["SecretAccessKey"],
                                     aws_session_token=body["Token"]).client("s3", endpoint_url=world.server.endpoint)
        with aws_error("AccessDenied", 403):
            taken.list_objects_v2(Bucket=world.bucket)
    # The server writes its artifacts no more.
    ended = job.stop()
    assert "ModelArtifacts" not in ended or not world.s3.list_objects_v2(Bucket=world.bucket, Prefix=f"output/{job.name}").get("Contents")
    # A job that is made now has the new role.
    assert world.run("print('hello')")["TrainingJobStatus"] == "Completed"


def test_a_training_job_that_writes_its_model(world):
    name = world.start("import os, time\nopen(os.environ['SM_MODEL_DIR'] + '/m', 'w').write('m')\nprint('ready', flush=True)\ntime.sleep(3)\n")
    wait_until(lambda: "ready" in world.job_log(name))
    make_again(world, world.role)
    job = world.finished(name)
    assert job["TrainingJobStatus"] == "Failed" and AGAIN in job["FailureReason"], job
    assert "Contents" not in world.s3.list_objects_v2(Bucket=world.bucket, Prefix=f"output/{name}")


def model_of(world, image, archive):
    name = unique("again")
    world.sm.create_model(ModelName=name, ExecutionRoleArn=world.role, PrimaryContainer={"Image": image, "ModelDataUrl": archive})
    return name


def transform_of(world, model):
    name = unique("again")
    for number in range(FILES):
        world.put(f"{name}/in/{number}.txt", "one\n")
    world.sm.create_transform_job(
        TransformJobName=name, ModelName=model, TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        TransformInput={"ContentType": "text/plain", "DataSource": {"S3DataSource": {
            "S3DataType": "S3Prefix", "S3Uri": f"s3://{world.bucket}/{name}/in/"}}},
        TransformOutput={"S3OutputPath": f"s3://{world.bucket}/{name}/out", "Accept": "text/plain"})
    return name


def test_a_transform_job(world):
    archive = world.put("model.tar.gz", tar_gz({"code/inference.py": SCRIPT}))
    model = model_of(world, SCIKIT_LEARN, archive)
    name = transform_of(world, model)
    wait_until(lambda: "the model was asked" in world.log_text("/aws/sagemaker/TransformJobs", name + "/"))
    make_again(world, world.role)
    job = wait_until(lambda: (job := world.sm.describe_transform_job(TransformJobName=name))["TransformJobStatus"] in OVER and job)
    assert job["TransformJobStatus"] == "Failed" and AGAIN in job["FailureReason"], job
    # Writes under way when the role was made again were allowed then; later ones are not.
    assert world.s3.list_objects_v2(Bucket=world.bucket, Prefix=f"{name}/out").get("KeyCount", 0) < FILES
    # The model has the old role still: whoever may make transform jobs does not pass the new one by it.
    with aws_error("ValidationException", containing=AGAIN):
        transform_of(world, model)


def test_an_endpoint(world):
    model = model_of(world, XGBOOST, constant_archive(world, 3.5))
    make_again(world, world.role)
    endpoint = unique("endpoint")
    world.sm.create_endpoint(EndpointName=endpoint, EndpointConfigName=config_of(world, variant("v", model)))
    failed = world.settled(endpoint)
    assert failed["EndpointStatus"] == "Failed" and AGAIN in failed["FailureReason"], failed
    # Passed anew, it serves.
    again, _ = endpoint_of(world, config_of(world, variant("v", model_of(world, XGBOOST, constant_archive(world, 3.5)))))
    for each in (endpoint, again):
        world.sm.delete_endpoint(EndpointName=each)


def test_asynchronous_inference(world):
    config = unique("again")
    world.sm.create_endpoint_config(
        EndpointConfigName=config, ProductionVariants=[variant("v", model_of(world, XGBOOST, constant_archive(world, 2.5)))],
        AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": f"s3://{world.bucket}/async"}})
    endpoint, _ = endpoint_of(world, config)

    def invoke():
        return world.runtime.invoke_endpoint_async(EndpointName=endpoint, InputLocation=world.put("rows.csv", "1,2\n"), ContentType="text/csv",
                                                   Accept="text/csv")["OutputLocation"].split("/", 3)[3]

    def written(key):
        return world.s3.list_objects_v2(Bucket=world.bucket, Prefix=key).get("Contents")
    first = invoke()
    wait_until(lambda: written(first))
    make_again(world, world.role)
    failures = metric(world, "tidemill_async_failed_total")
    second = invoke()
    wait_until(lambda: metric(world, "tidemill_async_failed_total") == failures + 1)
    assert not written(second)
    world.sm.delete_endpoint(EndpointName=endpoint)

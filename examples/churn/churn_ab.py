"""Two versions of the churn model, through boto3: A/B variants, traffic shifted to the better one, a canary to a third
endpoint configuration, and the captured records read back and scored.

It uses the server that AWS_ENDPOINT_URL names, as a caller who may create roles:
`tidemill env --data data --root` prints the environment for a local server.
"""
import json
import time
from collections import Counter, defaultdict

import churn_boto3 as churn
import churn_data
from churn_boto3 import IMAGE, MADE, NAME, Step, runtime, s3, sagemaker

# The challenger's trees are deeper than the champion's.
VERSIONS = {"champion": {"max_depth": "2", "num_round": "40"}, "challenger": {"max_depth": "6", "num_round": "300"}}


def train(role, version, settings):
    name = f"{NAME}-{version}"
    sagemaker.create_training_job(
        TrainingJobName=name, RoleArn=role,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        HyperParameters={"objective": "binary:logistic", "eta": "0.1", "eval_metric": "auc,logloss",
                         "early_stopping_rounds": "20", "seed": "7", **settings},
        InputDataConfig=[churn.channel("train"), churn.channel("validation")],
        OutputDataConfig={"S3OutputPath": f"s3://{NAME}/output"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 600})
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name)
    job = sagemaker.describe_training_job(TrainingJobName=name)
    if job["TrainingJobStatus"] != "Completed":
        raise SystemExit(f"training {job['TrainingJobStatus']}: {job.get('FailureReason')}")
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={
        "Image": IMAGE, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]})
    MADE.append(lambda: sagemaker.delete_model(ModelName=name))


def make_config(name, weights):
    """An endpoint configuration with one variant per version; every request and answer is captured."""
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[{"VariantName": version, "ModelName": f"{NAME}-{version}", "InstanceType": "ml.m5.large",
                             "InitialInstanceCount": 1, "InitialVariantWeight": weight}
                            for version, weight in weights.items()],
        DataCaptureConfig={"EnableCapture": True, "InitialSamplingPercentage": 100,
                           "DestinationS3Uri": f"s3://{NAME}/captured",
                           "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
                           "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]}})
    # First in the list, so that the endpoint is deleted before the configuration that it uses.
    MADE.insert(0, lambda: sagemaker.delete_endpoint_config(EndpointConfigName=name))


def ask(rows, first):
    """Sends every row once, with its number as the inference id; returns how often each variant answered."""
    invoked = Counter()
    for number, row in enumerate(rows, first):
        response = runtime.invoke_endpoint(EndpointName=NAME, ContentType="text/csv", InferenceId=str(number),
                                           Body=churn_data.line(row).encode())
        response["Body"].read()
        invoked[response["InvokedProductionVariant"]] += 1
    return invoked


def captured(wanted):
    """The records in S3, once `wanted` of them exist: {variant: {inference id: score}}."""
    deadline = time.monotonic() + 60
    while True:
        scores = defaultdict(dict)
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=NAME, Prefix=f"captured/{NAME}/")
        for key in (each["Key"] for page in pages for each in page.get("Contents", [])):
            variant = key.split("/")[2]
            for line in s3.get_object(Bucket=NAME, Key=key)["Body"].read().decode().splitlines():
                record = json.loads(line)
                scores[variant][int(record["eventMetadata"]["inferenceId"])] = float(
                    record["captureData"]["endpointOutput"]["data"])
        if sum(map(len, scores.values())) >= wanted:
            return scores
        if time.monotonic() > deadline:
            raise SystemExit(f"only {sum(map(len, scores.values()))} of {wanted} records were captured")
        time.sleep(0.5)


def wait_in_service():
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 300})


def delete_endpoint():
    """Waits for the deletion: the last records are written when the endpoint is gone, and the bucket is emptied after
    that."""
    sagemaker.delete_endpoint(EndpointName=NAME)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def main():
    parts = churn_data.split()
    rows, labels = parts["test"]
    try:
        with Step("create the role"):
            role = churn.create_role()
        with Step("upload 4,000 customers"):
            churn.upload(parts)
        for version, settings in VERSIONS.items():
            with Step(f"train the {version}"):
                train(role, version, settings)
        with Step("deploy both, half of the traffic each"):
            make_config(f"{NAME}-ab", {"champion": 1, "challenger": 1})
            sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=f"{NAME}-ab")
            MADE.append(delete_endpoint)
            wait_in_service()
        with Step(f"ask about {len(rows)} held-out customers"):
            invoked = ask(rows, 0)
        print(f"    answered by {dict(invoked)}")
        with Step("read back what was captured"):
            scores = captured(len(rows))
        areas = {}
        for version, by_number in sorted(scores.items()):
            areas[version] = churn_data.area_under_curve([labels[n] for n in by_number], list(by_number.values()))
            print(f"    {version:<12} {len(by_number)} answers, AUC {areas[version]:.4f}")
        better = max(areas, key=areas.get)
        with Step(f"shift nine tenths to the better, the {better}"):
            sagemaker.update_endpoint_weights_and_capacities(EndpointName=NAME, DesiredWeightsAndCapacities=[
                {"VariantName": version, "DesiredWeight": 9 if version == better else 1} for version in areas])
            wait_in_service()
        print(f"    answered by {dict(ask(rows[:200], len(rows)))}")
        with Step(f"the {better} alone, by a canary of 20 % for 3 s"):
            make_config(f"{NAME}-{better}", {better: 1})
            sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName=f"{NAME}-{better}", DeploymentConfig={
                "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {
                    "Type": "CANARY", "WaitIntervalInSeconds": 3,
                    "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 20}}}})
            wait_in_service()
        print(f"    answered by {dict(ask(rows[:200], len(rows) + 200))}")
    finally:
        if MADE:
            with Step("delete what was made"):
                churn.delete()


if __name__ == "__main__":
    main()

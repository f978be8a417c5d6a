"""Churn through boto3: upload, train, deploy, predict, delete.

It uses the server that AWS_ENDPOINT_URL names, as a caller who may create roles:
`tidemill env --data data --root` prints the environment for a local server.
"""
import json
import time

import boto3
from botocore.exceptions import ClientError

import churn_data

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
NAME = "churn-" + time.strftime("%Y%m%d-%H%M%S")
TRUST = {"Version": "2012-10-17",
         "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"},
                        "Action": "sts:AssumeRole"}]}
# The training job and the endpoint read and write with the permissions of the role.
POLICY = {"Version": "2012-10-17",
          "Statement": [{"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject", "s3:PutObject"],
                         "Resource": [f"arn:aws:s3:::{NAME}", f"arn:aws:s3:::{NAME}/*"]}]}

s3 = boto3.client("s3")
iam = boto3.client("iam")
sagemaker = boto3.client("sagemaker")
runtime = boto3.client("sagemaker-runtime")

MADE = []  # functions that delete what was created


class Step:
    """Prints the current step and how long it took."""

    def __init__(self, text):
        self.text = text

    def __enter__(self):
        self.began = time.monotonic()

    def __exit__(self, kind, value, trace):
        print(f"{self.text:<52} {'failed' if kind else 'ok':<7}{time.monotonic() - self.began:6.2f} s",
              flush=True)


def channel(name, bucket=NAME):
    uri = f"s3://{bucket}/{name}/"
    return {"ChannelName": name, "ContentType": "text/csv",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}


def empty_bucket():
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=NAME):
        if keys := [{"Key": each["Key"]} for each in page.get("Contents", [])]:
            s3.delete_objects(Bucket=NAME, Delete={"Objects": keys})


def upload(parts):
    s3.create_bucket(Bucket=NAME)
    MADE.extend([lambda: s3.delete_bucket(Bucket=NAME), empty_bucket])
    for name in ("train", "validation"):
        s3.put_object(Bucket=NAME, Key=f"{name}/{name}.csv", Body=churn_data.csv_text(*parts[name]).encode())


def train(role):
    sagemaker.create_training_job(
        TrainingJobName=NAME, RoleArn=role,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        HyperParameters={"objective": "binary:logistic", "num_round": "300", "max_depth": "5", "eta": "0.1",
                         "eval_metric": "auc,logloss", "early_stopping_rounds": "20", "seed": "7"},
        InputDataConfig=[channel("train"), channel("validation")],
        OutputDataConfig={"S3OutputPath": f"s3://{NAME}/output"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 600})
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=NAME)
    job = sagemaker.describe_training_job(TrainingJobName=NAME)
    if job["TrainingJobStatus"] != "Completed":
        raise SystemExit(f"training {job['TrainingJobStatus']}: {job.get('FailureReason')}")
    return job


def refuse(role):
    """A job may read only what its role may: one with a channel in another bucket fails, and says which permission is
    missing. Returns what it says."""
    other, job = f"{NAME}-private", f"{NAME}-refused"
    s3.create_bucket(Bucket=other)
    MADE.append(lambda: s3.delete_bucket(Bucket=other))
    s3.put_object(Bucket=other, Key="train/train.csv", Body=b"1,2,3\n")
    MADE.append(lambda: s3.delete_object(Bucket=other, Key="train/train.csv"))
    sagemaker.create_training_job(
        TrainingJobName=job, RoleArn=role,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        HyperParameters={"objective": "binary:logistic", "num_round": "1"},
        InputDataConfig=[channel("train", other)],
        OutputDataConfig={"S3OutputPath": f"s3://{NAME}/output"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 600})
    while True:
        described = sagemaker.describe_training_job(TrainingJobName=job)
        if described["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"):
            break
        time.sleep(0.2)
    reason = described.get("FailureReason", "")
    if described["TrainingJobStatus"] != "Failed" or "no identity-based policy allows the s3:" not in reason:
        raise SystemExit(f"a job outside of its role's bucket: {described['TrainingJobStatus']} {reason}")
    return reason


def deploy(role, model_data):
    sagemaker.create_model(ModelName=NAME, ExecutionRoleArn=role,
                           PrimaryContainer={"Image": IMAGE, "ModelDataUrl": model_data})
    MADE.append(lambda: sagemaker.delete_model(ModelName=NAME))
    sagemaker.create_endpoint_config(
        EndpointConfigName=NAME,
        ProductionVariants=[{"VariantName": "AllTraffic", "ModelName": NAME, "InstanceType": "ml.m5.large",
                             "InitialInstanceCount": 1}])
    MADE.append(lambda: sagemaker.delete_endpoint_config(EndpointConfigName=NAME))
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
    MADE.append(lambda: sagemaker.delete_endpoint(EndpointName=NAME))
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=NAME)


def predict(rows):
    scores, latencies_ms = [], []
    for row in rows:
        began = time.perf_counter()
        response = runtime.invoke_endpoint(EndpointName=NAME, ContentType="text/csv",
                                           Body=churn_data.line(row).encode())
        scores.append(float(response["Body"].read()))
        latencies_ms.append((time.perf_counter() - began) * 1000)
    return scores, latencies_ms


def create_role():
    try:
        role = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    except ClientError as error:
        if error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"):
            raise SystemExit(f"{error}\nrun this with `tidemill env --data data --root`: it makes a role of its own")
        raise
    MADE.append(lambda: iam.delete_role(RoleName=NAME))
    iam.put_role_policy(RoleName=NAME, PolicyName="bucket", PolicyDocument=json.dumps(POLICY))
    MADE.append(lambda: iam.delete_role_policy(RoleName=NAME, PolicyName="bucket"))
    return role


def delete():
    """Deletes everything that was created, newest first; a failure does not stop the rest."""
    while MADE:
        try:
            MADE.pop()()
        except Exception as error:
            print(f"could not delete: {error}")


def main():
    parts = churn_data.split()
    try:
        with Step("create the role"):
            role = create_role()
        with Step("upload 4,000 customers"):
            upload(parts)
        with Step("train XGBoost"):
            job = train(role)
        for metric in job.get("FinalMetricDataList", []):
            print(f"    {metric['MetricName']} = {metric['Value']:.5f}")
        with Step("refuse a job that reads another bucket"):
            reason = refuse(role)
        print(f"    {reason}")
        with Step("deploy an endpoint"):
            deploy(role, job["ModelArtifacts"]["S3ModelArtifacts"])
        rows, labels = parts["test"]
        with Step(f"predict {len(rows)} held-out customers, one a call"):
            scores, latencies_ms = predict(rows)
        churn_data.report(labels, scores, latencies_ms)
    finally:
        if MADE:
            with Step("delete what was made"):
                delete()


if __name__ == "__main__":
    main()

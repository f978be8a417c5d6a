"""A bucket with data, a role, and clients that keep working across restarts."""
import json
import random
import uuid

from botocore.config import Config

from support import waiting

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
POINTS_MAX = 200


def wait_until(call, timeout_seconds=60):
    return waiting.wait_until(call, timeout_seconds, every_seconds=0.02)


class World:
    def __init__(self, server):
        self.server = server
        # The server keeps its port across restarts, so these clients stay valid.
        config = Config(retries={"total_max_attempts": 1, "mode": "standard"}, read_timeout=30)
        for name, service in (("s3", "s3"), ("sm", "sagemaker"), ("iam", "iam"), ("logs", "logs"), ("runtime", "sagemaker-runtime")):
            setattr(self, name, server.client(service, config=config))
        self.bucket = "crash-" + uuid.uuid4().hex[:8]
        self.s3.create_bucket(Bucket=self.bucket)
        trust = json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
        self.role = self.iam.create_role(RoleName="crash", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        self.iam.put_role_policy(RoleName="crash", PolicyName="s3", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}))
        rng = random.Random(5)
        rows = [[rng.gauss(0, 1) for _ in range(4)] for _ in range(300)]
        lines = [",".join([str(int(r[0] + r[1] * r[2] > 0))] + [f"{v:.4f}" for v in r]) for r in rows]
        self.s3.put_object(Bucket=self.bucket, Key="train/a.csv", Body="\n".join(lines))
        self.row = ",".join(f"{v:.4f}" for v in rows[0])

    def training_request(self, name, rounds="10"):
        return {"TrainingJobName": name, "RoleArn": self.role,
                "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
                "HyperParameters": {"num_round": rounds, "objective": "binary:logistic", "eval_metric": "auc"},
                "InputDataConfig": [{"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": {
                    "S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/train/"}}}],
                "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/output"},
                "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
                "StoppingCondition": {"MaxRuntimeInSeconds": 600}}

    def finished(self, name):
        return wait_until(lambda: (job := self.sm.describe_training_job(TrainingJobName=name))
                          ["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") and job)

    def trained_model(self):
        """Trains a model at the first call and keeps it."""
        if not self.sm.list_training_jobs(NameContains="model")["TrainingJobSummaries"]:
            self.sm.create_training_job(**self.training_request("model"))
        return self.finished("model")["ModelArtifacts"]["S3ModelArtifacts"]

    def in_service(self, name):
        def check():
            endpoint = self.sm.describe_endpoint(EndpointName=name)
            assert endpoint["EndpointStatus"] != "Failed", endpoint["FailureReason"]
            return endpoint["EndpointStatus"] == "InService"
        wait_until(check)

    def predict(self, name):
        return self.runtime.invoke_endpoint(EndpointName=name, Body=self.row, ContentType="text/csv")["Body"].read()

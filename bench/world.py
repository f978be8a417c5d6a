"""Shared by the benchmarks of training and serving: the churn data in a Tidemill server, and a trained model."""
import json
import sys
import time

from measure import ROOT

sys.path.insert(0, str(ROOT / "examples/churn"))

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
HYPERPARAMETERS = {"num_round": "500", "objective": "binary:logistic", "max_depth": "6", "eta": "0.05"}


class World:
    """Clients, a bucket with the churn data in the built-in algorithm's format, and a role."""

    def __init__(self, server):
        import churn_data
        self.s3, self.sm, self.iam = server.client("s3"), server.client("sagemaker"), server.client("iam")
        self.bucket = "bench"
        self.s3.create_bucket(Bucket=self.bucket)
        trust = json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
        self.role = self.iam.create_role(RoleName="bench", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        self.iam.put_role_policy(RoleName="bench", PolicyName="s3", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}))
        parts = churn_data.split()
        self.train_csv = churn_data.csv_text(*parts["train"])
        self.test_lines = [churn_data.line(row) for row in parts["test"][0]]
        self.s3.put_object(Bucket=self.bucket, Key="train/train.csv", Body=self.train_csv)
        self.jobs = 0

    def train_job(self, rounds="500"):
        """Trains a model; returns the job's description and the seconds from CreateTrainingJob to Completed."""
        self.jobs += 1
        name = f"bench-{self.jobs}-{time.time_ns()}"
        start = time.monotonic()
        self.sm.create_training_job(
            TrainingJobName=name, RoleArn=self.role,
            AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            HyperParameters={**HYPERPARAMETERS, "num_round": rounds},
            InputDataConfig=[{"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": {
                "S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/train/"}}}],
            OutputDataConfig={"S3OutputPath": f"s3://{self.bucket}/out"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 600})
        while True:
            job = self.sm.describe_training_job(TrainingJobName=name)
            if job["TrainingJobStatus"] != "InProgress":
                break
            time.sleep(0.005)
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        return job, time.monotonic() - start

    def deploy(self, name, model_data, image=IMAGE, environment=None, capture=None):
        """Seconds from CreateEndpoint to InService. `capture`: the destination for capturing every request and
        answer."""
        self.sm.create_model(ModelName=name, ExecutionRoleArn=self.role, PrimaryContainer={
            "Image": image, "ModelDataUrl": model_data, "Environment": environment or {}})
        self.sm.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
            {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}], **({} if capture is None else {"DataCaptureConfig": {
                "EnableCapture": True, "InitialSamplingPercentage": 100, "DestinationS3Uri": capture,
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]}}))
        start = time.monotonic()
        self.sm.create_endpoint(EndpointName=name, EndpointConfigName=name)
        while True:
            endpoint = self.sm.describe_endpoint(EndpointName=name)
            if endpoint["EndpointStatus"] != "Creating":
                break
            time.sleep(0.005)
        assert endpoint["EndpointStatus"] == "InService", endpoint.get("FailureReason")
        return time.monotonic() - start

"""Lists of SageMaker's and IAM's resources with large records: every entry is listed, page by page, and the server's
peak memory (VmHWM) grows little."""
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.config import Config

from support.server import Server
from test_listing_memory import grown_by
from test_memory_bounds import MIB

READERS, COUNT = 12, 200
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
ROLE = "arn:aws:iam::123456789012:role/any"
# About 100 KB, which is about the limit of a model.
ENVIRONMENT = {f"K{n}": "v" * 1_000 for n in range(98)}
TAGS = [{"Key": f"{n:0120d}", "Value": "v" * 256} for n in range(50)]


@pytest.fixture(scope="module")
def stored():
    with Server(auth="any") as server:
        config = Config(max_pool_connections=16)
        sagemaker, iam = server.client("sagemaker", config), server.client("iam", config)
        def make(n):
            name = f"m{n:05d}"
            sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, Tags=TAGS, PrimaryContainer={
                "Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3", "Environment": ENVIRONMENT})
            sagemaker.create_endpoint_config(EndpointConfigName=name, Tags=TAGS, ProductionVariants=[
                {"VariantName": f"v{v}", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1} for v in range(10)])
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST[0] + " " * 3_800 + TRUST[1:], Tags=TAGS, Description="d" * 1_000)
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=TRUST.replace('"Principal": {"Service": "sagemaker.amazonaws.com"}, ', "").replace(
                '"Action"', '"Resource": "*", "Action"')[:-1] + " " * 8_000 + "}")
            iam.create_policy(PolicyName=name, Tags=TAGS, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "s3:GetObject", "Resource": [f"arn:aws:s3:::{'b' * 50}/{k}" for k in range(60)]}]}))
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(make, range(COUNT)))
        server.stop()
        server.start()  # resets the peak that writing caused
        yield server


@pytest.mark.parametrize("service, operation, result, name, most", [
    ("sagemaker", "list_models", "Models", "ModelName", 100),
    ("sagemaker", "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName", 100),
    ("iam", "list_roles", "Roles", "RoleName", 1_000),
    ("iam", "list_policies", "Policies", "PolicyName", 1_000)])
def test_named_resources(stored, service, operation, result, name, most):
    client = stored.client(service, Config(max_pool_connections=READERS))
    size = {"MaxResults": most} if service == "sagemaker" else {"MaxItems": most}
    first, grown = grown_by(stored, lambda: getattr(client, operation)(**size)[result])
    assert all(len(page) >= 50 for page in first)
    assert grown < READERS * 14 * MIB, grown / MIB
    pages = client.get_paginator(operation).paginate(PaginationConfig={"PageSize": most})
    names = [each[name] for page in pages for each in page[result]]
    own = [each for each in names if each.startswith("m0")]
    assert sorted(own) == [f"m{n:05d}" for n in range(COUNT)] and len(names) == len(set(names))


def test_a_filter_that_lets_one_through(stored):
    client = stored.client("sagemaker", Config(max_pool_connections=READERS))
    found, grown = grown_by(stored, lambda: client.list_models(NameContains="m00199", SortBy="Name", SortOrder="Ascending")["Models"])
    assert all([each["ModelName"] for each in models] == ["m00199"] for models in found)
    assert grown < READERS * 14 * MIB, grown / MIB

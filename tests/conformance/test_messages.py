"""Messages use familiar names, say what to do next, and do not reveal where the server keeps its files."""
import pytest
from botocore.exceptions import ClientError

from helpers import unique
from support.server import Server


def refused(client, call, **arguments):
    with pytest.raises(ClientError) as raised:
        getattr(client, call)(**arguments)
    return raised.value.response["Error"]


@pytest.mark.parametrize("service, call, arguments, says", [
    ("application-autoscaling", "describe_scalable_targets", {"ServiceNamespace": "sagemaker"}, "DescribeScalableTargets of Application Auto Scaling"),
    ("stepfunctions", "list_state_machines", {}, "ListStateMachines of Step Functions"),
    ("dynamodb", "list_tables", {}, "ListTables of DynamoDB"),
    ("sns", "list_topics", {}, "ListTopics of SNS"),
    ("events", "list_rules", {}, "ListRules of EventBridge"),
    ("ec2", "describe_vpcs", {}, "DescribeVpcs of EC2"),
    ("lambda", "list_functions", {}, "GET /2015-03-31/functions of Lambda"),
    ("sagemaker", "list_domains", {}, "ListDomains of SageMaker"),
])
def test_what_is_not_here_is_named_as_people_know_it(server, service, call, arguments, says):
    error = refused(server.client(service), call, **arguments)
    assert error["Message"].startswith(f"{says} is not implemented by Tidemill; `tidemill coverage` or docs/coverage.md lists what is"), error
    assert "Service" not in error["Message"]  # not a class name such as AnyScaleFrontendService


def test_a_service_that_nobody_has_is_named_as_it_was_called(server):
    from support.raw import Signer, exchange, json_headers
    reply = exchange(server, Signer.of(server, "nobody").request("POST", "/", json_headers("Nobody_2020.Do"), b"{}"))
    assert "Tidemill has no service 'Nobody_2020'; `tidemill coverage` or docs/coverage.md lists" in reply.text


def test_failures_of_the_disk_tell_no_path():
    with Server(auth="any") as server:
        s3 = server.client("s3")
        name = unique("paths")
        s3.create_bucket(Bucket=name)
        s3.put_object(Bucket=name, Key="large", Body=b"x" * (9 << 20))
        files = [path for path in (server.data / "blobs").rglob("*") if path.is_file() and path.stat().st_size >= 9 << 20]
        assert files, "the object has a file of its own"
        for path in files:
            path.unlink()
        error = refused(s3, "copy_object", Bucket=name, Key="copy", CopySource={"Bucket": name, "Key": "large"})
        assert error["Code"] == "InternalError" and str(server.data) not in str(error), error

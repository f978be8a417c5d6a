import time

import pytest

from helpers import aws_error, unique


@pytest.fixture(scope="module")
def logs(server):
    return server.client("logs")


@pytest.fixture
def stream(logs):
    group, name = "/test/" + unique(), "stream"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=name)
    yield {"logGroupName": group, "logStreamName": name}
    logs.delete_log_group(logGroupName=group)


def put(logs, stream, messages):
    now = int(time.time() * 1000) - len(messages)
    logs.put_log_events(**stream, logEvents=[
        {"timestamp": now + i, "message": message} for i, message in enumerate(messages)])


def test_put_and_get_in_order_both_ways(logs, stream):
    put(logs, stream, [f"line {i}" for i in range(25)])
    forward = logs.get_log_events(**stream, startFromHead=True, limit=10)
    assert [e["message"] for e in forward["events"]] == [f"line {i}" for i in range(10)]
    more = logs.get_log_events(**stream, nextToken=forward["nextForwardToken"], startFromHead=True, limit=100)
    assert [e["message"] for e in more["events"]] == [f"line {i}" for i in range(10, 25)]
    end = logs.get_log_events(**stream, nextToken=more["nextForwardToken"], startFromHead=True)
    assert end["events"] == [] and end["nextForwardToken"] == more["nextForwardToken"]
    last = logs.get_log_events(**stream, limit=3)
    assert [e["message"] for e in last["events"]] == ["line 22", "line 23", "line 24"]


@pytest.mark.parametrize("pattern, expected", [
    ("ERROR", ["ERROR disk", "ERROR net"]), ("ERROR -net", ["ERROR disk"]), ("?disk ?fine", ["ERROR disk", "all fine"]),
    ('"all fine"', ["all fine"]), ("{ $.level = \"warn\" }", ['{"level": "warn", "code": 7}']),
    ("{ $.code > 5 }", ['{"level": "warn", "code": 7}'])])
def test_filter_patterns(logs, stream, pattern, expected):
    put(logs, stream, ["ERROR disk", "all fine", "ERROR net", '{"level": "warn", "code": 7}', '{"level": "info", "code": 3}'])
    found = logs.filter_log_events(logGroupName=stream["logGroupName"], filterPattern=pattern)
    assert [e["message"] for e in found["events"]] == expected


def test_describe_groups_and_streams(logs, stream):
    groups = logs.describe_log_groups(logGroupNamePrefix=stream["logGroupName"])["logGroups"]
    assert groups[0]["arn"].endswith(f":log-group:{stream['logGroupName']}:*")
    logs.create_log_stream(logGroupName=stream["logGroupName"], logStreamName="a-second")
    names = [s["logStreamName"] for s in logs.describe_log_streams(logGroupName=stream["logGroupName"])["logStreams"]]
    assert names == ["a-second", "stream"]


def test_retention(logs, stream):
    logs.put_retention_policy(logGroupName=stream["logGroupName"], retentionInDays=7)
    group = logs.describe_log_groups(logGroupNamePrefix=stream["logGroupName"])["logGroups"][0]
    assert group["retentionInDays"] == 7
    with aws_error("InvalidParameterException", 400):
        logs.put_retention_policy(logGroupName=stream["logGroupName"], retentionInDays=8)


def test_old_events_are_reported(logs, stream):
    answer = logs.put_log_events(**stream, logEvents=[
        {"timestamp": int((time.time() - 15 * 86400) * 1000), "message": "ancient"},
        {"timestamp": int((time.time() - 14.5 * 86400) * 1000), "message": "old"}])
    assert answer["rejectedLogEventsInfo"]["tooOldLogEventEndIndex"] == 2


def test_missing_and_existing_things(logs, stream):
    with aws_error("ResourceNotFoundException", 400, "log group does not exist"):
        logs.get_log_events(logGroupName="/none", logStreamName="s")
    with aws_error("ResourceNotFoundException", 400, "log stream does not exist"):
        logs.get_log_events(logGroupName=stream["logGroupName"], logStreamName="none")
    with aws_error("ResourceAlreadyExistsException", 400):
        logs.create_log_group(logGroupName=stream["logGroupName"])


def test_regions_are_apart(server, stream):
    there = server.client("logs", region_name="eu-west-1")
    assert there.describe_log_groups(logGroupNamePrefix=stream["logGroupName"])["logGroups"] == []

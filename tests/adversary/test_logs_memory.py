"""The memory for reading logs depends on the request, not on the stream: 300,000 events within ten seconds form one
bucket of time, and reading a single event once loaded all of it."""
import sys
import time
from pathlib import Path

import pytest
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.server import Server  # noqa: E402

GROUP, STREAM = "dense", "events"
PUTS, EVENTS = 30, 10_000
GROWTH_BYTES_MAX = 40 << 20


def peak_bytes(server):
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    raise AssertionError("no VmHWM")


def logs_of(server):
    return server.client("logs", Config(parameter_validation=False, read_timeout=60))


@pytest.fixture(scope="module")
def dense():
    """A stream with many events in ten seconds, and a second stream whose events lie between them."""
    with Server(auth="any") as server:
        logs = logs_of(server)
        logs.create_log_group(logGroupName=GROUP)
        for stream in (STREAM, "other"):
            logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
        start = int(time.time()) // 10 * 10_000 - 20_000
        for put in range(PUTS):
            # Every put spans the whole bucket, so that rows overlap as much as possible.
            logs.put_log_events(logGroupName=GROUP, logStreamName=STREAM, logEvents=[
                {"timestamp": start + i, "message": f"{put:03} {i:05} ".ljust(78, "x")} for i in range(0, EVENTS)])
        logs.put_log_events(logGroupName=GROUP, logStreamName="other", logEvents=[
            {"timestamp": start + i * 10, "message": f"other {i}"} for i in range(1000)])
        server.start_ms = start
        yield server


def grown_by(server, work):
    """Returns how much the work raises the peak memory of a fresh server."""
    server.stop()
    server.start()
    logs = logs_of(server)
    logs.describe_log_groups()
    before = peak_bytes(server)
    result = work(logs)
    return peak_bytes(server) - before, result


def test_one_event_costs_little(dense):
    def work(logs):
        return [logs.get_log_events(logGroupName=GROUP, logStreamName=STREAM, limit=1, **options)["events"]
                for options in ({}, {"startFromHead": True}, {"startTime": dense.start_ms + 5000, "startFromHead": True},
                                {"endTime": dense.start_ms + 5000})]
    grown, (last, first, middle, before) = grown_by(dense, work)
    assert last[0]["message"].startswith(f"{PUTS - 1:03} {EVENTS - 1:05}")
    assert first[0]["message"].startswith("000 00000")
    assert middle[0]["message"].startswith("000 05000")
    assert before[0]["message"].startswith(f"{PUTS - 1:03} 04999")
    assert grown < GROWTH_BYTES_MAX, f"{grown >> 20} MiB for four events"


def pages_of(logs, pages_max):
    token = None
    for _ in range(pages_max):
        options = {"nextToken": token} if token else {"startFromHead": True}
        page = logs.get_log_events(logGroupName=GROUP, logStreamName=STREAM, **options)
        if page["nextForwardToken"] == token:
            return
        yield [(e["timestamp"], e["message"][:9]) for e in page["events"]]
        token = page["nextForwardToken"]


def test_a_page_costs_little(dense):
    grown, pages = grown_by(dense, lambda logs: list(pages_of(logs, 1)))
    assert len(pages[0]) >= 10_000
    assert grown < GROWTH_BYTES_MAX, f"{grown >> 20} MiB"


def test_every_event_comes_once_and_in_order(dense):
    seen = [event for page in pages_of(logs_of(dense), 1000) for event in page]
    expected = [(dense.start_ms + i, f"{put:03} {i:05}") for i in range(EVENTS) for put in range(PUTS)]
    assert seen == expected


def test_a_filter_over_several_streams_costs_little(dense):
    def work(logs):
        found, token = [], None
        while True:
            page = logs.filter_log_events(logGroupName=GROUP, filterPattern='"other"', **({"nextToken": token} if token else {}))
            found += [e["message"] for e in page["events"]]
            token = page.get("nextToken")
            if not token:
                return found
    grown, found = grown_by(dense, work)
    assert found == [f"other {i}" for i in range(1000)]
    assert grown < GROWTH_BYTES_MAX, f"{grown >> 20} MiB"


def test_large_messages_of_many_streams_cost_little():
    with Server(auth="any") as server:
        logs = logs_of(server)
        logs.create_log_group(logGroupName="large")
        now = int(time.time()) // 10 * 10_000 - 20_000
        for stream in range(60):
            logs.create_log_stream(logGroupName="large", logStreamName=f"s{stream:02}")
            for put in range(2):
                logs.put_log_events(logGroupName="large", logStreamName=f"s{stream:02}", logEvents=[
                    {"timestamp": now + i * 100 + stream, "message": f"{stream} {put} {i} ".ljust(250_000, "y")} for i in range(4)])

        def work(client):
            out, token = [], None
            for _ in range(3):
                page = client.filter_log_events(logGroupName="large", **({"nextToken": token} if token else {}))
                out += [(e["timestamp"] - now, e["logStreamName"]) for e in page["events"]]
                token = page["nextToken"]
            return out
        grown, found = grown_by(server, work)
        # Each page is a mebibyte, that is, four of these events. Both puts have one event at each time.
        assert found == [(stream, f"s{stream:02}") for stream in range(6) for _ in range(2)]
        assert grown < GROWTH_BYTES_MAX + (24 << 20), f"{grown >> 20} MiB"

"""The tests end everything that they start, even when a server was killed and never restarted."""
from pathlib import Path

import pytest

from hosting import in_service
from helpers import wait_until
from sagemaker_world import SCIKIT_LEARN, World, tar_gz
from support import leftovers
from support.server import Server

STUBBORN = """
import signal, subprocess, time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sleep", "600"], start_new_session=True)
print("started", flush=True)
time.sleep(600)
"""


def processes_of(data):
    """(pid, start time) of all processes that belong to the jobs below this folder, found by the kernel's parent
    pids."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
    found = {pid for folder in leftovers.running(data) for pid, _ in leftovers.processes(folder)}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {(pid, leftovers.start_ticks(pid)) for pid in found}


@pytest.mark.parametrize("killed", [True, False])
def test_nothing_goes_on_when_a_tests_server_is_closed(killed):
    with Server(auth="verify") as server:
        world = World(server)
        archive = world.put("model.tar.gz", tar_gz({"code/inference.py": "def model_fn(folder):\n    return 1\n"}))
        in_service(world, world.deploy(SCIKIT_LEARN, archive, {"SAGEMAKER_PROGRAM": "inference.py"}))
        job = world.start(STUBBORN)
        wait_until(lambda: "started" in world.job_log(job))
        if killed:
            server.kill()
        else:
            server.stop()
        left = processes_of(server.data)
        # Two shims; a model server with two workers; a script with its launcher and a child.
        assert len(left) >= 7, left
    assert not [pid for pid, ticks in left if leftovers.start_ticks(pid) == ticks]

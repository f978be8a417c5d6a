"""Ends what a server started and left running: jobs and model servers outlive it, on purpose. Which they are stands in
the jobs' own folders (src/compute/process/job_files.h); a process is taken for one of them only when its start time
is the one that is written there."""
import contextlib
import errno
import fcntl
import json
import os
import signal
import time
from pathlib import Path

STOP_SECONDS = 10


def start_ticks(pid):
    """When the process started, in clock ticks since boot; 0 when there is no such process, or a dead one."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def locked(folder):
    """Whether a shim lives in this job's folder."""
    try:
        with open(folder / "lock", "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except OSError as error:
        assert error.errno in (errno.EAGAIN, errno.EACCES), error
        return True


def recorded(folder):
    """What the shim wrote of itself; None when it has not yet."""
    try:
        return json.loads((folder / "shim.json").read_text())
    except (OSError, ValueError):
        return None


def processes(folder):
    """The processes of one job that are there, as (pid, start time)."""
    state = recorded(folder) or {}
    named = [(state.get("pid", 0), state.get("start_ticks", 0)), (state.get("job_pid", 0), state.get("job_start_ticks", 0))]
    return [(pid, ticks) for pid, ticks in named if pid > 0 and ticks and start_ticks(pid) == ticks]


def running(data):
    """The folders of the jobs that go on though their server has ended."""
    jobs = Path(data) / "jobs"
    return [each for each in (jobs.iterdir() if jobs.is_dir() else []) if locked(each) or processes(each)]


def end(folder, deadline):
    """Asks the shim, which ends all that its job has started; kills by pid what does not go by itself."""
    while (locked(folder) or processes(folder)) and time.monotonic() < deadline:
        try:
            control = os.open(folder / "control", os.O_WRONLY | os.O_NONBLOCK)
            os.write(control, b"stop 0\n")
            os.close(control)
        except OSError:  # it is about to listen, or about to end
            pass
        time.sleep(0.02)
    for pid, _ in processes(folder):
        os.kill(pid, signal.SIGKILL)
    for group in (recorded(folder) or {}).get("cgroups", []):
        with contextlib.suppress(OSError):  # as a rule the shim has removed it
            os.rmdir(group)


def end_jobs(data):
    """How many jobs had to be ended."""
    found = running(data)
    deadline = time.monotonic() + STOP_SECONDS
    for folder in found:
        end(folder, deadline)
    return len(found)

"""Ends jobs and model servers that a server left running, which outlive it on purpose. The jobs' own folders
(src/compute/process/job_files.h) name their processes; a process is ended only when its start time matches the recorded
one."""
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
    """The process's start time in clock ticks since boot; 0 when it does not exist or is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def locked(folder):
    """Whether this job's shim is alive."""
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
    """The shim's record of itself; None when it has not written one yet."""
    try:
        return json.loads((folder / "shim.json").read_text())
    except (OSError, ValueError):
        return None


def processes(folder):
    """The living processes of one job, as (pid, start time)."""
    state = recorded(folder) or {}
    named = [(state.get("pid", 0), state.get("start_ticks", 0)), (state.get("job_pid", 0), state.get("job_start_ticks", 0))]
    return [(pid, ticks) for pid, ticks in named if pid > 0 and ticks and start_ticks(pid) == ticks]


def running(data):
    """The folders of jobs that still run although their server has ended."""
    jobs = Path(data) / "jobs"
    return [each for each in (jobs.iterdir() if jobs.is_dir() else []) if locked(each) or processes(each)]


def end(folder, deadline):
    """Asks the shim to end everything that its job started; then kills by pid what does not end by itself."""
    while (locked(folder) or processes(folder)) and time.monotonic() < deadline:
        try:
            control = os.open(folder / "control", os.O_WRONLY | os.O_NONBLOCK)
            os.write(control, b"stop 0\n")
            os.close(control)
        except OSError:  # the shim does not listen yet, or is about to end
            pass
        time.sleep(0.02)
    for pid, _ in processes(folder):
        os.kill(pid, signal.SIGKILL)
    for group in (recorded(folder) or {}).get("cgroups", []):
        with contextlib.suppress(OSError):  # usually the shim has removed it already
            os.rmdir(group)


def end_jobs(data):
    """Returns how many jobs had to be ended."""
    found = running(data)
    deadline = time.monotonic() + STOP_SECONDS
    for folder in found:
        end(folder, deadline)
    return len(found)

"""The resources of a server's processes: CPU seconds, resident memory, open files."""
import contextlib
import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    """The fields of /proc/PID/stat from the state on; None when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


def family(pid):
    """The process, its descendants, and other processes of its session."""
    parents, sessions = {}, {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (stat := _stat(int(entry))):
            parents[int(entry)], sessions[int(entry)] = int(stat[1]), int(stat[3])
    found = {pid} | {each for each, session in sessions.items() if session == pid}
    while more := {each for each, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def cpu_seconds(pids):
    """User and system time of the processes and of their ended children."""
    return sum(sum(int(stat[i]) for i in (11, 12, 13, 14)) for pid in pids if (stat := _stat(pid))) / TICKS


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def _threads(pids):
    for pid in pids:
        with contextlib.suppress(OSError):
            yield from (int(each) for each in os.listdir(f"/proc/{pid}/task"))


@contextlib.contextmanager
def on_core(pids, core):
    """Restricts every thread of the processes to one core during the block."""
    everywhere = os.sched_getaffinity(0)

    def hold(cores):
        for thread in _threads(pids):
            with contextlib.suppress(OSError):
                os.sched_setaffinity(thread, cores)

    hold({core})
    try:
        yield
    finally:
        hold(everywhere)

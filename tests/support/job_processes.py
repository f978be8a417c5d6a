"""Processes of jobs as tests name them. A job has a pid namespace of its own, so its own pid says little: scripts of
tests give a number of the namespace, the moment of the process's start and the pid, made by

    int(os.readlink('/proc/self/ns/pid')[5:-1]) % 2**28 << 25 | int(open('/proc/%d/stat' % os.getpid()).read().rsplit(')', 1)[1].split()[19]) % 2**13 << 12 | os.getpid()

which no other process of this machine has. The start belongs to it because the kernel gives a namespace's number to
another when the first has ended."""
import os

PID_BITS, START_BITS = 12, 13


def number_of(process):
    """None when the process with this id (of this machine) has ended."""
    try:
        namespace = int(os.readlink(f"/proc/{process}/ns/pid")[5:-1])
        with open(f"/proc/{process}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        with open(f"/proc/{process}/status") as file:
            pid = next(int(line.split()[-1]) for line in file if line.startswith("NSpid:"))
    except OSError:
        return None
    if fields[0] in "ZX":
        return None
    return namespace % 2**28 << START_BITS + PID_BITS | int(fields[19]) % 2**START_BITS << PID_BITS | pid


def host_pid(number):
    """The process's id on this machine; None when it has ended."""
    return next((int(each) for each in filter(str.isdigit, os.listdir("/proc")) if number_of(each) == number), None)


def alive(number):
    return host_pid(number) is not None

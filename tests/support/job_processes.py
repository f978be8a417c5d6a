"""Processes of jobs as tests name them. A job has a pid namespace of its own, so its own pid says little: scripts of
tests give a number of the namespace and the pid, made by

    int(os.readlink('/proc/self/ns/pid')[5:-1]) % 2**28 << 22 | os.getpid()

which no other process of this machine has."""
import os

PID_BITS = 22


def host_pid(number):
    """The process's id on this machine; None when it has ended."""
    namespace, pid = number >> PID_BITS, number & (1 << PID_BITS) - 1
    for each in filter(str.isdigit, os.listdir("/proc")):
        try:
            if int(os.readlink(f"/proc/{each}/ns/pid")[5:-1]) % 2**28 != namespace:
                continue
            with open(f"/proc/{each}/status") as file:
                status = dict(line.split(":", 1) for line in file)
        except OSError:
            continue  # it has ended
        if int(status["NSpid"].split()[-1]) == pid and status["State"].split()[0] not in "ZX":
            return int(each)
    return None


def alive(number):
    return host_pid(number) is not None

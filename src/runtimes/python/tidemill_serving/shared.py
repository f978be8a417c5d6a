"""Shared by master and workers: a page of memory for state that changes with every request, and messages for the rest.

For a worker: its state, its pool, a counter of its requests, and whether the master has connections
that wait for it. For a connection: the progress of its request, so that the master knows, when a worker
dies, which requests died with it and which were not begun.
"""
import mmap
import os

WORKERS_MAX = 1024
CONNECTIONS_MAX = 1024
SLOT_BYTES = 4
CONNECTIONS = WORKERS_MAX * SLOT_BYTES

# States of a worker, in the byte at its slot. The next byte is its pool's number, below 128.
STARTING, IDLE, BUSY = 200, 201, 202
POOL, SERIAL, WANTED = 1, 2, 3
POOL_NUMBERS = 128
# States of a connection. ANSWERING: an answer that the kernel accepts at once; PARTIAL: any other answer.
UNTOUCHED, BEGUN, ANSWERING, PARTIAL = 0, 1, 2, 3
ATOMIC_BYTES_MAX = 16 * 1024

# Messages from the master: a connection with its number, the end of service, the end of this worker.
CONNECTION, RETIRE, DRAIN = b"c", b"q", b"d"
# Messages from a worker: the model is loaded or failed to load, a connection is returned or closed, another one is
# welcome (with "+": although the worker is busy).
READY, FAILED, BACK, CLOSED, ASKS = b"R", b"F", b"b", b"x", b"i"
MESSAGE_BYTES_MAX = 32 * 1024

LOAD_FAILED = 3  # exit code of a worker that could not load its model and has reported why
PING_STARTS = (b"GET /ping", b"HEAD /ping")


def create():
    """Creates the shared memory; returns its descriptor and the memory."""
    descriptor = os.memfd_create("tidemill_serving")
    os.ftruncate(descriptor, CONNECTIONS + CONNECTIONS_MAX)
    return descriptor, attach(descriptor)


def attach(descriptor):
    return mmap.mmap(descriptor, CONNECTIONS + CONNECTIONS_MAX)

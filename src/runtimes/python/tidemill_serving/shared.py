"""What master and workers share: a page of memory for what changes with every request, messages for the rest.

Of a worker: its state, its pool, a counter of its requests, and whether the master has connections
that wait for it. Of a connection: how far its request is, so that the master knows, when a worker
dies, which requests died with it and which nobody has begun.
"""
import mmap
import os

WORKERS_MAX = 1024
CONNECTIONS_MAX = 1024
SLOT_BYTES = 4
CONNECTIONS = WORKERS_MAX * SLOT_BYTES

# Of a worker: the byte at its slot. Its pool's number, below 128, is the byte behind it.
STARTING, IDLE, BUSY = 200, 201, 202
POOL, SERIAL, WANTED = 1, 2, 3
POOL_NUMBERS = 128
# Of a connection. An answer that the kernel takes at once is ANSWERING, any other PARTIAL.
UNTOUCHED, BEGUN, ANSWERING, PARTIAL = 0, 1, 2, 3
ATOMIC_BYTES_MAX = 16 * 1024

# From the master: a connection with its number, the end of service, the end of this worker.
CONNECTION, RETIRE, DRAIN = b"c", b"q", b"d"
# From a worker: the model is loaded or is not, a connection goes back or is closed, one more is welcome
# (with a "+": although it is busy).
READY, FAILED, BACK, CLOSED, ASKS = b"R", b"F", b"b", b"x", b"i"
MESSAGE_BYTES_MAX = 32 * 1024

LOAD_FAILED = 3  # exit code of a worker that could not load its model and has said why
PING_STARTS = (b"GET /ping", b"HEAD /ping")


def create():
    """A descriptor of the memory and the memory."""
    descriptor = os.memfd_create("tidemill_serving")
    os.ftruncate(descriptor, CONNECTIONS + CONNECTIONS_MAX)
    return descriptor, attach(descriptor)


def attach(descriptor):
    return mmap.mmap(descriptor, CONNECTIONS + CONNECTIONS_MAX)

"""Connections on an epoll: the common part of master and worker."""
import select
import socket
import time

from tidemill_serving import messages

READ_BYTES = 64 * 1024
BODY_READ_BYTES = 256 * 1024
# Time limits for a head, for a body or answer without progress, for a whole request, and for a connection without a
# request.
HEAD_SECONDS, STALL_SECONDS, REQUEST_SECONDS, IDLE_SECONDS = 20, 30, 600, 300
# How long a client may go on sending after an answer that ends the connection.
LINGER_SECONDS = 2
SWEEP_SECONDS, IDLE_SWEEP_SECONDS = 2, 60

_IN, _OUT = select.EPOLLIN, select.EPOLLOUT


class Connection:
    __slots__ = ("stream", "fd", "index", "reader", "out", "begun", "progress", "closing", "registered",
                 "lingering", "cold", "routed", "owner", "arrived", "verdict", "own",
                 "doubt")

    def __init__(self, stream, index, body_bytes_max):
        self.stream, self.fd, self.index = stream, stream.fileno(), index
        self.reader = messages.Reader(body_bytes_max)
        self.out = None          # bytes that the socket has not accepted yet
        self.begun = 0.0         # when the request began; 0 when there is none
        self.progress = time.monotonic()
        self.closing = False     # close once `out` is sent
        self.registered = False
        self.lingering = False   # the last answer is sent; further input is discarded
        self.cold = None         # in a worker: when the request came for which the worker was started
        self.routed = True       # in a worker: the master has just decided that the request is for this worker
        self.owner = None        # in the master: the worker that has the connection
        self.arrived = 0.0       # in the master: when the request began to wait
        self.verdict = None      # in the master: the answer to the request
        self.own = False         # in the master: it reads the request itself
        self.doubt = False       # in the master: its last answer may or may not have been sent


class Loop:
    """Subclasses implement answer(connection, request) and dropped(connection), which is called at the end."""

    def __init__(self, body_bytes_max):
        self.epoll = select.epoll()
        self.body_bytes_max = body_bytes_max
        self.connections = {}
        self.pending = set()  # connections with an incomplete request or answer
        self.swept = time.monotonic()
        self.draining = False

    def add(self, stream, index):
        connection = Connection(stream, index, self.body_bytes_max)
        self.connections[connection.fd] = connection
        self.watch(connection)
        return connection

    def watch(self, connection, events=_IN):
        if connection.registered:
            self.epoll.modify(connection.fd, events)
        else:
            self.epoll.register(connection.fd, events)
            connection.registered = True

    def unwatch(self, connection):
        if connection.registered:
            self.epoll.unregister(connection.fd)
            connection.registered = False

    def drop(self, connection):
        """Closes the connection for both sides, even if other processes have its descriptor."""
        if self.connections.pop(connection.fd, None) is None:
            return
        self.unwatch(connection)
        self.pending.discard(connection)
        try:
            connection.stream.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        connection.stream.close()
        self.dropped(connection)

    def dropped(self, connection):
        pass

    def began(self, connection):
        """Called before the first byte of a request is read."""

    def ended(self, connection):
        """Called when the answer is sent and no part of another request has arrived."""

    def event(self, connection, mask):
        if connection.out is not None:
            self.flush(connection)
        elif connection.lingering:
            self._discard(connection)
        else:
            self.read(connection)

    def refuse(self, connection, error):
        """Answers input that is not a request. On TCP, closing with unread input would destroy the answer."""
        connection.lingering = True
        self.send(connection, messages.encode(messages.text(error.status, str(error)), False), True)

    def _end(self, connection):
        if not connection.lingering:
            self.drop(connection)
            return
        connection.closing = False
        connection.progress = time.monotonic()
        self.pending.add(connection)
        self.watch(connection)
        try:
            connection.stream.shutdown(socket.SHUT_WR)
        except OSError:
            self.drop(connection)

    def _discard(self, connection):
        try:
            data = connection.stream.recv(BODY_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.drop(connection)

    def read(self, connection):
        """Reads what has arrived and answers each complete request."""
        reader = connection.reader
        if not connection.begun:
            self.began(connection)
        try:
            data = connection.stream.recv(READ_BYTES if reader.head is None else BODY_READ_BYTES)
        except BlockingIOError:
            if not connection.begun:
                self.ended(connection)
            return
        except OSError:
            data = b""
        if not data:
            self.drop(connection)
            return
        self.consume(connection, data)

    def consume(self, connection, data):
        reader = connection.reader
        try:
            request = reader.feed(data)
            while request is not None:
                self.answer(connection, request)
                if (connection.out is not None or connection.lingering
                        or connection.fd not in self.connections):
                    return
                if not reader.buffer:
                    connection.begun = 0.0
                    self.pending.discard(connection)
                    self.ended(connection)
                    return
                self.began(connection)
                request = reader.feed(b"")
        except messages.BadRequest as error:
            self.refuse(connection, error)
            return
        self._incomplete(connection)

    def _incomplete(self, connection):
        now = connection.progress = time.monotonic()
        if not connection.begun:
            connection.begun = now
            self.pending.add(connection)
        if connection.reader.wants_continue():
            connection.reader.head.expects = False
            # A client that waits for this receives it at once, since the buffer is empty.
            try:
                connection.stream.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            except OSError:
                self.drop(connection)

    def send(self, connection, data, closing=False):
        """Sends; what the socket does not accept now is sent when it has room."""
        try:
            count = connection.stream.send(data)
        except BlockingIOError:
            count = 0
        except OSError:
            self.drop(connection)
            return
        if count < len(data):
            connection.out, connection.closing = memoryview(data)[count:], closing
            connection.progress = time.monotonic()
            self.pending.add(connection)
            self.watch(connection, _OUT)
        elif closing:
            self._end(connection)

    def flush(self, connection):
        try:
            count = connection.stream.send(connection.out)
        except BlockingIOError:
            return
        except OSError:
            self.drop(connection)
            return
        connection.progress = time.monotonic()
        connection.out = connection.out[count:]
        if connection.out:
            return
        connection.out = None
        if connection.closing:
            self._end(connection)
            return
        self.pending.discard(connection)
        connection.begun = 0.0
        self.watch(connection)
        if connection.reader.buffer:
            self.began(connection)
            self.consume(connection, b"")
        else:
            self.ended(connection)

    def wait_seconds(self):
        """How long waiting for events may last before the next sweep; None: without limit."""
        if self.pending:
            return SWEEP_SECONDS
        return IDLE_SWEEP_SECONDS if self.connections else None

    def sweep(self):
        now = time.monotonic()
        if now - self.swept < SWEEP_SECONDS:
            return
        self.swept = now
        for connection in list(self.pending):
            stalled = now - connection.progress
            if connection.out is not None:
                if stalled > STALL_SECONDS:
                    self.drop(connection)
                continue
            if connection.lingering:
                if stalled > LINGER_SECONDS:
                    self.drop(connection)
                continue
            late = now - connection.begun > (HEAD_SECONDS if connection.reader.head is None
                                             else REQUEST_SECONDS)
            if late or stalled > STALL_SECONDS:
                self.refuse(connection, messages.BadRequest(408, "the request did not arrive in time"))
        for connection in list(self.connections.values()):
            if connection not in self.pending and connection.registered \
                    and now - connection.progress > IDLE_SECONDS:
                self.drop(connection)

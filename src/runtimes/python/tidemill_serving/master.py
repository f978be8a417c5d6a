"""The master: accepts connections, gives those with a request to workers, and keeps the workers alive.

A worker keeps its connections, request after request, without involving the master. The master's own
descriptor of each stays open, so that a connection outlives its worker.
"""
import heapq
import itertools
import os
import select
import signal
import socket
import struct
import sys
import time

from tidemill_serving import launch, local_answers, messages, shared, worker as worker_module
from tidemill_serving.loop import Loop
from tidemill_serving.pool import WorkerProcess

STOP_SECONDS = 30
PEEK_BYTES = 2048
# An incomplete request line is looked at again after this time.
PEEK_AGAIN_SECONDS = 0.01
DOUBT_SECONDS = 0.25


def may_connect(stream):
    """On a unix socket, accepts only root (the server) and this process's own user, since others may find the path."""
    if stream.family != socket.AF_UNIX:
        return True
    _, user, _ = struct.unpack("3i", stream.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return user in (0, os.geteuid())


class Master(Loop):
    def __init__(self, listener, load, fork, body_bytes_max, answer_seconds=0.0):
        """`load(model_dir)` returns handlers with the model; it runs only in workers."""
        super().__init__(body_bytes_max)
        self.listener, self.load, self.fork, self.answer_seconds = listener, load, fork, answer_seconds
        self.memory_descriptor, self.memory = shared.create()
        self.free_indexes = list(range(shared.CONNECTIONS_MAX - 1, -1, -1))
        self.indexed = {}    # connections by index
        self.controls = {}   # (pool, worker) by the control socket's descriptor
        self.timers, self.order = [], itertools.count()
        self.pool = None     # the only pool, when there is one model
        self.pool_numbers = itertools.cycle(range(1, shared.POOL_NUMBERS))
        self.exit_code, self.finished, self.stopping = 0, False, False
        self.accepting = self.asked_to_stop = False
        listener.setblocking(False)
        self.signals, signals_in = socket.socketpair()
        self.signals.setblocking(False)
        signals_in.setblocking(False)
        self.signals_in = signals_in
        self.epoll.register(self.signals.fileno(), select.EPOLLIN)

    # --- for pools ---

    def pool_number(self):
        return next(self.pool_numbers)

    def by_index(self, index):
        return self.indexed[index]

    def after(self, seconds, action):
        heapq.heappush(self.timers, (time.monotonic() + seconds, next(self.order), action))

    def tell(self, worker, message):
        try:
            worker.control.send(message)
        except OSError as error:
            print(f"worker {worker.pid} cannot be told: {error}", file=sys.stderr, flush=True)

    def hand_over(self, connection, worker):
        """Returns False when the worker cannot take the connection now."""
        cold = b"%.6f" % connection.cold if connection.cold else b""
        slot = worker.slot * shared.SLOT_BYTES
        state, self.memory[slot] = self.memory[slot], shared.BUSY  # before the worker can report that it is idle again
        try:
            socket.send_fds(worker.control, [shared.CONNECTION + b"%d:" % connection.index + cold],
                            [connection.fd])
        except OSError:
            self.memory[slot] = state
            return False
        self.unwatch(connection)
        connection.owner, connection.cold = worker, None
        worker.connections.add(connection)
        return True

    def last_words(self, connection, response):
        """Answers a connection whose request died with its worker."""
        self.send(connection, messages.encode(response, False), True)

    def doubt(self, connection, response):
        """Its worker died while it answered. If the client soon sends a request, it had received the answer."""
        def decide():
            if connection.doubt and connection.owner is None and self.indexed.get(connection.index) is connection:
                self.last_words(connection, response)
        connection.doubt = True
        self.watch(connection)
        self.after(DOUBT_SECONDS, decide)

    def pool_ready(self, pool):
        if pool is self.pool:
            print(f"Model loaded, {sum(each.ready for each in pool.workers.values())} of "
                  f"{max(1, pool.minimum)} workers ready", flush=True)

    def pool_failed(self, pool, failure):
        """Called when no worker could load the only model: the master ends, and prints the reason last."""
        sys.stderr.write(failure[1] + "\n")
        sys.stderr.flush()
        self.exit_code = 1
        self.stop()

    def kill(self, worker):
        os.kill(worker.pid, signal.SIGKILL)

    # --- processes of workers ---

    def spawn(self, pool):
        slot = next(slot for slot in range(shared.WORKERS_MAX) if not self.memory[slot * shared.SLOT_BYTES])
        start = slot * shared.SLOT_BYTES
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self.memory[start:start + shared.SLOT_BYTES] = bytes((shared.STARTING, pool.number, 0, 0))
        process = None
        try:
            if self.fork:
                pid = launch.forked(lambda: self.become_worker(theirs, slot, pool), self.descriptors(ours))
            else:
                process = launch.spawned(theirs, self.memory_descriptor, [
                    str(slot), str(int(pool.several)), str(pool.model_dir), pool.only_path.decode("latin-1")])
                pid = process.pid
        except OSError:
            self.memory[start] = 0
            ours.close()
            raise
        finally:
            theirs.close()
        worker = WorkerProcess(pid, process, ours, slot)
        self.controls[ours.fileno()] = (pool, worker)
        self.epoll.register(ours.fileno(), select.EPOLLIN)
        return worker

    def descriptors(self, *more):
        """Closes what a forked worker must not keep open."""
        own = [self.epoll.fileno(), self.listener.fileno(), self.signals.fileno(), self.signals_in.fileno()]
        return own + [each.fileno() for each in more] + list(self.controls) + list(self.connections)

    def become_worker(self, control, slot, pool):
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        return worker_module.serve(control, self.memory, slot, pool.several, self.body_bytes_max,
                                   lambda: self.load(pool.model_dir), pool.only_path)

    def hear(self, pool, worker):
        while True:
            try:
                message = worker.control.recv(shared.MESSAGE_BYTES_MAX)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                if worker.control.fileno() in self.controls:
                    self.epoll.unregister(worker.control.fileno())
                    del self.controls[worker.control.fileno()]
                return
            pool.heard(worker, message)

    def reap(self, pools):
        for pool in pools:
            for worker in list(pool.workers.values()):
                if worker.process is not None:
                    status = worker.process.poll()
                else:
                    pid, raw = os.waitpid(worker.pid, os.WNOHANG)
                    status = os.waitstatus_to_exitcode(raw) if pid else None
                if status is None:
                    continue
                self.hear(pool, worker)  # its last messages
                if self.controls.pop(worker.control.fileno(), None):
                    self.epoll.unregister(worker.control.fileno())
                worker.control.close()
                self.memory[worker.slot * shared.SLOT_BYTES] = 0
                pool.ended(worker, status)

    def pools(self):
        return [self.pool]

    # --- connections ---

    def accept(self):
        while self.free_indexes:
            try:
                stream, _ = self.listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                print(f"cannot accept a connection: {error}", file=sys.stderr, flush=True)
                self.set_accepting(False)
                self.after(0.1, lambda: self.set_accepting(True))
                return
            if not may_connect(stream):
                stream.close()
                continue
            stream.setblocking(False)
            connection = self.add(stream, self.free_indexes.pop())
            self.indexed[connection.index] = connection
            if self.readable_now(connection):
                self.route(connection)
        self.set_accepting(False)

    @staticmethod
    def readable_now(connection):
        try:
            return bool(connection.stream.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def set_accepting(self, accepting):
        if accepting == self.accepting or (accepting and (self.stopping or not self.free_indexes)):
            return
        self.accepting = accepting
        if accepting:
            self.epoll.register(self.listener.fileno(), select.EPOLLIN)
        else:
            self.epoll.unregister(self.listener.fileno())

    def dropped(self, connection):
        self.memory[shared.CONNECTIONS + connection.index] = shared.UNTOUCHED
        if connection.owner:
            connection.owner.connections.discard(connection)
        del self.indexed[connection.index]
        self.free_indexes.append(connection.index)
        self.set_accepting(True)

    def ended(self, connection):
        connection.own, connection.verdict = False, None
        connection.progress = time.monotonic()

    def route(self, connection):
        """Called when a connection has input."""
        try:
            start = connection.stream.recv(PEEK_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            start = b""
        connection.doubt = False
        if not start:
            self.drop(connection)
        elif start.startswith(shared.PING_STARTS):
            self.answer_myself(connection)
        else:
            self.route_request(connection, start)

    def route_request(self, connection, start):
        self.pool.take(connection)

    def answer_myself(self, connection):
        connection.own = True
        self.event(connection, select.EPOLLIN)

    def answer(self, connection, request):
        response = connection.verdict or local_answers.answer(request, self.unready()) or self.manage(request)
        self.send(connection, messages.encode(response, request.keep, request.method == "HEAD"), not request.keep)

    def unready(self):
        return self.pool.unready()

    def manage(self, request):
        return local_answers.unknown(request)

    # --- main loop ---

    def run(self):
        """Runs until SIGTERM, or until it is certain that the model cannot be loaded; returns the exit code."""
        signal.signal(signal.SIGTERM, self.ask_to_stop)
        signal.signal(signal.SIGINT, self.ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.signals_in.fileno(), warn_on_full_buffer=False)
        self.set_accepting(True)
        self.begin()
        while not self.finished:
            for fd, mask in self.epoll.poll(self.next_wait(), 64):
                self.handle(fd, mask)
            self.run_timers()
            self.sweep()
            if self.stopping and not any(pool.workers for pool in self.pools()):
                self.finished = True
        return self.exit_code

    def begin(self):
        self.pool.start()

    def handle(self, fd, mask):
        connection = self.connections.get(fd)
        if connection is not None:
            if connection.own or connection.out is not None or connection.lingering:
                self.event(connection, mask)
            elif connection.registered:
                self.route(connection)
        elif fd in self.controls:
            self.hear(*self.controls[fd])
        elif fd == self.listener.fileno():
            self.accept()
        elif fd == self.signals.fileno():
            self.signals.recv(4096)
            self.reap(self.pools())
            if self.asked_to_stop:
                self.stop()

    def next_wait(self):
        waits = [self.wait_seconds()] if self.wait_seconds() is not None else []
        if self.timers:
            waits.append(max(0.0, self.timers[0][0] - time.monotonic()))
        return min(waits) if waits else None

    def run_timers(self):
        while self.timers and self.timers[0][0] <= time.monotonic():
            heapq.heappop(self.timers)[2]()

    def ask_to_stop(self, *_):
        self.asked_to_stop = True  # the wake-up descriptor makes the loop check this

    def stop(self):
        """Stops accepting; workers finish their requests."""
        if self.stopping:
            return
        self.set_accepting(False)
        self.stopping = True
        self.listener.close()
        for connection in list(self.connections.values()):
            if connection.owner is None and connection.registered and not connection.own:
                if not self.readable_now(connection):
                    self.drop(connection)
        self.after(STOP_SECONDS, self.kill_all)
        self.drain()

    def drain(self):
        """Lets the workers end once no request waits for one."""
        for pool in self.pools():
            ready = any(worker.ready for worker in pool.workers.values())
            if pool.queue and ready:
                self.after(0.01, self.drain)
                return
        for pool in self.pools():
            pool.refuse_all(messages.text(503, "the model server is stopping"))
            for worker in pool.workers.values():
                if worker.ready:
                    self.tell(worker, shared.DRAIN)
                else:
                    self.kill(worker)

    def kill_all(self):
        for pool in self.pools():
            for worker in pool.workers.values():
                self.kill(worker)

"""One worker: holds the model and answers, one request at a time, on its main thread.

User code always runs on the main thread, because some of it (event loops, sqlite3, OpenMP's pools) needs that.
While it runs long, a second thread watches the connections: it answers /ping and gives
waiting requests back to the master, for other workers.
"""
import collections
import faulthandler
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
import traceback

from tidemill_common import trace
from tidemill_serving import codecs, local_answers, messages, shared
from tidemill_serving.loop import Loop

# User code that takes longer than this on average is watched from its start. Faster code is watched only when a request
# is still running one tick later.
SLOW_SECONDS = 0.002
TICK_SECONDS = 0.05
STREAM_STALL_SECONDS = 30
DESCRIPTOR = struct.Struct("i")
LEAVING_SECONDS = 0.05  # between checks of requests that are still arriving


def toolkit_status(error):
    """The answer to the client that an error of sagemaker_inference asks for; None for other errors."""
    if any(base.__name__ == "BaseInferenceToolkitError" for base in type(error).__mro__):
        status = getattr(error, "status_code", None)
        return status if isinstance(status, int) and 400 <= status <= 599 else None
    return None


class Worker(Loop):
    def __init__(self, control, memory, slot, several, body_bytes_max, only_path=b""):
        super().__init__(body_bytes_max)
        self.control, self.memory, self.slot = control, memory, slot * shared.SLOT_BYTES
        self.idle_others = bytes((shared.IDLE, memory[self.slot + shared.POOL]))
        self.several, self.only_path = several, only_path
        self.handlers, self.ready_at = None, 0.0
        self.retiring = False
        self.asked_at = 0                   # the serial when it last asked for more although busy
        self.last = -1                      # the connection served last
        self.waiting = collections.deque()  # noticed by the second thread, to be served by the first
        self.epoll.register(control.fileno(), select.EPOLLIN)
        # The thread that owns the connections: the main thread, except while it runs user code.
        self.turn = threading.Lock()
        self.turn.acquire()
        self.start_watch = threading.Lock()
        self.start_watch.acquire()
        self.wake_out, self.wake_in = socket.socketpair()
        self.wake_in.setblocking(False)
        self.epoll.register(self.wake_in.fileno(), select.EPOLLIN)
        self.serial, self.parked, self.average = 0, True, 0.0
        self.inside = False
        self.current = None

    # --- messages with the master ---

    def say(self, message):
        try:
            self.control.send(message)
        except OSError:
            os._exit(1)  # without a master there is no service

    def hear(self):
        try:
            # socket.recv_fds() would forget the flags.
            message, attached, _, _ = self.control.recvmsg(
                shared.MESSAGE_BYTES_MAX, socket.CMSG_SPACE(DESCRIPTOR.size),
                socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return  # the other thread has already handled this event
        kind = message[:1]
        if kind == shared.CONNECTION:
            index, cold = message[1:].split(b":")
            descriptor, = DESCRIPTOR.unpack(attached[0][2])
            connection = self.add(socket.socket(fileno=descriptor), int(index))
            connection.cold = float(cold) if cold else None
        elif kind == shared.RETIRE:
            self.retiring = True
        elif kind == shared.DRAIN:
            self.draining = True
        elif not message:
            os._exit(1)

    def dropped(self, connection):
        self.memory[shared.CONNECTIONS + connection.index] = shared.UNTOUCHED
        self.say(shared.CLOSED + b"%d" % connection.index)

    def give_back(self, connection):
        """Returns a connection whose request has not been read: any worker can serve it."""
        self.unwatch(connection)
        del self.connections[connection.fd]
        connection.stream.close()
        self.say(shared.BACK + b"%d" % connection.index)

    def began(self, connection):
        self.memory[shared.CONNECTIONS + connection.index] = shared.BEGUN

    def ended(self, connection):
        self.memory[shared.CONNECTIONS + connection.index] = shared.UNTOUCHED
        connection.routed = False

    # --- the main thread ---

    def run(self):
        threading.Thread(target=self.second_thread, daemon=True).start()
        leaving = False
        while not leaving:
            events, contended = self.next_events()
            for fd, mask in events:
                connection = self.connections.get(fd)
                if connection is None:
                    self.internal(fd)
                elif contended and fd != self.last and self.another_is_idle(connection):
                    self.give_back(connection)
                else:
                    self.serve(connection, mask)
                contended = self.several
            while self.waiting:
                connection = self.waiting.popleft()
                if self.connections.get(connection.fd) is connection:
                    self.watch(connection)
                    self.serve(connection, select.EPOLLIN)
            self.sweep()
            leaving = (self.draining or self.retiring) and not events and not self.pending
        self.finish()

    def serve(self, connection, mask):
        self.last = connection.fd
        if not connection.begun and connection.out is None and self.is_others(connection):
            self.give_back(connection)
            return
        self.event(connection, mask)

    def next_events(self):
        """Returns the next events, and whether they may have waited for this worker."""
        memory, slot = self.memory, self.slot
        if self.draining or self.retiring:
            return self.epoll.poll(LEAVING_SECONDS if self.pending else 0, 64), False
        if self.several:
            events = self.epoll.poll(0, 64)
            if events:
                # A worker that is always busy with its own connections would never become idle for waiting ones.
                if memory[slot + shared.WANTED] and self.serial != self.asked_at:
                    self.asked_at = self.serial
                    self.say(shared.ASKS + b"+")
                return events, True
        memory[slot] = shared.IDLE
        if memory[slot + shared.WANTED]:
            self.say(shared.ASKS)
        events = self.epoll.poll(self.wait_seconds(), 64)
        memory[slot] = shared.BUSY
        return events, False

    def another_is_idle(self, connection):
        return (not connection.routed and not connection.begun and connection.out is None
                and self.memory.find(self.idle_others, 0, shared.CONNECTIONS) >= 0)

    def is_others(self, connection):
        """In multi-model mode the next request of a connection may be for another model."""
        if not self.only_path or connection.routed:
            return False
        try:
            start = connection.stream.recv(len(self.only_path), socket.MSG_PEEK)
        except OSError:
            return False
        return bool(start) and start != self.only_path

    def internal(self, fd):
        if fd == self.control.fileno():
            self.hear()
        elif fd == self.wake_in.fileno():
            self.woken()

    def woken(self):
        try:
            self.wake_in.recv(16)
        except BlockingIOError:
            pass

    def finish(self):
        """Returns connections without a request to the master, or closes them at the end of service."""
        for connection in list(self.connections.values()):
            if self.draining or connection.begun or connection.out is not None:
                self.drop(connection)
            else:
                self.give_back(connection)

    def answer(self, connection, request):
        response = local_answers.answer(request)
        if response is None:
            if request.path == "/invocations" or self.only_path:
                response = self.invoke(connection, request)
            else:
                response = local_answers.unknown(request)
        connection.cold = None
        if response is None:  # a stream, which has been sent already
            if connection.closing:
                self.drop(connection)
            return
        keep = request.keep and not self.draining
        data = messages.encode(response, keep, request.method == "HEAD")
        self.memory[shared.CONNECTIONS + connection.index] = (
            shared.ANSWERING if len(data) <= shared.ATOMIC_BYTES_MAX else shared.PARTIAL)
        self.send(connection, data, not keep)

    def invoke(self, connection, request):
        if request.method != "POST":
            return messages.text(405, f"{request.path} takes POST")
        slot = self.slot + shared.SERIAL
        self.serial += 1
        self.memory[slot] = self.serial & 255
        if (self.parked or self.average > SLOW_SECONDS) and self.start_watch.locked():
            self.start_watch.release()
        self.current, self.inside = connection, True
        began = time.monotonic()
        self.turn.release()
        try:
            response = self.call(connection, request)
        finally:
            if not self.turn.acquire(False):
                self.wake_out.send(b"w")
                self.turn.acquire()
            self.inside, self.current = False, None
            connection.progress = ended = time.monotonic()
            self.average += (ended - began - self.average) * 0.2
            if connection.fd in self.connections and not connection.registered:
                self.watch(connection)
        return response

    def call(self, connection, request):
        """Returns the answer; None when it was streamed."""
        try:
            response = self.handlers.invoke(request)
            if connection.cold is not None:
                milliseconds = max(0.0, self.ready_at - connection.cold) * 1000
                response.headers += (("X-Tidemill-Cold-Start", f"{milliseconds:.1f}"),)
            if isinstance(response.body, bytes):
                return response
            first = next(response.body, b"")  # an error before the first piece is an ordinary error
        except codecs.Unsupported as error:
            return messages.text(error.status, str(error))
        except (Exception, SystemExit) as error:
            words = trace.format_exc()
            print(words, file=sys.stderr, flush=True)
            status = toolkit_status(error)
            return messages.text(status, str(error.message)) if status else messages.text(500, words)
        self.stream(connection, request, response, first)
        return None

    # --- streamed answers ---

    def stream(self, connection, request, response, chunk):
        """Sends pieces as they are made. A failure cuts the connection, as there is no other way to report it."""
        keep = request.keep and not request.http_1_0 and not self.draining
        framing = "" if request.http_1_0 else "Transfer-Encoding: chunked\r\n"
        self.memory[shared.CONNECTIONS + connection.index] = shared.PARTIAL
        try:
            data = messages.encode_head(response, framing, keep)
            while chunk:
                data += chunk if request.http_1_0 else b"%x\r\n%b\r\n" % (len(chunk), chunk)
                self.send_all(connection.stream, data)
                data, chunk = b"", next(response.body, b"")
            self.send_all(connection.stream, data + (b"" if request.http_1_0 else b"0\r\n\r\n"))
            if keep:
                return
        except OSError as error:
            print(f"A streamed answer ended early: {error}", file=sys.stderr, flush=True)
        except (Exception, SystemExit):
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            response.body.close()
        connection.closing = True

    @staticmethod
    def send_all(stream, data):
        view = memoryview(data)
        while view:
            try:
                view = view[stream.send(view):]
            except BlockingIOError:
                room = select.poll()
                room.register(stream.fileno(), select.POLLOUT)
                if not room.poll(STREAM_STALL_SECONDS * 1000):
                    raise TimeoutError(f"the client took nothing for {STREAM_STALL_SECONDS} s") from None

    # --- the second thread ---

    def second_thread(self):
        while True:
            self.await_watch()
            if self.inside and self.turn.acquire(False):
                try:
                    self.keep_watch()
                except Exception:
                    traceback.print_exc()
                finally:
                    self.turn.release()

    def await_watch(self):
        """Returns when there may be something to watch: at once for slow code, else one tick later."""
        while True:
            if self.average > SLOW_SECONDS:
                self.start_watch.acquire()
                return
            seen = self.serial
            if self.start_watch.acquire(timeout=TICK_SECONDS):
                if self.average > SLOW_SECONDS:
                    return
            elif self.serial == seen:
                if self.inside:
                    return
                self.parked = True  # there are no requests: no ticks until one comes
                if self.serial == seen:
                    self.start_watch.acquire()
                self.parked = False

    def keep_watch(self):
        while True:
            for fd, mask in self.epoll.poll(None, 64):
                if fd == self.wake_in.fileno():
                    self.woken()
                    return
                connection = self.connections.get(fd)
                if connection is None:
                    self.internal(fd)
                elif connection is self.current:
                    self.unwatch(connection)
                elif connection.out is not None or connection.lingering:
                    self.event(connection, mask)
                else:
                    self.look_at(connection)

    def look_at(self, connection):
        try:
            start = connection.stream.recv(16, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            start = b""
        if not start:
            self.drop(connection)
        elif not connection.begun and start.startswith(shared.PING_STARTS):
            self.event(connection, select.EPOLLIN)
        elif not connection.begun and (self.several or self.is_others(connection)):
            self.give_back(connection)
        else:
            self.unwatch(connection)
            self.waiting.append(connection)


def serve(control, memory, slot, several, body_bytes_max, load, only_path=b""):
    """The life of a worker; returns its exit code. `load` returns handlers with the model."""
    for number in (signal.SIGTERM, signal.SIGINT):  # the master says when to end
        signal.signal(number, lambda *_: None)
    faulthandler.enable()
    sys.stdout.reconfigure(line_buffering=True)  # output must be visible even if the process dies
    try:
        handlers = load()
    except (Exception, SystemExit) as error:
        kind = b"memory:" if isinstance(error, MemoryError) else b"error:"
        words = trace.format_exc().encode("utf-8", "replace")
        sys.stdout.flush()
        control.send(shared.FAILED + kind + words[-shared.MESSAGE_BYTES_MAX + 16:])
        return shared.LOAD_FAILED
    worker = Worker(control, memory, slot, several, body_bytes_max, only_path)
    worker.handlers, worker.ready_at = handlers, time.monotonic()
    memory[worker.slot] = shared.BUSY
    worker.say(shared.READY)
    worker.run()
    return 0

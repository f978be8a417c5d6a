"""The workers of one model: their number, which one gets the next connection, and what happens when one dies."""
import collections
import signal
import sys
import time

from tidemill_serving import messages, shared

# The pause between the death of a worker and the start of its successor; it doubles with each death.
BACK_OFF_SECONDS, BACK_OFF_SECONDS_MAX = 0.1, 10.0
HEALTHY_SECONDS = 60
# On demand, another worker starts only when a request has waited this long for the existing ones.
GROWTH_SECONDS = 0.005
# A request waits for a worker that starts within this time, but not longer.
START_PATIENCE_SECONDS = 2
QUEUE_SECONDS = 60
RECHECK_SECONDS = 0.02


class WorkerProcess:
    """The master's view of a worker."""
    __slots__ = ("pid", "process", "control", "slot", "ready", "ready_at", "connections", "retiring", "failure",
                 "idle_since", "request_since", "serial", "killed_because")

    def __init__(self, pid, process, control, slot):
        self.pid, self.process, self.control, self.slot = pid, process, control, slot
        self.ready, self.ready_at, self.connections = False, 0.0, set()
        self.retiring, self.failure, self.killed_because = False, None, ""
        self.idle_since, self.request_since, self.serial = 0.0, 0.0, 0


def describe_end(status):
    """Describes an exit status as given by waitpid."""
    if status < 0:
        try:
            return f"was ended by {signal.Signals(-status).name} (signal {-status})"
        except ValueError:
            return f"was ended by signal {-status}"
    return f"ended with exit code {status}"


class Pool:
    def __init__(self, master, name, minimum, maximum, idle_seconds=None, model_dir=None, only_path=b""):
        self.master, self.name = master, name
        self.minimum, self.maximum, self.idle_seconds = minimum, maximum, idle_seconds
        self.model_dir, self.only_path = model_dir, only_path
        self.workers = {}  # by slot
        self.queue = collections.deque()
        self.delay, self.next_start = BACK_OFF_SECONDS, 0.0
        self.proved = False  # a worker has loaded the model before
        self.reason = ""     # why the last worker ended unexpectedly
        self.number = master.pool_number() if maximum > 1 else 0
        self.closed = False
        self.growing = self.rechecking = self.ticking = False

    @property
    def several(self):
        return self.maximum > 1

    def start(self):
        """Starts at least one worker, even when none is to stay: a model that cannot be loaded must fail at once."""
        for _ in range(max(1, self.minimum)):
            self.start_worker()

    def start_worker(self):
        try:
            worker = self.master.spawn(self)
        except OSError as error:
            self.reason = f"a worker cannot be started: {error}"
            print(self.reason, file=sys.stderr, flush=True)
            self.next_start = time.monotonic() + self.delay
            self.master.after(self.delay, self.replace)
            return
        self.workers[worker.slot] = worker

    def unready(self):
        """Why no request can be answered now; "" when one can be."""
        if any(worker.ready for worker in self.workers.values()):
            return ""
        if not self.proved:
            return "the model is being loaded"
        if self.reason:
            wait = max(0.0, self.next_start - time.monotonic())
            return f"no worker is ready: {self.reason}; the next start is in {wait:.1f} s"
        return "" if self.minimum == 0 else "no worker is ready: the model is being loaded"

    # --- requests ---

    def take(self, connection):
        """Gives a connection that has a request to a worker, or queues it."""
        worker = self.free_worker()
        if worker and not self.queue and self.master.hand_over(connection, worker):
            return
        connection.arrived = time.monotonic()
        self.master.unwatch(connection)
        self.queue.append(connection)
        self.want(True)
        self.grow()

    def free_worker(self):
        """The idle worker with the fewest connections; the only worker, when there is just one."""
        memory, best = self.master.memory, None
        for worker in self.workers.values():
            if not worker.ready or worker.retiring:
                continue
            if self.several and memory[worker.slot * shared.SLOT_BYTES] != shared.IDLE:
                continue
            if best is None or len(worker.connections) < len(best.connections):
                best = worker
        return best

    def want(self, wanted):
        for slot in self.workers:
            self.master.memory[slot * shared.SLOT_BYTES + shared.WANTED] = int(wanted)
        if wanted and not self.rechecking:
            self.rechecking = True
            self.master.after(RECHECK_SECONDS, self.recheck)

    def recheck(self):
        """Handles workers that became idle before they saw that they are needed, and requests that waited too long."""
        self.rechecking = False
        self.dispatch()
        now = time.monotonic()
        while self.queue and now - self.queue[0].arrived > QUEUE_SECONDS:
            self.refuse(self.queue.popleft(), messages.text(503, f"no worker was free within {QUEUE_SECONDS} s"))
        if self.queue:
            self.want(True)
            self.grow()

    def dispatch(self, worker=None):
        while self.queue:
            worker = worker or self.free_worker()
            if not worker or not self.master.hand_over(self.queue[0], worker):
                return
            self.queue.popleft()
            worker = None
        self.want(False)

    def grow(self):
        """Starts another worker for waiting requests, if the limit allows it."""
        now = time.monotonic()
        if self.closed or self.master.stopping or not self.queue or len(self.workers) >= self.maximum:
            return
        if now < self.next_start:
            if not self.workers and self.next_start - now > START_PATIENCE_SECONDS:
                self.refuse_all(messages.text(503, self.unready()))
            return
        if not self.workers:
            for connection in self.queue:
                connection.cold = connection.arrived
            self.start_worker()
            return
        starting = sum(not worker.ready for worker in self.workers.values())
        if not self.growing and len(self.queue) > starting:
            self.growing = True
            self.master.after(GROWTH_SECONDS, self.grow_now)

    def grow_now(self):
        self.growing = False
        self.dispatch()
        starting = sum(not worker.ready for worker in self.workers.values())
        if len(self.queue) > starting and len(self.workers) < self.maximum and not self.master.stopping \
                and time.monotonic() >= self.next_start and self.workers:
            self.queue[starting].cold = self.queue[starting].arrived
            self.start_worker()
        self.grow()

    def refuse(self, connection, response):
        connection.verdict, connection.own = response, True
        self.master.watch(connection)

    def refuse_all(self, response):
        while self.queue:
            self.refuse(self.queue.popleft(), response)
        self.want(False)

    # --- workers ---

    def heard(self, worker, message):
        kind = message[:1]
        if kind == shared.READY:
            worker.ready, worker.ready_at = True, time.monotonic()
            worker.idle_since = worker.request_since = worker.ready_at
            self.proved, self.reason = True, ""
            self.master.pool_ready(self)
            self.dispatch(worker)
            self.tick_later()
            self.master.after(max(0.0, self.next_start - worker.ready_at), self.replace)
        elif kind == shared.ASKS:
            busy = len(message) > 1
            self.dispatch(worker if busy and not worker.retiring else None)
        elif kind == shared.FAILED:
            why, words = message[1:].split(b":", 1)
            worker.failure = (why.decode(), words.decode("utf-8", "replace"))
        else:
            connection = self.master.by_index(int(message[1:]))
            worker.connections.discard(connection)
            connection.owner = None
            if kind == shared.CLOSED:
                self.master.drop(connection)
            elif worker.retiring or not self.several or self.only_path:
                # In multi-model mode its next request may be for another model, so the master looks at it.
                self.master.watch(connection)
            else:
                self.take(connection)

    def ended(self, worker, status):
        """Called when the process has ended: handles its requests, its successor, and the message about it."""
        del self.workers[worker.slot]
        expected = worker.retiring or self.closed or self.master.stopping
        if worker.failure:
            self.reason = "the model could not be loaded: " + worker.failure[1].strip().rsplit("\n", 1)[-1]
        else:
            self.reason = worker.killed_because or describe_end(status)
        words = f"The worker with process id {worker.pid} {describe_end(status)}"
        if worker.killed_because:
            words += f": {worker.killed_because}"
        if not expected:
            self.back_off(worker)
            if self.proved or not worker.failure:
                sys.stderr.write((worker.failure[1] if worker.failure else "") + words + "\n")
                sys.stderr.flush()
        self.release(worker, messages.text(500, words))
        if expected or (worker.ready and self.minimum == 0):
            self.reason = ""
        if expected:
            return
        if not self.proved:
            self.never_ready(worker, words)
            return
        if worker.failure and not any(each.ready for each in self.workers.values()):
            self.refuse_all(messages.text(500, worker.failure[1]))
        if self.queue and not self.workers and self.next_start - time.monotonic() > START_PATIENCE_SECONDS:
            self.refuse_all(messages.text(503, self.unready()))

    def back_off(self, worker):
        now = time.monotonic()
        if worker.ready and now - worker.ready_at >= HEALTHY_SECONDS:
            self.delay = BACK_OFF_SECONDS
        self.next_start = max(self.next_start, now + self.delay)
        self.delay = min(self.delay * 2, BACK_OFF_SECONDS_MAX)
        self.master.after(self.next_start - now, self.replace)

    def replace(self):
        """Starts workers up to the minimum, or as many as the queue needs."""
        if self.closed or self.master.stopping or time.monotonic() < self.next_start or not self.proved:
            return
        while len(self.workers) < self.minimum:
            self.start_worker()
            if time.monotonic() < self.next_start:
                return  # starting it failed
        self.grow()

    def release(self, worker, died):
        """Takes back requests that the worker had not begun."""
        memory = self.master.memory
        for connection in list(worker.connections):
            connection.owner = None
            state = memory[shared.CONNECTIONS + connection.index]
            memory[shared.CONNECTIONS + connection.index] = shared.UNTOUCHED
            if state == shared.UNTOUCHED:
                self.master.watch(connection)
            elif state == shared.ANSWERING:
                self.master.doubt(connection, died)
            elif state == shared.BEGUN:
                self.master.last_words(connection, died)
            else:
                self.master.drop(connection)

    def never_ready(self, worker, words):
        if any(True for _ in self.workers):
            return  # another worker may still answer it
        self.master.pool_failed(self, worker.failure or ("died", words))

    # --- time ---

    def tick_later(self):
        period = [each / 4 for each in (self.idle_seconds, self.master.answer_seconds) if each]
        if period and not self.ticking:
            self.ticking = True
            self.master.after(max(0.02, min(period)), self.tick)

    def tick(self):
        """Ends workers that are not needed, and workers that hang."""
        self.ticking = False
        now, memory = time.monotonic(), self.master.memory
        for worker in list(self.workers.values()):
            slot = worker.slot * shared.SLOT_BYTES
            idle, serial = memory[slot] == shared.IDLE, memory[slot + shared.SERIAL]
            if serial != worker.serial:
                worker.serial, worker.request_since, worker.idle_since = serial, now, now
            elif not worker.ready or worker.retiring:
                continue
            elif idle:
                worker.request_since = now
                keep = sum(not each.retiring for each in self.workers.values()) <= self.minimum
                if self.idle_seconds and now - worker.idle_since >= self.idle_seconds and not keep:
                    worker.retiring = True
                    self.master.tell(worker, shared.RETIRE)
            else:
                worker.idle_since = now
                if self.master.answer_seconds and now - worker.request_since > self.master.answer_seconds:
                    worker.killed_because = (f"it had not answered within {self.master.answer_seconds:g} s "
                                             "(SAGEMAKER_MODEL_SERVER_TIMEOUT)")
                    self.master.kill(worker)
        if self.workers:
            self.tick_later()

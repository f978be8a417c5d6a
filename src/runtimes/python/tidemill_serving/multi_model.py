"""Multi-model mode: SageMaker's contract for containers that hold many models, with one process per model.

POST /models loads, GET /models lists, GET and DELETE /models/NAME, POST /models/NAME/invoke. Unloading
ends the model's process, which certainly frees its memory.
https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
"""
import json
import os
import re
import urllib.parse

from tidemill_serving import messages, shared
from tidemill_serving.master import PEEK_AGAIN_SECONDS, PEEK_BYTES, Master
from tidemill_serving.pool import Pool

MODELS_MAX = 900
PAGE_MODELS = 100
NAME_BYTES_MAX = 1024
# How often an incomplete request line is looked at before it is refused.
LINE_LOOKS_MAX = 500
# Loading takes at least the files' size, plus memory for the process.
PROCESS_BYTES = 16 * 1024 * 1024

_INVOKE = re.compile(rb"[A-Z]+ /models/([^/ ?]+)/invoke[ ?]")
_MODEL = re.compile(r"/models/([^/]+)")


def _number_of(path):
    try:
        with open(path) as file:
            return int(file.read().strip())
    except (OSError, ValueError):
        return None


def available_memory_bytes():
    """The available memory of the machine, or of the control group when that is less."""
    available = None
    with open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                available = int(line.split()[1]) * 1024
    for limit, used in (("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
                        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes")):
        most, now = _number_of(limit), _number_of(used)
        if most is not None and now is not None:
            available = min(max(0, most - now), available if available is not None else most)
    return available


def size_of(folder):
    if os.path.isfile(folder):
        return os.path.getsize(folder)
    return sum(os.path.getsize(os.path.join(where, name))
               for where, _, names in os.walk(folder) for name in names)


def _json(status, document):
    return messages.Response(status, "application/json", json.dumps(document).encode())


def _failure(status, words):
    return _json(status, {"code": status, "message": words})


class MultiModelMaster(Master):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.models = {}    # pools by name, in the order of loading
        self.loading = {}   # the connections that wait for a pool
        self.ending = []    # pools whose last worker is ending
        self.looks = {}     # how often a connection's request line was incomplete
        self.pool_size = 1, 1, None

    def begin(self):
        pass

    def pools(self):
        return list(self.models.values()) + self.ending

    def unready(self):
        return ""

    def reap(self, pools):
        super().reap(pools)
        self.ending = [pool for pool in self.ending if pool.workers]

    # --- requests ---

    def dropped(self, connection):
        self.looks.pop(connection, None)
        for waiting in self.loading.values():
            if connection in waiting:
                waiting.remove(connection)
        super().dropped(connection)

    def route_request(self, connection, start):
        line = start.split(b"\r\n", 1)
        if len(line) == 1 and len(start) < PEEK_BYTES:
            self.look_again(connection)
            return
        self.looks.pop(connection, None)
        found = _INVOKE.match(line[0])
        if not found:
            self.answer_myself(connection)
            return
        name = urllib.parse.unquote(found.group(1).decode("latin-1"))
        pool = self.models.get(name)
        if pool is None or not pool.proved:
            connection.verdict = _failure(404, f"the model {name!r} is not loaded")
            self.answer_myself(connection)
            return
        pool.take(connection)

    def look_again(self, connection):
        """Its bytes stay unread, so the next look must be triggered by a timer, not by the socket."""
        looks = self.looks[connection] = self.looks.get(connection, 0) + 1
        self.unwatch(connection)
        if looks > LINE_LOOKS_MAX:
            self.drop(connection)
            return
        self.after(PEEK_AGAIN_SECONDS, lambda: self.watch(connection) if connection in self.looks else None)

    def answer(self, connection, request):
        if request.path == "/models" and request.method == "POST" and not connection.verdict:
            response = self.load_model(connection, request)
            if response is None:
                self.unwatch(connection)  # answered when the model is loaded
                return
            connection.verdict = response
        super().answer(connection, request)

    def manage(self, request):
        if request.path == "/models" and request.method == "GET":
            return self.list_models(request)
        found = _MODEL.fullmatch(request.path)
        if found and request.method in ("GET", "DELETE"):
            return self.one_model(urllib.parse.unquote(found.group(1)), request.method)
        if request.path.startswith("/models"):
            return _failure(405, f"{request.path} does not take {request.method}")
        return messages.text(404, f"there is no {request.path} in multi-model mode, only /ping and /models")

    # --- management ---

    def load_model(self, connection, request):
        """Returns the answer, or None when it comes later."""
        try:
            document = json.loads(request.body)
            name, url = document["model_name"], document["url"]
            if not (isinstance(name, str) and isinstance(url, str) and 0 < len(name) <= NAME_BYTES_MAX):
                raise ValueError
        except (ValueError, KeyError, TypeError):
            return _failure(400, 'the body must be {"model_name": NAME, "url": FOLDER}')
        if name in self.models:
            if self.models[name].proved:
                return _failure(409, f"the model {name!r} is loaded already")
            self.loading[self.models[name]].append(connection)  # it is told the result of that load
            return None
        if not os.path.exists(url):
            return _failure(400, f"{url} does not exist")
        needed, available = size_of(url) + PROCESS_BYTES, available_memory_bytes()
        if available is not None and needed > available:
            return _failure(507, f"the model {name!r} needs {needed} bytes, and {available} are available")
        if len(self.models) >= MODELS_MAX:
            return _failure(507, f"{MODELS_MAX} models are loaded, more cannot be")
        minimum, maximum, idle_seconds = self.pool_size
        path = b"POST /models/" + urllib.parse.quote(name, safe="-_.~").encode() + b"/invoke"
        pool = self.models[name] = Pool(self, name, minimum, maximum, idle_seconds, url, path)
        self.loading[pool] = [connection]
        pool.start()
        if not pool.workers:
            self.forget(pool)
            return _failure(507, pool.reason)
        return None

    def answer_load(self, pool, response):
        for connection in self.loading.pop(pool, ()):
            self.watch(connection)
            self.send(connection, messages.encode(response, True))
            self.ended(connection)

    def pool_ready(self, pool):
        self.answer_load(pool, _json(200, {"modelName": pool.name, "modelUrl": pool.model_dir}))

    def pool_failed(self, pool, failure):
        why, words = failure
        # A process that is killed while loading has most likely exceeded the memory limit.
        memory = why == "memory" or (why == "died" and "SIGKILL" in words)
        print(f"Model {pool.name} could not be loaded:\n{words}", flush=True)
        self.answer_load(pool, _failure(507 if memory else 500, words))
        self.forget(pool)

    def forget(self, pool):
        pool.closed = True
        self.models.pop(pool.name, None)
        self.loading.pop(pool, None)
        self.ending.append(pool)

    def list_models(self, request):
        query = urllib.parse.parse_qs(request.query)
        names = [name for name, pool in self.models.items() if pool.proved]
        try:
            start = int(query.get("next_page_token", ["0"])[0])
            limit = min(PAGE_MODELS, int(query.get("limit", [str(PAGE_MODELS)])[0]))
        except ValueError:
            start, limit = -1, 0
        if start < 0 or limit < 1:
            return _failure(400, "next_page_token and limit must be numbers that a former answer gave")
        page = names[start:start + limit]
        document = {"models": [{"modelName": name, "modelUrl": self.models[name].model_dir} for name in page]}
        if start + limit < len(names):
            document["nextPageToken"] = str(start + limit)
        return _json(200, document)

    def one_model(self, name, method):
        pool = self.models.get(name)
        if pool is None or not (pool.proved or method == "DELETE"):
            return _failure(404, f"the model {name!r} is not loaded")
        if method == "DELETE":
            self.unload(pool)
        return _json(200, {"modelName": name, "modelUrl": pool.model_dir})

    def unload(self, pool):
        self.answer_load(pool, _failure(500, f"the model {pool.name!r} was unloaded while it was being loaded"))
        self.forget(pool)
        pool.refuse_all(_failure(404, f"the model {pool.name!r} was unloaded"))
        for worker in pool.workers.values():
            worker.retiring = True
            if worker.ready:
                self.tell(worker, shared.RETIRE)
            else:
                self.kill(worker)  # loading may never end

"""Loads the model and answers /ping and /invocations.

Listens on the socket that it inherits as TIDEMILL_SOCKET_DESCRIPTOR, else on the unix socket
TIDEMILL_SOCKET_PATH, else on SAGEMAKER_BIND_TO_PORT (8080) of the loopback interface.
"""
import gc
import os
import pathlib
import sys

from tidemill_common import code, paths, trace
from tidemill_serving import handlers, launch, worker
from tidemill_serving.master import Master
from tidemill_serving.multi_model import MultiModelMaster
from tidemill_serving.pool import Pool

BODY_BYTES_MAX = 128 * 1024 * 1024
WORKERS_MAX = 256
IDLE_SECONDS = 60.0


def find_code():
    """The folder with the inference script; downloads it when SAGEMAKER_SUBMIT_DIRECTORY is in S3."""
    source = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    program = os.environ.get("SAGEMAKER_PROGRAM", "")
    for folder in (paths.CODE, paths.MODEL / "code"):
        if program and (folder / program).is_file():
            return folder
    if source.startswith("s3://") or source.endswith(".tar.gz"):
        code.fetch(source, paths.CODE)
        return paths.CODE
    if source and pathlib.Path(source).is_dir():
        return pathlib.Path(source)
    return paths.MODEL / "code"


def import_script():
    """The user's module, or None when there is no script."""
    program = os.environ.get("SAGEMAKER_PROGRAM", "")
    if not program and (paths.MODEL / "code" / "inference.py").is_file():
        program = "inference.py"
    if not program:
        return None
    os.environ["SAGEMAKER_PROGRAM"] = program
    directory = find_code()
    packages = code.install_requirements(directory)
    sys.path.insert(0, str(packages))
    os.chdir(directory)
    return handlers.load_module(directory, program)


class Loader:
    """Creates handlers that hold the model; imports the script once."""

    def __init__(self):
        self.module, self.imported = None, False

    def import_now(self):
        if not self.imported:
            self.module, self.imported = import_script(), True

    def __call__(self, model_dir):
        self.import_now()
        module = self.module
        own = pathlib.Path(model_dir) / "code" / "inference.py"
        if module is None and own.is_file():  # a model of a multi-model endpoint that has its own code
            sys.path.insert(0, str(own.parent))
            module = handlers.load_module(own.parent, own.name)
        ready = handlers.Handlers(module)
        ready.load(model_dir)
        return ready


def number(name, default, kind=int, least=0, most=None):
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = kind(text)
    except ValueError:
        sys.exit(f"{name}={text!r} is not a number")
    if value < least or (most is not None and value > most):
        sys.exit(f"{name}={text} must lie between {least} and {most}")
    return value


def pool_size():
    """The minimum and maximum of workers, and idle seconds (None: workers stay)."""
    if os.environ.get("TIDEMILL_WORKERS_MIN", "").strip():
        least = number("TIDEMILL_WORKERS_MIN", 0, most=WORKERS_MAX)
        most = number("TIDEMILL_WORKERS_MAX", max(1, least), least=max(1, least), most=WORKERS_MAX)
        return least, most, number("TIDEMILL_WORKER_IDLE_SECONDS", IDLE_SECONDS, float, least=0.01)
    count = number("SAGEMAKER_MODEL_SERVER_WORKERS", 0, most=WORKERS_MAX)
    count = count or number("TIDEMILL_WORKERS", 1, least=1, most=WORKERS_MAX)
    return count, count, None


def listen():
    """The listening socket and its name."""
    inherited = os.environ.get("TIDEMILL_SOCKET_DESCRIPTOR", "")
    if inherited:
        return launch.listen_inherited(int(inherited)), "the socket that the server has made"
    path = os.environ.get("TIDEMILL_SOCKET_PATH", "")
    if path:
        return launch.listen_unix(path), path
    port = number("SAGEMAKER_BIND_TO_PORT", 8080, most=65535)
    return launch.listen_tcp(port), f"port {port}"


def body_bytes_max():
    return number("SAGEMAKER_MAX_REQUEST_SIZE", BODY_BYTES_MAX, least=1)


def main():
    os.environ.setdefault("SM_MODEL_DIR", str(paths.MODEL))
    loader = Loader()
    minimum, maximum, idle_seconds = pool_size()
    answer_seconds = number("SAGEMAKER_MODEL_SERVER_TIMEOUT", 0.0, float)
    try:
        loader.import_now()
        if loader.module is not None:
            handlers.Handlers(loader.module)  # an error in the script would fail every worker
    except (Exception, SystemExit):
        print(trace.format_exc(), file=sys.stderr, flush=True)
        return 1
    reason = launch.why_not_fork()
    if reason:
        print(f"Workers import the script themselves: {reason}", file=sys.stderr, flush=True)
    launch.raise_descriptor_limit()
    listener, address = listen()
    gc.collect()
    gc.freeze()  # existing objects stay shared with the workers
    many = os.environ.get("SAGEMAKER_MULTI_MODEL", "").lower() == "true"
    master = (MultiModelMaster if many else Master)(listener, loader, not reason, body_bytes_max(), answer_seconds)
    if many:
        master.pool_size = minimum, maximum, idle_seconds
    else:
        master.pool = Pool(master, "", minimum, maximum, idle_seconds, paths.MODEL)
    print(f"Listening on {address}", flush=True)
    return master.run()


def worker_main(arguments):
    """Runs a worker that could not be forked (launch.spawned)."""
    control, memory, (slot, several, model_dir, only_path) = launch.adopt(arguments)
    loader = Loader()
    return worker.serve(control, memory, int(slot), several == "1", body_bytes_max(),
                        lambda: loader(model_dir), only_path.encode("latin-1"))


if __name__ == "__main__":
    sys.exit(worker_main(sys.argv[2:]) if sys.argv[1:2] == ["--worker"] else main())

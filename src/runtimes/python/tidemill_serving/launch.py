"""The listening socket, and starting workers: forked from the master where that is safe, else spawned."""
import contextlib
import os
import resource
import socket
import subprocess
import sys
import threading

from tidemill_serving import shared

SOCKET_PATH_BYTES_MAX = 107  # the limit in sockaddr_un
BACKLOG = 512
# Once imported, these run threads of their own, which a fork would cut off midway.
UNSAFE_AFTER_IMPORT = ("tensorflow", "jax", "grpc", "jpype", "pyspark", "ray")


def raise_descriptor_limit():
    """Raises the limit of descriptors: each connection has one in the master and one in its worker."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = shared.CONNECTIONS_MAX + 2 * shared.WORKERS_MAX
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def listen_inherited(descriptor):
    """Listens on a socket that the process's parent has bound already."""
    os.set_inheritable(descriptor, False)
    listener = socket.socket(fileno=descriptor)
    listener.listen(BACKLOG)
    return listener


def listen_unix(path):
    """
    Only this user and root may connect, from the beginning. The socket listens under another name first, so that
    connecting to `path` works as soon as `path` exists.
    """
    folder, name = os.path.split(os.path.abspath(path))
    draft = path + ".new"
    for left in (draft, path):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(left)
    listener = socket.socket(socket.AF_UNIX)
    before, mask = os.open(".", os.O_RDONLY | os.O_DIRECTORY), os.umask(0o177)
    try:
        if len(os.fsencode(draft)) > SOCKET_PATH_BYTES_MAX:
            os.chdir(folder)  # the kernel limits the length of names, but accepts relative ones
            path, draft = name, name + ".new"
        listener.bind(draft)
        listener.listen(BACKLOG)
        os.rename(draft, path)
    except OSError as error:
        sys.exit(f"cannot listen on {path}: {error}")
    finally:
        os.umask(mask)
        os.fchdir(before)
        os.close(before)
    return listener


def listen_tcp(port):
    host = os.environ.get("TIDEMILL_BIND_ADDRESS", "127.0.0.1")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit this option
    try:
        listener.bind((host, port))
    except OSError as error:
        sys.exit(f"cannot listen on {host}:{port}: {error}")
    listener.listen(BACKLOG)
    return listener


def why_not_fork():
    """Why workers must not be forked from this process, which has imported the user's module; "" when they may be."""
    if os.environ.get("TIDEMILL_PRELOAD", "1") == "0":
        return "TIDEMILL_PRELOAD=0"
    others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if others:
        return f"the inference script starts threads when it is imported ({', '.join(others[:3])})"
    for name in UNSAFE_AFTER_IMPORT:
        if name in sys.modules:
            return f"{name} does not survive a fork"
    torch = sys.modules.get("torch")
    if torch is not None and getattr(torch, "cuda", None) and torch.cuda.is_initialized():
        return "CUDA is in use already"
    return ""


def after_fork():
    """Resets what must differ between workers that are forked from one process."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()  # the random module does so by itself


def forked(work, descriptors_to_close):
    """Forks a child that runs `work` and exits with its result; returns the child's process id."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        for descriptor in descriptors_to_close:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        after_fork()
        code = work()
    except BaseException:  # the child must never return into the master's code
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


def spawned(control, memory_descriptor, arguments):
    """Starts a worker in a fresh interpreter, which imports everything itself."""
    descriptors = (control.fileno(), memory_descriptor)
    command = [sys.executable, "-m", "tidemill_serving", "--worker", *map(str, descriptors), *arguments]
    return subprocess.Popen(command, pass_fds=descriptors)


def adopt(arguments):
    """The counterpart of spawned(): returns the control socket, the memory, and the other arguments."""
    control, memory = int(arguments[0]), int(arguments[1])
    return socket.socket(fileno=control), shared.attach(memory), arguments[2:]

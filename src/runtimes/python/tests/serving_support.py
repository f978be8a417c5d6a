"""Shared by the model server's tests: a server with a small script, and connections to it."""
import http.client
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

RUNTIME = pathlib.Path(__file__).resolve().parent.parent
# The interpreter that serves; TIDEMILL_TEST_PYTHON tries another version.
PYTHON = os.environ.get("TIDEMILL_TEST_PYTHON", sys.executable)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=20):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError("it did not come true in time")
        time.sleep(0.005)
    return found


class ServingCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        (self.root / "model/code").mkdir(parents=True)
        self.socket = str(self.root / "model.sock")
        self.process, self.opened = None, []
        self.log = open(self.root / "log", "w+")

    def tearDown(self):
        for connection in self.opened:
            connection.close()
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        self.folder.cleanup()

    def start(self, script, pass_fds=(), **environment):
        if script is not None:
            (self.root / "model/code/inference.py").write_text(script)
        self.process = subprocess.Popen(
            [PYTHON, "-u", "-m", "tidemill_serving"], stdout=self.log, stderr=self.log, pass_fds=pass_fds,
            env={**os.environ, "PYTHONPATH": str(RUNTIME), "TIDEMILL_ML_ROOT": str(self.root),
                 "TIDEMILL_SOCKET_PATH": self.socket, **environment})

    def serve(self, script, **environment):
        """A connection to a server that says it is ready."""
        self.start(script, **environment)
        wait_until(lambda: self.process.poll() is not None or self.ping() == 200, 20)
        if self.process.poll() is not None:
            self.fail(self.log_text())
        return self.connect()

    def connect(self, timeout=20):
        connection = UnixConnection(self.socket, timeout)
        self.opened.append(connection)
        return connection

    def ping(self):
        connection = UnixConnection(self.socket, 5)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status
        except OSError:
            return None
        finally:
            connection.close()

    def ended(self, seconds=10):
        """The exit code of a server that ends by itself."""
        code = self.process.wait(timeout=seconds)
        self.process = None
        return code

    def log_text(self):
        return (self.root / "log").read_text()

    def call(self, connection, body="", path="/invocations", method="POST", headers=None):
        connection.request(method, path, body, {"Content-Type": "text/plain", **(headers or {})})
        response = connection.getresponse()
        return response.status, response.read().decode(), response

    def raw(self):
        stream = socket.socket(socket.AF_UNIX)
        stream.settimeout(10)
        stream.connect(self.socket)
        self.opened.append(stream)
        return stream

    def kill(self, pid):
        os.kill(int(pid), signal.SIGKILL)

"""Runs tidemill_serving with small inference scripts and talks to it over its socket."""
import http.client
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import unittest

RUNTIME = pathlib.Path(__file__).resolve().parent.parent

DOUBLER = """
class Model:
    def predict(self, rows):
        return rows.sum(axis=1)
def model_fn(model_dir):
    return Model()
"""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class ServingTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        (self.root / "model/code").mkdir(parents=True)
        self.socket = str(self.root / "model.sock")
        self.process = None

    def tearDown(self):
        if self.process:
            self.process.terminate()
            self.process.communicate(timeout=10)
        self.folder.cleanup()

    def serve(self, script, wait=True, **environment):
        if script is not None:
            (self.root / "model/code/inference.py").write_text(script)
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "tidemill_serving"], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(RUNTIME), "TIDEMILL_ML_ROOT": str(self.root),
                 "TIDEMILL_BIND": "unix:" + self.socket, **environment})
        deadline = time.monotonic() + 20
        while wait and not os.path.exists(self.socket):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.fail(self.process.communicate()[1])
            time.sleep(0.02)
        return UnixConnection(self.socket)

    def invoke(self, connection, body, content_type="text/csv", accept="*/*"):
        connection.request("POST", "/invocations", body,
                           {"Content-Type": content_type, "Accept": accept})
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type"), response.read()

    def test_defaults_and_keep_alive(self):
        connection = self.serve(DOUBLER)
        connection.request("GET", "/ping")
        self.assertEqual(connection.getresponse().read(), b"")
        self.assertEqual(self.invoke(connection, "1,2\n3,4"), (200, "application/json", b"[3.0, 7.0]"))
        self.assertEqual(self.invoke(connection, "[[1, 2]]", "application/json", "text/csv"),
                         (200, "text/csv", b"3\n"))
        self.assertEqual(self.invoke(connection, '{"features": [1, 2]}\n', "application/jsonlines")[2],
                         b"[3]")
        status, _, body = self.invoke(connection, "1,x")
        self.assertEqual(status, 500)
        self.assertIn(b"row 1, column 2: 'x' is not a number", body)
        self.assertEqual(self.invoke(connection, b"?", "image/png")[0], 415)
        self.assertEqual(self.invoke(connection, "1,2", accept="image/png")[0], 406)

    def test_npy_in_and_out(self):
        import io

        import numpy
        connection = self.serve(DOUBLER)
        buffer = io.BytesIO()
        numpy.save(buffer, numpy.array([[1.0, 2.0], [3.0, 4.0]]))
        status, _, body = self.invoke(connection, buffer.getvalue(), "application/x-npy", "application/x-npy")
        self.assertEqual(status, 200)
        self.assertEqual(numpy.load(io.BytesIO(body)).tolist(), [3.0, 7.0])

    def test_all_hooks_and_context(self):
        connection = self.serve("""
def model_fn(model_dir, context): return 10
def input_fn(body, content_type): return int(body)
def predict_fn(data, model): return data * model
def output_fn(prediction, accept): return "answer " + str(prediction), "text/plain"
""")
        self.assertEqual(self.invoke(connection, "4", "text/plain"), (200, "text/plain", b"answer 40"))

    def test_transform_fn(self):
        connection = self.serve("""
def model_fn(model_dir): return 3
def transform_fn(model, body, content_type, accept): return body * model
""")
        self.assertEqual(self.invoke(connection, "ab", "text/plain", "text/plain")[2], b"ababab")

    def test_error_in_user_code_is_a_500_with_its_traceback(self):
        connection = self.serve("def model_fn(d): return 1\ndef predict_fn(d, m): raise KeyError('age')\n")
        status, _, body = self.invoke(connection, "1,2")
        self.assertEqual(status, 500)
        self.assertIn(b"Traceback (most recent call last):", body)
        self.assertIn(b"KeyError: 'age'", body)

    def test_missing_model_fn_says_what_to_define(self):
        self.serve("x = 1", wait=False)
        _, errors = self.process.communicate(timeout=20)
        self.assertEqual(self.process.returncode, 1)
        self.process = None
        self.assertIn("Please provide a model_fn implementation", errors)

    def test_broken_requests(self):
        self.serve(DOUBLER)
        for raw, expected in ((b"NONSENSE\r\n\r\n", b"400"),
                              (b"POST /invocations HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
                              (b"GET /" + b"x" * 70000, b"431"),
                              (b"POST /invocations HTTP/1.1\r\nConnection: close\r\nContent-Type: text/csv\r\n"
                               b"Transfer-Encoding: chunked\r\n\r\n3\r\n1,2\r\n0\r\n\r\n", b"200")):
            with socket.socket(socket.AF_UNIX) as stream:
                stream.connect(self.socket)
                stream.sendall(raw)
                self.assertIn(expected, stream.recv(200), raw[:40])


if __name__ == "__main__":
    unittest.main()

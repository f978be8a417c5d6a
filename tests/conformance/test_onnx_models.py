"""`tidemill onnx-serve`: neural models, compared with Python's onnxruntime on the same file."""
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.server import BINARY  # noqa: E402
from support.waiting import wait_until  # noqa: E402

FEATURES, CLASSES = 28, 3


def write_network(path):
    random = np.random.default_rng(3)

    def weights(name, *shape):
        return numpy_helper.from_array((random.normal(size=shape) / 4).astype(np.float32), name)

    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w1", "b1"], ["h1"]), helper.make_node("Tanh", ["h1"], ["a1"]),
         helper.make_node("Gemm", ["a1", "w2", "b2"], ["h2"]), helper.make_node("Relu", ["h2"], ["a2"]),
         helper.make_node("Gemm", ["a2", "w3", "b3"], ["h3"]), helper.make_node("Softmax", ["h3"], ["scores"])],
        "network", [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["batch", FEATURES])],
        [helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, ["batch", CLASSES])],
        [weights("w1", FEATURES, 64), weights("b1", 64), weights("w2", 64, 32), weights("b2", 32),
         weights("w3", 32, CLASSES), weights("b3", CLASSES)])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class ModelServer:
    def __init__(self, root, **environment):
        self.socket = str(root / "s")
        self.process = subprocess.Popen(
            [str(BINARY), "onnx-serve"], stderr=subprocess.PIPE, text=True,
            env={**os.environ, "TIDEMILL_ML_ROOT": str(root), "TIDEMILL_SOCKET_PATH": self.socket, **environment})

    def wait(self):
        wait_until(lambda: os.path.exists(self.socket) or self.process.poll() is not None, 10, 0.025)
        assert self.process.poll() is None, self.process.stderr.read()
        return self

    def request(self, method, path, body=None, **headers):
        connection = UnixConnection(self.socket)
        try:
            connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            return response.status, response.getheader("Content-Type"), response.read()
        finally:
            connection.close()

    def invoke(self, body, content_type, accept="*/*"):
        return self.request("POST", "/invocations", body, Content_Type=content_type, Accept=accept)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        errors = self.process.communicate(timeout=20)[1]
        return self.process.returncode, errors


@pytest.fixture
def root(tmp_path):
    (tmp_path / "model").mkdir()
    return tmp_path


@pytest.fixture
def network(root):
    path = root / "model" / "network.onnx"
    write_network(path)
    server = ModelServer(root, TIDEMILL_THREADS="1").wait()
    yield server, onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    code, errors = server.stop()
    assert code == 0, errors


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def test_every_format_gives_what_onnxruntime_gives(network):
    server, session = network
    rows = np.random.default_rng(4).normal(size=(7, FEATURES)).astype(np.float32)
    expected = session.run(None, {"x": rows})[0]
    assert server.request("GET", "/ping")[0] == 200
    for body, content_type in [
            (json.dumps({"inputs": rows.tolist()}), "application/json"),
            (json.dumps({"instances": [{"x": row} for row in rows.tolist()]}), "application/json"),
            ("\n".join(",".join(map(str, row)) for row in rows.tolist()), "text/csv"),
            (npy(rows), "application/x-npy"), (npy(np.asfortranarray(rows.astype(np.float64))), "application/x-npy")]:
        status, kind, answer = server.invoke(body, content_type, "application/x-npy")
        assert (status, kind) == (200, "application/x-npy"), answer
        scores = np.load(io.BytesIO(answer))
        assert scores.dtype == np.float32
        np.testing.assert_allclose(scores, expected, rtol=1e-6)
    answer = server.invoke(json.dumps(rows.tolist()), "application/json")[2]
    np.testing.assert_allclose(json.loads(answer)["predictions"], expected, rtol=1e-6)
    answer = server.invoke(json.dumps({"inputs": rows.tolist()}), "application/json", "text/csv")[2]
    np.testing.assert_allclose(np.loadtxt(io.BytesIO(answer), delimiter=","), expected, rtol=1e-6)


def test_a_large_body_comes_in_pieces(network):
    server, session = network
    rows = np.random.default_rng(5).normal(size=(20_000, FEATURES)).astype(np.float32)
    status, _, answer = server.invoke(npy(rows), "application/x-npy")
    assert status == 200
    np.testing.assert_allclose(np.load(io.BytesIO(answer)), session.run(None, {"x": rows})[0], rtol=1e-5, atol=1e-7)


def test_requests_at_the_same_time_get_their_own_answers(network):
    server, session = network
    rows = np.random.default_rng(6).normal(size=(400, 2, FEATURES)).astype(np.float32)

    def ask(pair):
        return json.loads(server.invoke(json.dumps({"inputs": pair.tolist()}), "application/json")[2])["outputs"]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, rows))
    expected = session.run(None, {"x": rows.reshape(-1, FEATURES)})[0].reshape(400, 2, CLASSES)
    np.testing.assert_allclose(np.array(answers), expected, rtol=1e-5, atol=1e-7)


def test_errors_name_the_input_and_what_it_expects(network):
    server, _ = network
    status, _, answer = server.invoke("[[1, 2]]", "application/json")
    assert status == 400
    assert b'input "x" expects float32 [batch, 28], but an array of shape [1, 2] came' in answer
    assert server.invoke("x", "image/png")[0] == 415
    assert server.invoke("[" * 100_000, "application/json")[0] == 400
    assert server.invoke(json.dumps([0] * FEATURES), "application/json", "image/png")[0] == 406
    assert server.request("GET", "/other")[0] == 404


def test_a_damaged_model_ends_only_its_own_process_and_says_why(root):
    path = root / "model" / "network.onnx"
    write_network(path)
    whole = path.read_bytes()
    random = np.random.default_rng(8)
    for length in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        code, errors = ended(root)
        assert code == 1, errors
        assert "network.onnx: ONNX Runtime: " in errors
    # For any single damaged byte, the process either serves or ends with one line of explanation.
    for _ in range(12):
        damaged = bytearray(whole)
        damaged[random.integers(len(whole))] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        server = ModelServer(root)
        wait_until(lambda: os.path.exists(server.socket) or server.process.poll() is not None, 10, 0.025)
        if server.process.poll() is None:
            server.invoke(json.dumps([0.5] * FEATURES), "application/json")
        _, errors = server.stop()
        assert "tidemill onnx-serve: " in errors or server.process.returncode == 0, errors


def ended(root):
    process = ModelServer(root).process
    errors = process.communicate(timeout=20)[1]
    return process.returncode, errors


def test_no_model_and_several(root):
    code, errors = ended(root)
    assert code == 1 and "there is no *.onnx file" in errors
    for name in ("a.onnx", "b.onnx"):
        write_network(root / "model" / name)
    code, errors = ended(root)
    assert code == 1 and "call the one to serve model.onnx" in errors

"""The contract of a model server with one worker: user functions, defaults, streams, HTTP's edges, start and stop."""
import io
import os
import socket
import stat
import time
import unittest

from serving_support import ServingCase, wait_until

DOUBLER = """
class Model:
    def predict(self, rows):
        return rows.sum(axis=1)
def model_fn(model_dir):
    return Model()
"""

ECHO = """
import os, time
def model_fn(model_dir): return os.getpid()
def transform_fn(model, body, content_type, accept):
    word, _, rest = body.partition(" ")
    if word == "sleep": time.sleep(float(rest))
    if word == "die": os._exit(int(rest))
    if word == "size": return str(len(rest))
    if word == "answer": return "x" * int(rest)
    return f"{model}"
"""


class FunctionsTest(ServingCase):
    def invoke(self, connection, body, content_type="text/csv", accept="*/*"):
        connection.request("POST", "/invocations", body, {"Content-Type": content_type, "Accept": accept})
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
        import numpy
        connection = self.serve(DOUBLER)
        buffer = io.BytesIO()
        numpy.save(buffer, numpy.array([[1.0, 2.0], [3.0, 4.0]]))
        status, _, body = self.invoke(connection, buffer.getvalue(), "application/x-npy", "application/x-npy")
        self.assertEqual(status, 200)
        self.assertEqual(numpy.load(io.BytesIO(body)).tolist(), [3.0, 7.0])

    def test_all_hooks(self):
        connection = self.serve("""
def model_fn(model_dir): return 10
def input_fn(body, content_type): return int(body)
def predict_fn(data, model): return data * model
def output_fn(prediction, accept): return "answer " + str(prediction), "text/plain"
""")
        self.assertEqual(self.invoke(connection, "4", "text/plain"), (200, "text/plain", b"answer 40"))

    def test_context_carries_headers_both_ways(self):
        connection = self.serve("""
def model_fn(model_dir, context): return context.system_properties["model_dir"]
def input_fn(body, content_type, context): return context.get_request_header(0, "X-Amzn-SageMaker-Session-Id")
def predict_fn(data, model, context):
    context.set_response_header(0, "X-Amzn-SageMaker-Closed-Session-Id", data)
    context.response_headers["X-Split"] = "a\\r\\nX-Injected: b"
    return [data, context.session_id, context.request_headers["content-TYPE"], model]
def output_fn(prediction, accept): return "|".join(prediction)
""")
        status, body, response = self.call(connection, "x", headers={"X-Amzn-SageMaker-Session-Id": "s-17"})
        self.assertEqual((status, body), (200, f"s-17|s-17|text/plain|{self.root}/model"))
        self.assertEqual(response.getheader("X-Amzn-SageMaker-Closed-Session-Id"), "s-17")
        self.assertIsNone(response.getheader("X-Injected"))

    def test_transform_fn(self):
        connection = self.serve("""
def model_fn(model_dir): return 3
def transform_fn(model, body, content_type, accept): return body * model
""")
        self.assertEqual(self.invoke(connection, "ab", "text/plain", "text/plain")[2], b"ababab")

    def test_error_in_user_code_is_a_500_with_its_traceback(self):
        connection = self.serve("import sys\ndef model_fn(d): return 1\n"
                                "def predict_fn(d, m):\n"
                                "    if d[0][0] == 2: sys.exit('no more')\n"
                                "    raise KeyError('age')\n")
        status, _, body = self.invoke(connection, "1,2")
        self.assertEqual(status, 500)
        self.assertIn(b"Traceback (most recent call last):", body)
        self.assertIn(b"KeyError: 'age'", body)
        self.assertIn(b"SystemExit: no more", self.invoke(connection, "2,2")[2])
        self.assertIn("KeyError: 'age'", self.log_text())

    def test_user_code_runs_on_the_main_thread(self):
        connection = self.serve("import threading\ndef model_fn(d): return 1\n"
                                "def transform_fn(m, body, c, a):\n"
                                "    return str(threading.current_thread() is threading.main_thread())\n")
        self.assertEqual(self.call(connection, "x")[1], "True")


class StreamTest(ServingCase):
    SCRIPT = """
import time
def model_fn(model_dir): return 1
def transform_fn(model, body, content_type, accept):
    def pieces():
        try:
            if body == "at once": raise ValueError("before the first")
            for i in range(3):
                yield f"piece {i}\\n"
                time.sleep(0.2)
                if body == "fail": raise ValueError("after the first")
            if body == "much":
                while True: yield b"m" * 65536
        finally:
            print("closed", flush=True)
    return pieces(), "text/event-stream"
"""

    def test_pieces_come_as_they_are_made(self):
        connection = self.serve(self.SCRIPT)
        began = time.monotonic()
        connection.request("POST", "/invocations", "go", {"Content-Type": "text/plain"})
        response = connection.getresponse()
        self.assertEqual(response.getheader("Transfer-Encoding"), "chunked")
        self.assertEqual(response.getheader("Content-Type"), "text/event-stream")
        self.assertEqual(response.read(8), b"piece 0\n")
        self.assertLess(time.monotonic() - began, 0.19)
        self.assertEqual(response.read(), b"piece 1\npiece 2\n")
        self.assertGreater(time.monotonic() - began, 0.4)
        self.assertEqual(self.call(connection, "again")[1], "piece 0\npiece 1\npiece 2\n")  # kept alive

    def test_failures_before_and_in_the_stream(self):
        connection = self.serve(self.SCRIPT)
        status, body, _ = self.call(connection, "at once")
        self.assertEqual(status, 500)
        self.assertIn("ValueError: before the first", body)
        stream = self.raw()
        stream.sendall(b"POST /invocations HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nfail")
        received = b""
        while block := stream.recv(65536):
            received += block
        self.assertIn(b"8\r\npiece 0\n\r\n", received)
        self.assertFalse(received.endswith(b"0\r\n\r\n"))  # cut, and so seen to be incomplete
        self.assertIn("ValueError: after the first", self.log_text())
        self.assertEqual(self.call(self.connect(), "again")[0], 200)

    def test_a_client_that_leaves_ends_the_generator(self):
        self.serve(self.SCRIPT)
        stream = self.raw()
        stream.sendall(b"POST /invocations HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nmuch")
        stream.recv(100)
        stream.close()
        wait_until(lambda: "closed" in self.log_text())
        self.assertEqual(self.call(self.connect(), "again")[0], 200)

    def test_http_1_0_gets_the_plain_bytes(self):
        self.serve(self.SCRIPT)
        stream = self.raw()
        stream.sendall(b"POST /invocations HTTP/1.0\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\ngo")
        received = b""
        while block := stream.recv(65536):
            received += block
        self.assertTrue(received.endswith(b"\r\n\r\npiece 0\npiece 1\npiece 2\n"), received)


class HttpTest(ServingCase):
    def test_broken_requests(self):
        self.serve(DOUBLER)
        for raw, expected in (
                (b"NONSENSE\r\n\r\n", b"400"),
                (b"GET /ping HTTP/2.0\r\n\r\n", b"505"),
                (b"GET /nothing HTTP/1.1\r\n\r\n", b"404"),
                (b"GET /invocations HTTP/1.1\r\n\r\n", b"405"),
                (b"POST /invocations HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
                (b"POST /invocations HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", b"400"),
                (b"POST /invocations HTTP/1.1\r\nContent-Length: -1\r\n\r\nx", b"400"),
                (b"POST /invocations HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", b"400"),
                (b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nx", b"501"),
                (b"POST /invocations HTTP/1.1\r\nA : b\r\n\r\n", b"400"),
                (b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
                (b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n", b"400"),
                (b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", b"413"),
                (b"POST /invocations HTTP/1.1\r\n" + b"A: b\r\n" * 300 + b"\r\n", b"431"),
                (b"GET /" + b"x" * 70000, b"431"),
                (b"POST /invocations HTTP/1.1\r\nConnection: close\r\nContent-Type: text/csv\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\n1,2\r\n0\r\nTrailer: t\r\n\r\n", b"200")):
            stream = self.raw()
            stream.sendall(raw)
            answer = stream.recv(4096)
            self.assertEqual(answer[9:12], expected, raw[:60])
            self.assertTrue(answer.startswith(b"HTTP/1.1 "))

    def test_a_body_past_the_limit(self):
        self.serve(ECHO, SAGEMAKER_MAX_REQUEST_SIZE="1000")
        self.assertEqual(self.call(self.connect(), "size " + "x" * 995)[1], "995")
        self.assertEqual(self.call(self.connect(), "size " + "x" * 996)[0], 413)

    def test_large_bodies_both_ways(self):
        connection = self.serve(ECHO)
        self.assertEqual(self.call(connection, "size " + "x" * 20_000_000)[1], "20000000")
        self.assertEqual(len(self.call(connection, "answer 20000000")[1]), 20_000_000)
        self.assertEqual(self.call(connection, "size 123")[1], "3")

    def test_pieces_and_pipelines(self):
        self.serve(ECHO)
        stream = self.raw()
        one = b"POST /invocations HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nsize abc"
        for byte in one:
            stream.sendall(bytes([byte]))
            time.sleep(0.001)
        self.assertTrue(stream.recv(4096).endswith(b"\r\n\r\n3"))
        stream.sendall(one * 5 + one[:50])
        received = b""
        while received.count(b"\r\n\r\n3") < 5:
            received += stream.recv(4096)
        stream.sendall(one[50:])
        self.assertTrue(stream.recv(4096).endswith(b"\r\n\r\n3"))

    def test_expect_continue(self):
        self.serve(ECHO)
        stream = self.raw()
        stream.sendall(b"POST /invocations HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n"
                       b"Expect: 100-continue\r\n\r\n")
        self.assertEqual(stream.recv(4096), b"HTTP/1.1 100 Continue\r\n\r\n")
        stream.sendall(b"size abc")
        self.assertTrue(stream.recv(4096).endswith(b"\r\n\r\n3"))

    def test_slow_clients_hold_up_nobody(self):
        connection = self.serve(ECHO)
        slow = [self.raw() for _ in range(50)]
        for stream in slow:
            stream.sendall(b"POST /invocations HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nsi")
        taker = self.raw()  # asks for much and reads nothing
        taker.sendall(b"POST /invocations HTTP/1.1\r\nContent-Type: text/plain\r\n"
                      b"Content-Length: 15\r\n\r\nanswer 90000000")
        time.sleep(0.2)
        began = time.monotonic()
        for _ in range(100):
            self.assertEqual(self.call(connection, "size abc")[1], "3")
        self.assertLess(time.monotonic() - began, 2)
        for stream in slow:
            stream.sendall(b"ze abc")
            self.assertTrue(stream.recv(4096).endswith(b"\r\n\r\n3"))

    def test_ping_is_answered_while_user_code_runs(self):
        connection = self.serve(ECHO)
        kept = self.connect()
        self.assertEqual(self.call(kept, "size abc")[1], "3")  # the worker has this connection now
        for _ in range(3):
            connection.request("POST", "/invocations", "sleep 1", {"Content-Type": "text/plain"})
            time.sleep(0.1)
            began = time.monotonic()
            self.assertEqual(self.call(kept, "", "/ping", "GET")[0], 200)
            self.assertEqual(self.ping(), 200)
            self.assertLess(time.monotonic() - began, 0.5)
            connection.getresponse().read()

    def test_more_connections_than_there_is_room_for_wait(self):
        self.serve(ECHO)
        held = [self.raw() for _ in range(1024)]
        late = self.raw()
        late.sendall(b"POST /invocations HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nsize abc")
        late.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            late.recv(4096)
        for stream in held[:10]:
            stream.close()
        late.settimeout(10)
        self.assertTrue(late.recv(4096).endswith(b"\r\n\r\n3"))


class LifeTest(ServingCase):
    def test_a_socket_with_a_long_path_that_only_its_user_may_use(self):
        folder = self.root / ("long" * 30)
        folder.mkdir()
        self.socket = str(folder / "model.sock")
        self.assertGreater(len(self.socket), 107)
        self.start(ECHO)
        wait_until(lambda: os.path.exists(self.socket))
        self.assertEqual(stat.S_IMODE(os.stat(self.socket).st_mode), 0o600)
        os.chdir(folder)
        self.socket = "model.sock"
        wait_until(lambda: self.ping() == 200)
        self.assertTrue(self.call(self.connect(), "who")[1].isdigit())

    def test_a_socket_that_was_bound_for_it(self):
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(self.socket)
            self.start(ECHO, pass_fds=[bound.fileno()], TIDEMILL_SOCKET_DESCRIPTOR=str(bound.fileno()),
                       TIDEMILL_SOCKET_PATH=self.socket + ".other", TIDEMILL_WORKERS="2")
            self.assertIsNone(self.ping())  # refused until it listens
        wait_until(lambda: self.ping() == 200)
        self.assertTrue(self.call(self.connect(), "who")[1].isdigit())
        self.assertFalse(os.path.exists(self.socket + ".other"))

    @unittest.skipIf(os.geteuid() != 0, "acts as another user, which takes root")
    def test_another_user_is_not_answered(self):
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(self.socket)
            self.start(ECHO, pass_fds=[bound.fileno()], TIDEMILL_SOCKET_DESCRIPTOR=str(bound.fileno()))
        wait_until(lambda: self.ping() == 200)
        os.chmod(self.socket, 0o666)
        os.chmod(self.root, 0o711)

        def answered(user):
            """Asked by a process of that user; its interpreter may lie where others cannot go, so it is forked."""
            child = os.fork()
            if child == 0:
                try:
                    os.setuid(user)
                    with socket.socket(socket.AF_UNIX) as stream:
                        stream.settimeout(5)
                        stream.connect(self.socket)
                        stream.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
                        os._exit(0 if stream.recv(100).startswith(b"HTTP/1.1 200") else 1)
                except (ConnectionError, TimeoutError):
                    os._exit(1)
                except BaseException:
                    os._exit(2)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        self.assertEqual([answered(0), answered(65534)], [0, 1])

    def test_a_port_of_the_loopback_interface(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.start(ECHO, TIDEMILL_SOCKET_PATH="", SAGEMAKER_BIND_TO_PORT=str(port))
        import http.client

        def ping():
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                self.opened.append(connection)
                connection.request("GET", "/ping")
                return connection.getresponse().status
            except ConnectionRefusedError:
                return None
        wait_until(lambda: ping() == 200)
        with socket.create_connection(("127.0.0.1", port)) as stream:  # an answer survives unread input
            stream.sendall(b"POST /invocations HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n" + b"x" * 300000)
            self.assertTrue(stream.recv(4096).startswith(b"HTTP/1.1 413 "))

    def test_loading_is_no_health(self):
        self.start("import time\ndef model_fn(d): time.sleep(0.7)\ndef predict_fn(d, m): return d\n")
        wait_until(lambda: self.ping() is not None)
        status, body, _ = self.call(self.connect(), "", "/ping", "GET")
        self.assertEqual((status, body), (503, "the model is being loaded"))
        self.assertEqual(self.call(self.connect(), "1", headers={"Content-Type": "text/csv"})[0], 200)  # waits

    def test_missing_model_fn_says_what_to_define(self):
        self.start("x = 1")
        self.assertEqual(self.ended(), 1)
        self.assertIn("Please provide a model_fn implementation", self.log_text())

    def test_what_fails_at_import_or_in_the_signature(self):
        for script, words in (("1 / 0\n", "ZeroDivisionError"),
                              ("def transform_fn(m, b, c, a): pass\ndef predict_fn(d, m): pass\n", "in conjunction")):
            self.start(script)
            self.assertEqual(self.ended(), 1)
            self.assertIn(words, self.log_text())

    def test_sigterm_finishes_what_is_under_way(self):
        connection = self.serve(ECHO)
        idle = self.connect()
        self.assertEqual(self.call(idle, "size abc")[1], "3")
        connection.request("POST", "/invocations", "sleep 1", {"Content-Type": "text/plain"})
        time.sleep(0.2)
        self.process.terminate()
        time.sleep(0.2)
        self.assertIsNone(self.ping())  # accepts no more
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        self.assertEqual(response.getheader("Connection"), "close")
        self.assertEqual(self.ended(), 0)

    def test_no_worker_outlives_the_master(self):
        connection = self.serve(ECHO)
        pid = int(self.call(connection, "who")[1])
        self.process.kill()
        self.process.wait()

        def gone():
            try:
                with open(f"/proc/{pid}/stat") as file:
                    return file.read().rsplit(")", 1)[1].split()[0] == "Z"
            except FileNotFoundError:
                return True
        wait_until(gone)


if __name__ == "__main__":
    unittest.main()

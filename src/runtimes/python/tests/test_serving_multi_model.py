"""Many models in one server: the whole contract, names, deaths, which model answers."""
import json
import os
import re
import threading
import time
import unittest

from serving_support import ServingCase, wait_until


class MultiModelCase(ServingCase):
    SCRIPT = """
import os, time
def model_fn(model_dir):
    with open(os.path.join(model_dir, "name")) as file: name = file.read()
    if name == "big": raise MemoryError("too big")
    if name == "broken": raise ValueError("no such format")
    if name == "hangs": time.sleep(600)
    if name == "slow": time.sleep(0.5)
    return f"{name} {os.getpid()}"
def transform_fn(model, body, content_type, accept, context):
    if body == "die": os._exit(3)
    return f"{model} {body} {context.get_request_header('X-Amzn-SageMaker-Target-Model')}"
"""

    def model(self, name, content=None, url=None):
        """The body of POST /models."""
        folder = self.root / "models" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "name").write_text(content or name)
        return json.dumps({"model_name": name, "url": url or str(folder)})

    def load(self, name, content=None, url=None):
        return self.call(self.connection, self.model(name, content, url), "/models",
                         headers={"Content-Type": "application/json"})

    def begin_load(self, name):
        """A connection on which the answer is still to come."""
        connection = self.connect()
        connection.request("POST", "/models", self.model(name), {"Content-Type": "application/json"})
        return connection

    def children(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            return [int(pid) for pid in file.read().split()]

    def get(self, path, method="GET"):
        status, text, _ = self.call(self.connection, None, path, method)
        return status, json.loads(text)

    def invoke(self, name, body="hi", connection=None):
        return self.call(connection or self.connection, body, f"/models/{name}/invoke",
                         headers={"X-Amzn-SageMaker-Target-Model": f"{name}.tar.gz"})


class MultiModelTest(MultiModelCase):
    def setUp(self):
        super().setUp()
        self.connection = self.serve(self.SCRIPT, SAGEMAKER_MULTI_MODEL="true")

    def test_the_whole_contract(self):
        self.assertEqual(self.get("/models"), (200, {"models": []}))
        self.assertEqual(self.invoke("a")[0], 404)
        self.assertEqual(self.load("a")[0], 200)
        self.assertEqual(self.load("b")[0], 200)
        self.assertEqual(self.load("a")[0], 409)
        for name in ("a", "b", "a"):  # one kept connection for all of them
            status, text, _ = self.invoke(name)
            self.assertEqual(status, 200)
            self.assertRegex(text, rf"^{name} \d+ hi {name}.tar.gz$")
        listed = [{"modelName": name, "modelUrl": str(self.root / "models" / name)} for name in "ab"]
        self.assertEqual(self.get("/models"), (200, {"models": listed}))
        self.assertEqual(self.get("/models?limit=1"), (200, {"models": listed[:1], "nextPageToken": "1"}))
        self.assertEqual(self.get("/models?limit=1&next_page_token=1"), (200, {"models": listed[1:]}))
        self.assertEqual(self.get("/models?next_page_token=-1")[0], 400)
        self.assertEqual(self.get("/models/b"), (200, listed[1]))
        self.assertEqual(self.get("/models/c")[0], 404)
        pid = int(self.invoke("b")[1].split()[1])
        self.assertEqual(self.get("/models/b", "DELETE")[0], 200)
        self.assertEqual(self.invoke("b")[0], 404)
        self.assertEqual(self.get("/models/b", "DELETE")[0], 404)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"))  # its memory is free
        self.assertEqual(self.load("b")[0], 200)
        self.assertNotEqual(int(self.invoke("b")[1].split()[1]), pid)
        self.assertEqual(self.call(self.connection, "x")[0], 404)  # no /invocations here
        self.assertEqual(self.ping(), 200)

    def test_what_cannot_be_loaded(self):
        status, text, _ = self.load("big")
        self.assertEqual(status, 507)
        self.assertIn("MemoryError: too big", text)
        status, text, _ = self.load("broken")
        self.assertEqual(status, 500)
        self.assertIn("ValueError: no such format", text)
        self.assertEqual(self.load("c", url="/nowhere")[0], 400)
        self.assertEqual(self.call(self.connection, "{", "/models")[0], 400)
        huge = self.root / "models" / "huge"
        huge.mkdir(parents=True)
        with open(huge / "weights", "wb") as file:
            file.truncate(1 << 42)  # a hole of 4 TiB
        status, text, _ = self.load("huge")
        self.assertEqual(status, 507)
        self.assertRegex(text, r"needs \d+ bytes, and \d+ are available")
        self.assertEqual(self.get("/models"), (200, {"models": []}))
        self.assertEqual(self.load("a")[0], 200)  # it goes on

    def test_a_load_that_hangs_can_be_given_up(self):
        """The other models answer meanwhile; what hung is gone, and the model can be loaded again."""
        self.load("a")
        asked = [self.begin_load("hangs") for _ in range(2)]
        pids = wait_until(lambda: len(found := self.children()) == 2 and found)
        self.assertEqual(self.invoke("hangs")[0], 404)
        self.assertEqual(self.invoke("a")[0], 200)
        self.assertEqual(self.get("/models/hangs")[0], 404)
        self.assertEqual(self.get("/models/hangs", "DELETE")[0], 200)
        for connection in asked:
            response = connection.getresponse()
            self.assertEqual(response.status, 500)
            self.assertIn("unloaded while it was being loaded", response.read().decode())
        wait_until(lambda: len(set(pids) & set(self.children())) == 1)
        self.assertEqual(self.load("hangs", content="fine")[0], 200)
        self.assertTrue(self.invoke("hangs")[1].startswith("fine "))

    def test_who_asks_for_a_load_that_is_under_way_hears_what_comes_of_it(self):
        asked = [self.begin_load("slow") for _ in range(3)]
        for connection in asked:
            response = connection.getresponse()
            self.assertEqual((response.status, json.loads(response.read())["modelName"]), (200, "slow"))
        self.assertEqual(len(self.children()), 1)
        self.assertEqual(self.load("slow")[0], 409)

    def test_who_leaves_before_a_load_is_done_disturbs_nobody(self):
        leaves, stays = self.begin_load("slow"), self.begin_load("slow")
        leaves.close()
        self.assertEqual(stays.getresponse().status, 200)
        self.assertTrue(self.invoke("slow")[1].startswith("slow "))

    def test_a_model_that_dies_hurts_no_other(self):
        self.load("a")
        self.load("b")
        other = self.connect()
        before = self.invoke("b", connection=other)[1]
        status, text, _ = self.invoke("a", "die")
        self.assertEqual(status, 500)
        self.assertIn("exit code 3", text)
        self.assertEqual(self.invoke("b", connection=other)[1], before)
        self.assertEqual(self.invoke("a", connection=self.connect())[0], 200)

    def test_names_that_need_escapes_and_lines_that_come_in_pieces(self):
        self.assertEqual(self.load("v 1.tar")[0], 200)
        self.assertEqual(self.call(self.connection, "x", "/models/v%201.tar/invoke")[0], 200)
        self.assertEqual(self.call(self.connection, "x", "/models/%76%201.tar/invoke")[0], 200)
        stream = self.raw()
        for piece in (b"POST /mod", b"els/v%201.t", b"ar/invoke HTTP/1.1\r\nContent-Type: text/plain\r\n",
                      b"Content-Length: 2\r\n\r\nh", b"i"):
            stream.sendall(piece)
            time.sleep(0.05)
        self.assertTrue(re.search(rb" hi None$", stream.recv(4096)))

    def test_many_callers_of_many_models(self):
        names = [f"m{i}" for i in range(6)]
        for name in names:
            self.assertEqual(self.load(name)[0], 200)
        wrong = []

        def ask(at):
            connection = self.connect()
            for i in range(60):
                name = names[(at + i * at) % 6]
                status, text, _ = self.invoke(name, "hi", connection)
                if status != 200 or not text.startswith(name + " "):
                    wrong.append((status, text))
        threads = [threading.Thread(target=ask, args=(at,)) for at in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class SeveralWorkersOfManyModelsTest(MultiModelCase):
    """A worker that gives a kept connection back has not seen for which model its next request is."""

    def setUp(self):
        super().setUp()
        self.connection = self.serve(self.SCRIPT, SAGEMAKER_MULTI_MODEL="true", TIDEMILL_WORKERS="2")

    def test_each_model_answers_for_itself(self):
        for name in ("a", "b"):
            self.assertEqual(self.load(name)[0], 200)
        for name in "abbaabab" * 5:
            status, text, _ = self.invoke(name)
            self.assertEqual(status, 200)
            self.assertTrue(text.startswith(f"{name} "), text)

    def test_a_model_that_is_not_loaded_yet_is_answered_for_by_no_other(self):
        self.assertEqual(self.load("a")[0], 200)
        self.assertTrue(self.invoke("a")[1].startswith("a "))
        status, text, _ = self.invoke("b")
        self.assertEqual(status, 404, text)
        self.assertIn("'b' is not loaded", text)
        self.assertEqual(self.load("b")[0], 200)
        self.assertTrue(self.invoke("b")[1].startswith("b "))


if __name__ == "__main__":
    unittest.main()

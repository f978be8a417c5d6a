"""Several workers: balance, deaths under load with every answer counted, back-off; on-demand workers."""
import os
import signal
import subprocess
import threading
import time
import unittest

from serving_support import PYTHON, ServingCase, wait_until

WHO = """
import os, time
loads = os.path.join(os.environ["TIDEMILL_ML_ROOT"], "loads")
def model_fn(model_dir):
    with open(loads, "a") as file: file.write(f"{os.getpid()}\\n")
    return os.getpid()
def transform_fn(model, body, content_type, accept):
    word, _, rest = body.partition(" ")
    if word == "sleep": time.sleep(float(rest))
    if word == "spin":
        end = time.monotonic() + float(rest)
        while time.monotonic() < end: pass
    if word == "die": os._exit(int(rest))
    if word == "kill": os.kill(os.getpid(), int(rest))
    return f"{model} {body}"
"""


class WorkersCase(ServingCase):
    def pids(self):
        """Process ids of the master's children."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            return [int(pid) for pid in file.read().split()]

    def ready(self, count):
        wait_until(lambda: f"{count} of {count} workers ready" in self.log_text())

    def pid_of(self, connection, body="who"):
        status, text, _ = self.call(connection, body)
        self.assertEqual(status, 200, text)
        return int(text.split()[0])

    def in_parallel(self, bodies):
        """The answers (status, text, seconds) of requests that are under way at the same time."""
        answers = [None] * len(bodies)

        def ask(at, body):
            began = time.monotonic()
            status, text, _ = self.call(self.connect(), body)
            answers[at] = status, text, time.monotonic() - began
        threads = [threading.Thread(target=ask, args=each) for each in enumerate(bodies)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers


class WorkersTest(WorkersCase):
    def test_workers_share_the_load(self):
        self.serve(WHO, SAGEMAKER_MODEL_SERVER_WORKERS="3")
        self.ready(3)
        self.assertEqual(len(self.pids()), 3)
        answers = self.in_parallel(["sleep 0.5"] * 3)
        self.assertEqual({text.split()[0] for _, text, _ in answers}, set(map(str, self.pids())))
        self.assertLess(max(seconds for _, _, seconds in answers), 0.9)
        answers = self.in_parallel(["sleep 0.2"] * 6)  # two rounds
        self.assertLess(max(seconds for _, _, seconds in answers), 0.59)

    def test_kept_connections_of_a_busy_worker_are_served_by_another(self):
        self.serve(WHO, TIDEMILL_WORKERS="2")
        self.ready(2)
        connections = [self.connect() for _ in range(8)]
        for _ in range(4):
            # Two connections that one worker has at the moment: their requests must not queue up there.
            owners = [self.pid_of(connection) for connection in connections]
            mine = [each for each, owner in zip(connections, owners) if owner == owners[0]][:2]
            if len(mine) < 2:
                continue
            began = time.monotonic()
            for connection in mine:
                connection.request("POST", "/invocations", "sleep 0.4", {"Content-Type": "text/plain"})
            pids = {connection.getresponse().read().split()[0] for connection in mine}
            self.assertEqual(len(pids), 2)
            self.assertLess(time.monotonic() - began, 0.7)

    def test_a_slow_request_does_not_hold_up_quick_ones(self):
        self.serve(WHO, TIDEMILL_WORKERS="2")
        self.ready(2)
        connections = [self.connect() for _ in range(6)]
        for connection in connections:
            self.pid_of(connection)
        blocker = self.connect()
        blocker.request("POST", "/invocations", "spin 1.5", {"Content-Type": "text/plain"})
        time.sleep(0.2)
        began = time.monotonic()
        for connection in connections:
            self.pid_of(connection)
        self.assertLess(time.monotonic() - began, 1.0)
        blocker.getresponse().read()

    def test_death_of_a_worker_costs_its_own_request_only(self):
        connection = self.serve(WHO)
        others = [self.connect() for _ in range(5)]
        first = {self.pid_of(each) for each in others}
        self.assertEqual(len(first), 1)
        status, text, _ = self.call(connection, "die 7")
        self.assertEqual(status, 500)
        self.assertIn("ended with exit code 7", text)
        # Connections that the dead worker had are still good.
        second = {self.pid_of(each) for each in others}
        self.assertEqual(len(second), 1)
        self.assertNotEqual(first, second)
        self.assertIn(f"process id {first.pop()} ended with exit code 7", self.log_text())
        status, text, _ = self.call(self.connect(), f"kill {int(signal.SIGSEGV)}")
        self.assertEqual(status, 500)
        self.assertIn("SIGSEGV", text)
        wait_until(lambda: "Fatal Python error: Segmentation fault" in self.log_text())

    def test_kill_9_under_load_with_every_answer_counted(self):
        self.serve(WHO, TIDEMILL_WORKERS="2")
        self.ready(2)
        stop, answers, closed, lock = threading.Event(), [], [], threading.Lock()

        def ask():
            connection = self.connect()
            while not stop.is_set():
                try:
                    status, text, _ = self.call(connection, "spin 0.002")
                except OSError as error:  # a request that was neither answered nor refused
                    with lock:
                        closed.append(error)
                    connection.close()
                    continue
                with lock:
                    answers.append((status, text))
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        kills = 0
        for _ in range(5):
            time.sleep(0.25)
            for pid in self.pids()[:1]:
                self.kill(pid)
                kills += 1
        time.sleep(0.3)
        stop.set()
        for thread in threads:
            thread.join()
        failed = [answer for answer in answers if answer[0] != 200]
        self.assertEqual(closed, [])
        self.assertLessEqual(len(failed), kills)
        self.assertEqual([each for each in failed if "SIGKILL" not in each[1]], [])
        self.assertGreater(len(answers), 100)
        wait_until(lambda: len(self.pids()) == 2, 15)
        wait_until(lambda: self.ping() == 200)

    def test_back_off_grows(self):
        connection = self.serve(WHO)
        gaps = []
        for _ in range(4):
            self.assertEqual(self.call(connection, "die 1")[0], 500)
            began = time.monotonic()
            wait_until(lambda: self.ping() == 200)
            gaps.append(time.monotonic() - began)
            connection = self.connect()
        for gap, delay in zip(gaps, (0.1, 0.2, 0.4, 0.8)):
            self.assertGreater(gap, delay * 0.9)
            self.assertLess(gap, delay + 0.5)
        self.call(connection, "die 1")
        status, text, _ = self.call(self.connect(), "", "/ping", "GET")
        self.assertEqual(status, 503)
        self.assertIn("ended with exit code 1", text)

    def test_a_worker_that_hangs_is_ended(self):
        connection = self.serve(WHO, SAGEMAKER_MODEL_SERVER_TIMEOUT="0.5")
        status, text, _ = self.call(connection, "sleep 60")
        self.assertEqual(status, 500)
        self.assertIn("had not answered within 0.5 s", text)
        self.assertEqual(self.call(self.connect(), "who")[0], 200)

    def test_a_model_that_no_worker_can_load_ends_the_server(self):
        self.start("def model_fn(d): return load(d)\ndef load(d): raise OSError('no weights')\n", TIDEMILL_WORKERS="2")
        self.assertEqual(self.ended(), 1)
        self.assertTrue(self.log_text().strip().endswith("OSError: no weights"))
        self.assertEqual(self.log_text().count("Traceback"), 1)
        self.start("import os\ndef model_fn(d): os._exit(9)\n")
        self.assertEqual(self.ended(), 1)
        self.assertIn("exit code 9", self.log_text())

    def test_a_model_that_one_worker_cannot_load_is_tried_again(self):
        self.serve("import os, threading, time\nfolder = os.environ['TIDEMILL_ML_ROOT']\n"
                   "def model_fn(d):\n"
                   "    try: os.mkdir(folder + '/first')\n"
                   "    except FileExistsError: return 1\n"
                   "    raise OSError('just once')\n"
                   "def transform_fn(m, b, c, a): return 'fine'\n", TIDEMILL_WORKERS="2")
        wait_until(lambda: "2 of 2 workers ready" in self.log_text())
        self.assertEqual(self.call(self.connect(), "x")[1], "fine")

    def test_the_script_is_imported_once_unless_it_starts_threads(self):
        count = "with open(os.environ['TIDEMILL_ML_ROOT'] + '/imports', 'a') as file: file.write('x')\n"
        self.serve("import os\n" + count + WHO, TIDEMILL_WORKERS="3")
        self.ready(3)
        self.assertEqual((self.root / "imports").read_text(), "x")
        self.process.terminate()
        self.process.wait(10)
        (self.root / "imports").unlink()
        self.serve("import os, threading, time\n" + count +
                   "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n" + WHO, TIDEMILL_WORKERS="2")
        wait_until(lambda: self.log_text().count("2 of 2 workers ready") == 1)
        self.assertEqual((self.root / "imports").read_text(), "xxx")  # the master and both workers
        self.assertIn("starts threads when it is imported", self.log_text())
        pid = self.pid_of(self.connect())
        self.kill(pid)
        wait_until(lambda: self.pid_of(self.connect()) not in (0, pid))


class OnDemandTest(WorkersCase):
    def loads(self):
        return (self.root / "loads").read_text().split()

    def on_demand(self, least, most, idle="0.3", script=WHO):
        return self.serve(script, TIDEMILL_WORKERS_MIN=str(least), TIDEMILL_WORKERS_MAX=str(most),
                          TIDEMILL_WORKER_IDLE_SECONDS=idle)

    def test_scale_to_zero_and_back(self):
        connection = self.on_demand(0, 2)
        self.assertEqual(len(self.loads()), 1)  # to see that the model can be loaded
        wait_until(lambda: not self.pids())
        self.assertEqual(self.ping(), 200)
        self.assertEqual(self.pids(), [])  # a ping starts nothing
        began = time.monotonic()
        status, _, response = self.call(connection, "who")
        seconds = time.monotonic() - began
        self.assertEqual(status, 200)
        self.assertGreater(float(response.getheader("X-Tidemill-Cold-Start")), 0)
        self.assertLess(float(response.getheader("X-Tidemill-Cold-Start")), seconds * 1000)
        self.assertLess(seconds, 0.3)
        self.assertIsNone(self.call(connection, "who")[2].getheader("X-Tidemill-Cold-Start"))
        wait_until(lambda: not self.pids())
        self.assertEqual(self.call(connection, "who")[0], 200)  # the kept connection outlived the worker
        self.assertEqual(len(self.loads()), 3)

    def test_a_cold_start_does_not_import_again(self):
        script = """
import numpy
from sklearn.linear_model import LogisticRegression
def model_fn(model_dir):
    rows = numpy.arange(40.0).reshape(-1, 1)
    return LogisticRegression().fit(rows, rows[:, 0] > 20)
def transform_fn(model, body, content_type, accept): return str(int(model.predict([[float(body)]])[0]))
"""
        if subprocess.run([PYTHON, "-c", "import sklearn"], capture_output=True).returncode:
            self.skipTest("the interpreter has no scikit-learn")
        connection = self.on_demand(0, 1, "0.1", script)
        for _ in range(3):
            wait_until(lambda: not self.pids())
            status, text, response = self.call(connection, "30")
            self.assertEqual((status, text), (200, "1"))
            self.assertLess(float(response.getheader("X-Tidemill-Cold-Start")), 300)

    def test_grows_with_concurrency_up_to_its_limit(self):
        self.on_demand(0, 3, "1")
        answers = self.in_parallel(["sleep 0.5"] * 5)
        self.assertEqual([status for status, _, _ in answers], [200] * 5)
        self.assertEqual(len({text.split()[0] for _, text, _ in answers}), 3)
        self.assertLess(max(seconds for _, _, seconds in answers), 1.6)
        wait_until(lambda: not self.pids())

    def test_provisioned_workers_stay(self):
        self.on_demand(2, 4)
        wait_until(lambda: len(self.pids()) == 2)
        stay = set(self.pids())
        requests = threading.Thread(target=self.in_parallel, args=(["sleep 0.8"] * 4,))
        requests.start()
        wait_until(lambda: len(self.pids()) == 4)  # while they run: idle workers end soon afterwards
        requests.join()
        wait_until(lambda: len(self.pids()) == 2)
        time.sleep(0.7)
        self.assertEqual(len(self.pids()), 2)
        self.assertTrue(set(self.pids()) & (stay | set(map(int, self.loads()))))

    def test_a_model_that_stops_loading(self):
        connection = self.on_demand(0, 1, script=WHO.replace(
            "def model_fn(model_dir):", "def model_fn(model_dir):\n    open(loads + '.fine')"
            ) + "open(loads + '.fine', 'w').close()\n")
        wait_until(lambda: not self.pids())
        (self.root / "loads.fine").unlink()
        status, text, _ = self.call(connection, "who")
        self.assertEqual(status, 500)
        self.assertIn("FileNotFoundError", text)
        self.assertEqual(self.ping(), 503)
        (self.root / "loads.fine").touch()
        self.assertEqual(self.call(connection, "who")[0], 200)
        self.assertEqual(self.ping(), 200)

    def test_a_model_that_never_loads(self):
        self.start("def model_fn(d): raise OSError('no weights')\n", TIDEMILL_WORKERS_MIN="0")
        self.assertEqual(self.ended(), 1)
        self.assertTrue(self.log_text().strip().endswith("OSError: no weights"))

    def test_no_request_is_lost_while_workers_come_and_go(self):
        self.on_demand(0, 2, "0.05")
        answers = []

        def ask():
            connection = self.connect()
            for at in range(40):
                answers.append(self.call(connection, "who")[0])
                time.sleep(0.01 + 0.01 * (at % 8))
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [200] * 160)

    def test_a_connection_with_no_request_starts_nothing(self):
        self.on_demand(0, 1)
        wait_until(lambda: not self.pids())
        stream = self.raw()
        time.sleep(0.2)
        self.assertEqual(self.pids(), [])
        stream.close()


if __name__ == "__main__":
    unittest.main()

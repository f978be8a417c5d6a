"""The runner itself: what runs beside what, what stops, what is counted."""
import contextlib
import io
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import jobs  # noqa: E402
import run  # noqa: E402
from jobs import Job, Result, read_ctest, read_junit  # noqa: E402

STAMP = "import sys, time; print(time.monotonic()); time.sleep({}); print(time.monotonic()); sys.exit({})"


def python(name, seconds=0.2, status=0, **more):
    return Job("rules", name, [sys.executable, "-c", STAMP.format(seconds, status)], **more)


class RunTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for patch in (mock.patch.object(jobs, "LOGS", self.folder), mock.patch.object(run, "TIMES", self.folder / "times.json"),
                      mock.patch.object(run, "ROOT", self.folder), mock.patch.object(run, "STOP_SECONDS", 1)):
            patch.start()
            self.addCleanup(patch.stop)

    def go(self, *given, slots=2, stop_at_first=False):
        run_ = run.Run(list(given), slots, stop_at_first)
        self.said = io.StringIO()
        with contextlib.redirect_stdout(self.said):
            run_.go()
            self.status = run.report(run_, 0)
        return run_

    def span(self, name):
        return tuple(map(float, (self.folder / f"{name}.log").read_text().split()))

    def test_slots_bound_how_many_run_and_alone_means_alone(self):
        self.go(python("a"), python("b"), python("c"), python("alone", alone=True), slots=2)
        spans = sorted(self.span(name) for name in "abc")
        self.assertLess(spans[1][0], spans[0][1])     # two side by side
        self.assertGreater(spans[2][0], spans[0][1])  # the third waits
        self.assertGreater(self.span("alone")[0], max(end for _, end in spans))
        self.assertEqual(self.status, 0)
        self.assertTrue(self.said.getvalue().endswith("4 passed, 0 failed, 0 skipped\n"))

    def test_a_build_takes_no_slot_and_counts_as_no_test(self):
        self.go(python("build", 0.4, takes_slot=False, counts=False, first=9), python("a"), python("b", needs="build"), slots=1)
        self.assertLess(self.span("a")[0], self.span("build")[1])
        self.assertGreater(self.span("b")[0], self.span("build")[1])
        self.assertIn("2 passed, 0 failed", self.said.getvalue())

    def test_a_failure_is_listed_shown_and_takes_what_needs_it_along(self):
        done = self.go(python("build", 0, 3, counts=False), python("tests", needs="build"), python("other"))
        self.assertEqual(self.status, 1)
        self.assertEqual({job.name for job in done.done}, {"build", "other"})
        self.assertIn("failed: tests: not run, since 'build' failed", self.said.getvalue())
        self.assertIn("1 passed, 1 failed", self.said.getvalue())

    def test_x_starts_nothing_after_the_first_failure(self):
        done = self.go(python("bad", 0, 1, first=2), python("later", first=1), slots=1, stop_at_first=True)
        self.assertEqual([job.name for job in done.done], ["bad"])
        self.assertEqual(self.status, 1)

    def test_a_job_that_does_not_end_is_ended_and_failed(self):
        began = time.monotonic()
        self.go(python("hangs", 60, seconds_max=0.5))
        self.assertLess(time.monotonic() - began, 20)
        self.assertIn("hangs: over its limit of 0 s", self.said.getvalue().replace("of 1 s", "of 0 s"))
        self.assertEqual(self.status, 1)

    def test_an_interrupt_ends_every_job(self):
        given = [python(name, 60) for name in "ab"]
        interrupt = threading.Timer(1, lambda: signal.raise_signal(signal.SIGINT))
        interrupt.start()
        began = time.monotonic()
        with self.assertRaises(KeyboardInterrupt):
            self.go(*given)
        self.assertLess(time.monotonic() - began, 20)
        for name in "ab":
            self.assertEqual(len((self.folder / f"{name}.log").read_text().split("Traceback")), 2)  # it was interrupted, not killed

    def test_nothing_passed_is_a_failure(self):
        self.go(python("build", 0, counts=False))
        self.assertEqual(self.status, 1)

    def test_what_took_longest_last_time_starts_first(self):
        self.go(python("short", 0.1), python("long", 0.5))
        self.assertEqual([job.name for job in run.Run([python("short"), python("long")], 1, False).waiting], ["long", "short"])

    def test_reports_of_pytest(self):
        job = Job("rules", "report", [])
        job.log.with_suffix(".xml").write_text(
            '<testsuites><testsuite tests="4"><testcase classname="conformance.test_a" name="one" time="1.5"/>'
            '<testcase classname="c.t" name="two" time="0"><failure message="m"/></testcase>'
            '<testcase classname="c.t" name="three" time="0"><error message="m"/></testcase>'
            '<testcase classname="c.t" name="four" time="0"><skipped message="no torch"/></testcase></testsuite></testsuites>')
        self.assertEqual(read_junit(job, 1), Result(1, 2, [("c/t.py::four", "no torch")], {
            "conformance/test_a.py::one": 1.5, "c/t.py::two": 0, "c/t.py::three": 0, "c/t.py::four": 0}))
        missing = Job("rules", "missing", [])
        self.assertEqual(read_junit(missing, 2).failed, 1)
        self.assertEqual(read_junit(missing, jobs.NO_TESTS_COLLECTED).failed, 0)

    def test_reports_of_ctest(self):
        job = Job("unit", "ctest", [])
        job.log.write_text(" 1/2 Test  #1: A.B ........   Passed    0.02 sec\n 2/2 Test #2: C/D.E/0 ....***Failed    1.50 sec\n"
                           "50% tests passed, 1 tests failed out of 2\n")
        self.assertEqual(read_ctest(job, 8), Result(1, 1, [], {"A.B": 0.02, "C/D.E/0": 1.5}))
        job.log.write_text("No tests were found!!!\n")
        self.assertEqual(read_ctest(job, 0).failed, 1)


class WordsTest(unittest.TestCase):
    def ask(self, *words):
        return subprocess.run([sys.executable, Path(run.__file__), "--check", *words], capture_output=True, text=True)

    def test_parts_files_and_typos(self):
        self.assertEqual(self.ask("unit", "tests/conformance/test_logs.py", "-x").returncode, 0)
        for words in (["confromance"], ["tests/conformance/test_log.py"], ["--long", "unit"], ["--jobs", "0"]):
            done = self.ask(*words)
            self.assertNotEqual(done.returncode, 0, words)
            self.assertIn("mill", done.stderr)

    def test_every_file_of_tests_belongs_to_a_part(self):
        found = {path for part in jobs.PYTEST_PARTS for _, path in jobs.pytest_files(part)}
        there = {path for path in (jobs.ROOT / "tests").glob("*/test_*.py")}
        self.assertEqual(there, found)


if __name__ == "__main__":
    unittest.main()

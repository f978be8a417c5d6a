"""Runs the tests of ./mill test: several jobs at once; tests marked alone run by themselves at the end.

    run.py [-x] [--jobs N] [--long] [PART | FILE]...     after ./mill has built the server
    run.py --check ...                                   only checks whether the words are parts or files
    run.py --list                                        prints the parts, one per line
"""
import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import jobs as plan  # noqa: E402
from jobs import LOGS, PARTS, PYTEST_PARTS, ROOT, Result, read_status  # noqa: E402

TIMES = ROOT / ".cache/log/test-times.json"
SLOWEST_SHOWN, LOG_LINES_SHOWN = 10, 120
# Tests mostly wait, for deployments and for pauses of clients.
SLOTS_BESIDE_CORES = 2
POLL_SECONDS = 0.05
STOP_SECONDS = 30


class Running:
    def __init__(self, job):
        self.job, self.started = job, time.monotonic()
        job.log.with_suffix(".xml").unlink(missing_ok=True)
        with open(job.log, "wb") as log:
            self.process = subprocess.Popen(job.command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "MILL_BUILT": "1"})
        self.timed_out = False

    @property
    def seconds(self):
        return time.monotonic() - self.started

    def ended(self):
        if self.process.poll() is not None:
            return True
        if self.seconds > self.job.seconds_max and not self.timed_out:
            self.timed_out = True
            self.end()
        return self.process.poll() is not None

    def end(self):
        """An interrupt first, so that pytest's fixtures end their servers; the session is the job's own."""
        for number in (signal.SIGINT, signal.SIGKILL):
            if self.process.poll() is not None:
                return
            os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)


class Run:
    def __init__(self, jobs, slots, stop_at_first):
        self.waiting, self.slots, self.stop_at_first = jobs, slots, stop_at_first
        self.total, self.running, self.done, self.failed = len(jobs), [], [], []
        self.results, self.seconds = {}, {}
        known = self.known_times()
        for job in jobs:
            job.first = known.get(job.name, job.first)
        self.waiting.sort(key=lambda job: -job.first)

    @staticmethod
    def known_times():
        try:
            return json.loads(TIMES.read_text())
        except (OSError, ValueError):
            return {}

    def keep_times(self):
        known = {**self.known_times(), **{job.name: round(self.seconds[job.name], 1) for job in self.done}}
        TIMES.write_text(json.dumps(known, indent=1, sort_keys=True))

    def unmet(self, job):
        """Whether what the job needs is still to come; what has failed takes it along."""
        if not job.needs:
            return False
        return not any(done.name == job.needs for done in self.done)

    def startable(self):
        """The next job that may start now; None when none may."""
        if any(each.job.alone for each in self.running):
            return None
        taken = sum(each.job.takes_slot for each in self.running)
        for job in self.waiting:
            if job.alone or self.unmet(job) or (job.takes_slot and taken >= self.slots):
                continue
            return job
        only_alone = all(job.alone for job in self.waiting)
        return self.waiting[0] if self.waiting and only_alone and not self.running else None

    def give_up_dependents(self, failed):
        for job in [job for job in self.waiting if job.needs == failed.name]:
            self.waiting.remove(job)
            self.total -= 1
            self.failed.append(f"{job.name}: not run, since '{failed.name}' failed")

    def finish(self, running):
        job, status = running.job, running.process.returncode
        result = (job.read or read_status)(job, status)
        if running.timed_out:
            result.failed = max(result.failed, 1)
        if not job.counts:
            result.passed = 0
        self.results[job.name], self.seconds[job.name] = result, running.seconds
        self.done.append(job)
        words = [f"{result.passed} passed"] if result.passed else []
        words += [f"{result.failed} failed"] if result.failed else []
        words += [f"{len(result.skipped)} skipped"] if result.skipped else []
        verdict = "FAILED" if result.failed else "ok"
        print(f"[{len(self.done):3}/{self.total}] {verdict:6} {running.seconds:6.1f} s  {job.name}"
              + (f": {', '.join(words)}" if words else ""), flush=True)
        if result.failed:
            self.failed.append(f"{job.name}" + (f": over its limit of {job.seconds_max:.0f} s" if running.timed_out else ""))
            lines = job.log.read_text(errors="replace").splitlines()
            print("\n".join("    " + line for line in lines[-LOG_LINES_SHOWN:]), flush=True)
            print(f"    the whole output: {job.log.relative_to(ROOT)}", flush=True)
            self.give_up_dependents(job)
            if self.stop_at_first:
                self.waiting.clear()

    def go(self):
        try:
            while self.waiting or self.running:
                while job := self.startable():
                    self.waiting.remove(job)
                    self.running.append(Running(job))
                for each in [each for each in self.running if each.ended()]:
                    self.running.remove(each)
                    self.finish(each)
                time.sleep(POLL_SECONDS)
        finally:
            # All at once, then one after another for as long as each needs to end its servers.
            for each in self.running:
                if each.process.poll() is None:
                    os.killpg(each.process.pid, signal.SIGINT)
            for each in self.running:
                each.end()
            self.keep_times()


def report(run, seconds):
    print("\nskipped:" if any(result.skipped for result in run.results.values()) else "")
    for result in run.results.values():
        for name, reason in result.skipped:
            print(f"  {name}: {reason}")
    print(f"\n{'part':12} {'jobs':>5} {'tests':>6} {'busy':>8}")
    for part in dict.fromkeys(job.part for job in run.done):
        own = [job for job in run.done if job.part == part]
        results = [run.results[job.name] for job in own]
        tests = sum(each.passed + each.failed + len(each.skipped) for each in results)
        print(f"{part:12} {len(own):5} {tests:6} {sum(run.seconds[job.name] for job in own):6.0f} s")
    times = {}
    for job in run.done:
        own = run.results[job.name].times
        times.update(own or {job.name: run.seconds[job.name]})
    print("\nslowest:")
    for name, each in sorted(times.items(), key=lambda pair: -pair[1])[:SLOWEST_SHOWN]:
        print(f"  {each:6.1f} s  {name}")
    print(f"\nall parts took {seconds:.1f} s")
    for line in run.failed:
        print(f"failed: {line}")
    total = Result(sum(each.passed for each in run.results.values()), sum(each.failed for each in run.results.values()))
    skipped = sum(len(each.skipped) for each in run.results.values())
    bad = max(total.failed, int(bool(run.failed)))
    print(f"{total.passed} passed, {bad} failed, {skipped} skipped", flush=True)
    return 0 if not run.failed and total.passed else 1


def chosen(words):
    """Parts and files of tests; ends with a message when a word is neither."""
    parts, files = [], []
    known = {path: None for part in PYTEST_PARTS for _, path in plan.pytest_files(part)}
    for word in words:
        path = Path(word).resolve() if Path(word).is_absolute() else (ROOT / word).resolve()
        if word in PARTS:
            parts.append(word)
        elif path in known:
            files.append(path)
        else:
            sys.exit(f"mill: '{word}' is neither a part nor a file of tests; the parts are {' '.join(PARTS)} (./mill test --help)")
    return parts, files


def main():
    parser = argparse.ArgumentParser(prog="./mill test")
    parser.add_argument("-x", dest="stop_at_first", action="store_true")
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("MILL_TEST_JOBS", 0)) or os.cpu_count() + SLOTS_BESIDE_CORES)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("words", nargs="*")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(f"  {name:12} {what}" for name, what in PARTS.items()))
        return 0
    parts, files = chosen(arguments.words)
    if arguments.long and arguments.words:
        sys.exit("mill: --long takes no parts; see ./mill test --help")
    if arguments.jobs < 1:
        sys.exit("mill: --jobs takes a number from 1 on")
    if arguments.check:
        return 0
    if arguments.long:
        parts = ["long", "long_unit", "long_fuzz"]
    elif not parts and not files:
        parts = list(PARTS)
    # A signal that ends ./mill test must also end its jobs, which have sessions of their own, and their servers. This holds
    # as well if a shell started it in the background, where interrupts are ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    LOGS.mkdir(parents=True, exist_ok=True)
    run = Run(plan.all_jobs(parts, files, arguments.stop_at_first), arguments.jobs, arguments.stop_at_first)
    started = time.monotonic()
    try:
        run.go()
    except KeyboardInterrupt:
        run.failed.append("interrupted")
    return report(run, time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(main())

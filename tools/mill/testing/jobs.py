"""The jobs of the parts of ./mill test. A job is one process: a file of tests under pytest, ctest, a fuzzer, a
build."""
import os
import re
import subprocess
import xml.etree.ElementTree as tree
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LOGS = ROOT / ".cache/log/test"
# The virtual environment and the folder of each part's pytest files.
PYTEST_PARTS = {
    "conformance": [("clients", "conformance"), ("clients-old", "conformance_old"), ("clients-v3", "conformance_v3"),
                    ("clients-s3", "conformance_s3")],
    "crash": [("clients", "crash")],
    "adversary": [("clients", "adversary")],
    "examples": [("clients", "examples")],
    "notebooks": [("notebooks", "notebooks")],
    "long": [("clients", "long")],
}
PARTS = {
    "rules": "formatting, the house rules, docs/coverage.md up to date",
    "unit": "C++ tests under ASan and UBSan",
    "fuzz": "every fuzzer, about a minute in all",
    "conformance": "the release binary, driven by AWS's own clients",
    "crash": "kill -9 at every commit point, then look what is left",
    "adversary": "attacks: policies, hostile jobs, slow clients, damaged bytes",
    "examples": "the main job, as ./mill demo runs it",
    "notebooks": "notebooks of strangers, run as they are in transparent mode",
}
FUZZ_SECONDS, FUZZ_SECONDS_LONG = 60, 300
SIMULATION_HISTORIES_LONG = 20_000
# After this many failures in one file, the rest of the file is not run.
FAILURES_OF_A_FILE_MAX = 5
ALONE = re.compile(r"\bmark\.alone\b")
# Tests marked alone measure time or memory, so nothing may run at the same time.
NO_TESTS_COLLECTED = 5


@dataclass
class Result:
    passed: int = 0
    failed: int = 0
    skipped: list = field(default_factory=list)  # (test, reason)
    times: dict = field(default_factory=dict)    # test -> seconds


@dataclass
class Job:
    part: str
    name: str
    command: list
    read: object = None            # (job, exit status) -> Result; without it, exit status 0 counts as one passed test
    needs: str = ""                # the name of a job that must have passed first
    alone: bool = False
    first: float = 0               # larger ones start earlier
    seconds_max: float = 1200
    # False for the build: it runs at low priority during the tests, which mostly wait and leave the cores idle.
    takes_slot: bool = True
    counts: bool = True

    @property
    def log(self):
        return LOGS / (re.sub(r"[^\w.-]+", "-", self.name) + ".log")


def read_status(job, status):
    return Result(passed=int(status == 0), failed=int(status != 0))


def read_junit(job, status):
    """Reads pytest's report; a missing report is a failure, for example of the interpreter."""
    result = Result()
    try:
        suite = tree.parse(job.log.with_suffix(".xml")).getroot().find("testsuite")
    except (OSError, tree.ParseError):
        result.failed = int(status not in (0, NO_TESTS_COLLECTED))
        return result
    for case in suite.iter("testcase"):
        name = f"{case.get('classname').replace('.', '/')}.py::{case.get('name')}"
        result.times[name] = float(case.get("time", 0))
        kinds = {child.tag: child for child in case}
        if "failure" in kinds or "error" in kinds:
            result.failed += 1
        elif "skipped" in kinds:
            result.skipped.append((name, kinds["skipped"].get("message", "")))
        else:
            result.passed += 1
    if status not in (0, NO_TESTS_COLLECTED) and not result.failed:
        result.failed = 1
    return result


def read_ctest(job, status):
    text = job.log.read_text(errors="replace")
    result = Result(failed=int(status != 0))
    for number, name, verdict, seconds in re.findall(r"Test +#(\d+): (\S+) \.*\s*(\S+)\s.*?([\d.]+) sec", text):
        result.times[name] = float(seconds)
    found = re.search(r"(\d+) tests? failed out of (\d+)", text)
    if found:
        bad, total = map(int, found.groups())
        result.failed = max(bad, result.failed)
        result.passed = total - bad
    if not result.passed:
        result.failed = max(result.failed, 1)
    return result


def pytest_job(part, venv, path, options, alone=None):
    """alone: True for the tests marked so, False for the others, None for a file that has none of them."""
    name = f"{path.parent.name}/{path.name}" + (" (alone)" if alone else "")
    job = Job(part, name, [], read_junit, alone=bool(alone), first=guess_seconds(path))
    chosen = [] if alone is None else ["-m", "alone" if alone else "not alone"]
    job.command = [str(ROOT / ".cache/venvs" / venv / "bin/python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen,
                   *options, f"--junitxml={job.log.with_suffix('.xml')}", str(path)]
    return job


def guess_seconds(path):
    """The weight of a file that has never run here: files that run whole workflows take longest."""
    weight = {"notebooks": 300, "examples": 200, "crash": 60, "conformance_v3": 60, "long": 600}.get(path.parent.name, 10)
    return weight + path.stat().st_size / 1000


def pytest_files(part):
    for venv, folder in PYTEST_PARTS[part]:
        for path in sorted((ROOT / "tests" / folder).glob("test_*.py")):
            yield venv, path


def pytest_jobs(part, options, only=()):
    for venv, path in pytest_files(part):
        if only and path not in only:
            continue
        if not ALONE.search(path.read_text()):
            yield pytest_job(part, venv, path, options)
            continue
        yield pytest_job(part, venv, path, options, alone=False)
        yield pytest_job(part, venv, path, options, alone=True)


def asan_build():
    return Job("unit", "build asan", ["nice", "-n", "10", "./mill", "build", "--preset", "asan", "all"], first=1e9,
               seconds_max=5400, takes_slot=False, counts=False)


def unit_jobs():
    return [Job("unit", "ctest", ["ctest", "--test-dir", "build/asan", "-j", str(os.cpu_count()), "--output-on-failure"],
                read_ctest, needs="build asan", first=500)]


def long_unit_jobs():
    """Programs of the unit tests that do more than in the suite: other histories, from a random seed on, and every commit."""
    simulation = f"TIDEMILL_SIMULATION_HISTORIES={SIMULATION_HISTORIES_LONG} build/asan/tests/simulation/tidemill_simulation_test"
    crashes = "TIDEMILL_EVERY_CRASH_POINT=1 build/asan/src/engine/tidemill_engine_test --gtest_filter='OutboxCrash.*'"
    return [Job("long_unit", "simulation", ["bash", "-euc", simulation], needs="build asan", seconds_max=7200),
            Job("long_unit", "a crash at every commit", ["bash", "-euc", crashes], needs="build asan", seconds_max=1800)]


def fuzzers():
    """Names come from the sources, so that they are known before the fuzzers are built."""
    listing = subprocess.run(["git", "ls-files", "src/*_fuzz.cc"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted(Path(line).stem.removesuffix("_fuzz") for line in listing.split())


def fuzz_jobs(seconds_in_all=None, seconds_each=None):
    names = fuzzers()
    each = seconds_each or -(-seconds_in_all // len(names))
    return [Job("fuzz", f"fuzz {name}", ["./mill", "fuzz", "--seconds", str(each), name], needs="build asan",
                first=each) for name in names]


def rules_jobs():
    # shell: the command's file is sourced, as ./mill does.
    shell = "source tools/mill/common.sh; source tools/mill/{}.sh; {}"
    return [Job("rules", "format", ["bash", "-euc", shell.format("fmt", "run_fmt --check")]),
            Job("rules", "house rules", ["python3", "tools/tidy/tidy.py"]),
            Job("rules", "the runner's own tests", ["python3", "-B", "tools/mill/testing/test_run.py"]),
            Job("rules", "the compile timer's own tests", ["python3", "-B", "tools/mill/test_compile_time.py"]),
            Job("rules", "the options of ./mill", ["python3", "-B", "tools/mill/test_options.py"]),
            Job("rules", "the progress of the first build", ["python3", "-B", "tools/mill/test_progress.py"]),
            Job("rules", "a new service", ["python3", "-B", "tools/mill/test_new_service.py"]),
            Job("rules", "coverage page", ["./mill", "coverage", "--check"])]


def jobs_of(part, options, only=()):
    if part == "rules":
        return rules_jobs()
    if part == "unit":
        return unit_jobs()
    if part == "fuzz":
        return fuzz_jobs(seconds_in_all=FUZZ_SECONDS)
    if part == "long_unit":
        return long_unit_jobs()
    if part == "long_fuzz":
        return fuzz_jobs(seconds_each=FUZZ_SECONDS_LONG)
    return list(pytest_jobs(part, options, only))


def all_jobs(parts, files, stop_at_first):
    """The jobs of the parts, and those of single files."""
    options = ["-x"] if stop_at_first else [f"--maxfail={FAILURES_OF_A_FILE_MAX}"]
    jobs = [job for part in parts for job in jobs_of(part, options)]
    for part in PYTEST_PARTS:
        if part not in parts and files:
            jobs += pytest_jobs(part, options, files)
    if any(job.needs == "build asan" for job in jobs):
        jobs.insert(0, asan_build())
    return jobs

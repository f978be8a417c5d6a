"""Tools of the benchmarks: load, peers, tables."""
import contextlib
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import processes

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
BENCH_BIN = ROOT / ".cache/venvs/bench/bin"
CLIENTS_PYTHON = ROOT / ".cache/venvs/clients/bin/python"


@dataclass
class Row:
    """One row of the table. `better` is "higher" or "lower"; target: the number to reach, as text."""
    what: str
    unit: str
    tidemill: float
    peer: float | None = None
    peer_name: str = ""
    better: str = "higher"
    target: str = ""

    def falls_short(self):
        """Whether the target ("500", "0.5 x the peer", "ahead") is missed."""
        if not self.target:
            return False
        if self.target == "ahead" or self.target.endswith(" x the peer"):
            wanted = 1 if self.target == "ahead" else float(self.target.removesuffix(" x the peer"))
            return (self.ratio() or 0) < wanted
        wanted = float(self.target.replace(",", ""))
        return self.tidemill < wanted if self.better == "higher" else self.tidemill > wanted

    def ratio(self):
        if self.peer in (None, 0) or not self.tidemill:
            return None
        return self.tidemill / self.peer if self.better == "higher" else self.peer / self.tidemill


def number(value):
    if value is None:
        return ""
    if value == int(value) and value < 100:
        return str(int(value))
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def markdown(rows):
    lines = ["| what | unit | Tidemill | peer | | times better | to reach |", "|---|---|---:|---:|---|---:|---|"]
    for row in rows:
        ratio = row.ratio()
        lines.append(f"| {row.what} | {row.unit} | {number(row.tidemill)} | {number(row.peer)} | {row.peer_name} | "
                     f"{number(ratio)} | {row.target} |")
    short = [f"- {row.what}: {number(row.tidemill)} {row.unit}"
             + (f", {number(row.ratio())} times {row.peer_name}" if row.ratio() else "") + f"; to reach: {row.target}"
             for row in rows if row.falls_short()]
    return "\n".join([*lines, "", "Falls short in this run:" if short else "Nothing falls short in this run.", *short])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(url, status=None):
    """Whether the server answers, with this status if one is given."""
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            response.read()
            return status in (None, response.status)
    except urllib.error.HTTPError as error:
        return status in (None, error.code)
    except OSError:
        return False


class Peer:
    """A peer's server, started for the measurement and ended with all its processes. It is ready when `url` answers,
    with `status` if one is given."""

    def __init__(self, command, url, environment=None, cwd=None, timeout_seconds=60, status=None):
        self.command, self.url, self.cwd = command, url, cwd
        self.timeout_seconds, self.status = timeout_seconds, status
        self.environment = {**os.environ, **(environment or {})}

    def __enter__(self):
        start = time.monotonic()
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command, env=self.environment, cwd=self.cwd, stdout=self.log,
                                        stderr=self.log, start_new_session=True)
        while not answers(self.url, self.status):
            if self.process.poll() is not None or time.monotonic() - start > self.timeout_seconds:
                self.end()
                self.log.seek(0)
                raise RuntimeError(f"{self.command[0]} did not start: {self.log.read()[-3000:].decode()}")
            time.sleep(0.005)
        self.ready_seconds = time.monotonic() - start
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """Ends every process that it started, by id, its own group first."""
        family = processes.family(self.process.pid)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


def resident_mebibytes(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


@dataclass
class Load:
    requests_per_second: float
    p50_ms: float
    p99_ms: float


def milliseconds(text):
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def prepared_requests(requests):
    """A file for bench/lua with lines of (method, target, {header: value}, body); removed when closed."""
    file = tempfile.NamedTemporaryFile("w", suffix=".tsv")
    for method, target, headers, body in requests:
        fields = "|".join(f"{name}: {value}" for name, value in headers.items())
        file.write(f"{method}\t{target}\t{fields}\t{body}\n")
    file.flush()
    return file


def load(url, requests, connections, seconds):
    """Runs wrk with prepared requests. Any error fails the run."""
    with prepared_requests(requests) as file:
        text = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency",
             "-s", str(ROOT / "bench/lua/replay.lua"), url, "--", file.name],
            check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(f"the load on {url} met errors:\n{text}")
    return Load(float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
                milliseconds(re.search(r"(?m)^ +50% +(\S+)$", text).group(1)),
                milliseconds(re.search(r"(?m)^ +99% +(\S+)$", text).group(1)))


PACED_LOAD = ROOT / "build/release/bench/bench_paced_load"


def paced_load(url, requests, connections, rate, seconds, core):
    """{"p50": ms, "p99": ..., "p99.9": ...} at a constant rate, measured from when each request was due. The load
    generator spins on the given core. Any error fails the run."""
    with prepared_requests(requests) as file:
        run = subprocess.run(
            ["taskset", "-c", str(core), str(PACED_LOAD), str(urlsplit(url).port), file.name, str(connections), str(rate), str(seconds)],
            capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(f"the load on {url} met errors: {run.stderr}")
    found = json.loads(run.stdout)
    return {name: found[key] / 1000 for name, key in (("p50", "p50_us"), ("p99", "p99_us"), ("p99.9", "p999_us"))}


def median(values):
    return statistics.median(list(values))

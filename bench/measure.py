"""Tools of the benchmarks: load, processes, tables."""
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

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
BENCH_BIN = ROOT / ".cache/venvs/bench/bin"
CLIENTS_PYTHON = ROOT / ".cache/venvs/clients/bin/python"


@dataclass
class Row:
    """One line of the table. `better` is "higher" or "lower"; target: text of the number to reach."""
    what: str
    unit: str
    tidemill: float
    peer: float | None = None
    peer_name: str = ""
    better: str = "higher"
    target: str = ""

    def ratio(self):
        if self.peer in (None, 0) or not self.tidemill:
            return None
        return self.tidemill / self.peer if self.better == "higher" else self.peer / self.tidemill


def number(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def markdown(rows):
    lines = ["| what | unit | Tidemill | peer | | times better | to reach |", "|---|---|---:|---:|---|---:|---|"]
    for row in rows:
        ratio = row.ratio()
        lines.append(f"| {row.what} | {row.unit} | {number(row.tidemill)} | {number(row.peer)} | {row.peer_name} | "
                     f"{number(ratio)} | {row.target} |")
    return "\n".join(lines)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(url):
    try:
        urllib.request.urlopen(url, timeout=1).read()
        return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


class Peer:
    """A server of somebody else's, started for the measurement and ended by its process group."""

    def __init__(self, command, url, environment=None, cwd=None):
        self.command, self.url, self.cwd = command, url, cwd
        self.environment = {**os.environ, **(environment or {})}

    def __enter__(self):
        start = time.monotonic()
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command, env=self.environment, cwd=self.cwd, stdout=self.log,
                                        stderr=self.log, start_new_session=True)
        while not answers(self.url):
            if self.process.poll() is not None or time.monotonic() - start > 60:
                self.log.seek(0)
                raise RuntimeError(f"{self.command[0]} did not start: {self.log.read()[-2000:].decode()}")
            time.sleep(0.005)
        self.ready_seconds = time.monotonic() - start
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
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


def load(url, requests, connections, seconds):
    """wrk with prepared requests: (method, target, {header: value}, body). Any error fails the run."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        for method, target, headers, body in requests:
            fields = "|".join(f"{name}: {value}" for name, value in headers.items())
            file.write(f"{method}\t{target}\t{fields}\t{body}\n")
        file.flush()
        text = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency",
             "-s", str(ROOT / "bench/lua/replay.lua"), url, "--", file.name],
            check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(f"the load on {url} met errors:\n{text}")
    return Load(float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
                milliseconds(re.search(r"(?m)^ +50% +(\S+)$", text).group(1)),
                milliseconds(re.search(r"(?m)^ +99% +(\S+)$", text).group(1)))


def median(values):
    return statistics.median(list(values))

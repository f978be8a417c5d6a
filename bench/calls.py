"""In-process calls through the dispatcher, and held answers: their cost besides the handlers."""
import json
import subprocess

from measure import ROOT, Row

PROGRAM = ROOT / "build/release/bench/bench_dispatcher"


def measure(quick):
    command = [str(PROGRAM)] + (["--quick"] if quick else [])
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return [
        Row("a call from inside, beside its handler", "us", found["call_microseconds"], better="lower", target="20"),
        Row("memory of a held answer, of 10,000", "bytes", found["held_bytes"], better="lower", target="4096"),
        Row("10,000 held answers given after one change", "ms", found["answered_milliseconds"], better="lower"),
    ]

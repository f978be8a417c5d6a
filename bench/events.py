"""Events: what publishing adds to a commit, how soon a waiting machine is told, 100,000 pending timers. The baseline of
publishing is the same commit without an event, alternating in the same run."""
import json
import subprocess

from measure import ROOT, Row

PROGRAM = ROOT / "build/release/bench/bench_events"


def measure(quick):
    command = [str(PROGRAM)] + (["--quick"] if quick else [])
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    rows = []
    for threads in (1, 16):
        plural = "s" if threads > 1 else ""
        rows.append(Row(f"commits that publish, {threads} thread{plural}", "per second", found[f"published_{threads}"],
                        found[f"commits_{threads}"], "without an event", target="0.95 x the peer"))
        rows.append(Row(f"their processor time, with the reader's, {threads} thread{plural}", "us",
                        found[f"processor_published_{threads}"], found[f"processor_{threads}"], "without an event",
                        better="lower"))
    rows.append(Row("from a record's end to the machine that waits, p50", "ms", found["told_p50"], better="lower"))
    rows.append(Row("from a record's end to the machine that waits, p99", "ms", found["told_p99"], better="lower",
                    target="2"))
    rows.append(Row("start with 100,000 timers of the next hour", "ms", found["timers_start"], better="lower"))
    rows.append(Row("all of them in memory after", "ms", found["timers_loaded"], better="lower"))
    rows.append(Row("memory that they take", "MiB", found["timers_memory"], better="lower"))
    rows.append(Row("first firing with 100,000 schedules pending", "ms", found["schedules_start"], better="lower"))
    rows.append(Row("memory that they take", "MiB", found["schedules_memory"], better="lower"))
    return rows

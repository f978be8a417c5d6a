"""Runs engine's OutboxCrash test at every commit; ./mill test runs a sample."""
import os
import subprocess

from support.server import BINARY


def test_kill_at_every_commit():
    program = BINARY.parent / "src/engine/tidemill_engine_test"
    subprocess.run([str(program), "--gtest_filter=OutboxCrash.*"], check=True, timeout=1800,
                   env=os.environ | {"TIDEMILL_EVERY_CRASH_POINT": "1"})

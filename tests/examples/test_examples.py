"""The main job of ./mill demo in each variant: it runs, and the model is useful."""
import re
import subprocess
import sys

import pytest

from support.server import BINARY, ROOT


@pytest.mark.parametrize("way", ["boto3", "ab", "cli", "sagemaker-v2"])
def test_main_job(way):
    done = subprocess.run([sys.executable, str(ROOT / "examples/churn/demo.py"), "--binary", str(BINARY), "--only", way],
                          capture_output=True, text=True, timeout=600)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    scores = [float(value) for value in re.findall(r"AUC ([\d.]+)", done.stdout)]
    assert scores and min(scores) > 0.85, done.stdout

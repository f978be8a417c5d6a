"""The overhead of a training job: the time from CreateTrainingJob to Completed, minus that of the bare program on the
same data. The bare program is the peer."""
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

from measure import Row, median
from support.server import BINARY, Server
from world import HYPERPARAMETERS, World


def bare_seconds(world, rounds):
    """Runs only the algorithm, on a prepared folder."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("input/config", "input/data/train", "model", "output", "checkpoints"):
            (root / name).mkdir(parents=True)
        (root / "input/config/hyperparameters.json").write_text(json.dumps({**HYPERPARAMETERS, "num_round": rounds}))
        (root / "input/config/inputdataconfig.json").write_text(json.dumps({"train": {"ContentType": "text/csv", "TrainingInputMode": "File"}}))
        (root / "input/config/resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}))
        (root / "input/data/train/train.csv").write_text(world.train_csv)
        environment = {"PATH": os.environ["PATH"], "OMP_WAIT_POLICY": "PASSIVE", "TIDEMILL_ML_ROOT": folder}
        start = time.monotonic()
        subprocess.run([str(BINARY), "train", "xgboost"], check=True, stdout=subprocess.DEVNULL, env=environment)
        return time.monotonic() - start


def measure(quick):
    # Ten rounds, because with more, the noise of training exceeds the overhead.
    rounds, repeats = "10", 5 if quick else 15
    with Server() as server:
        world = World(server)
        world.train_job(rounds)
        ours = median(world.train_job(rounds)[1] for _ in range(repeats)) * 1000
        bare = median(bare_seconds(world, rounds) for _ in range(repeats)) * 1000
    return [
        Row(f"training job, {rounds} rounds on churn", "ms", ours, bare, "the program bare", "lower"),
        Row("overhead of that job", "ms", ours - bare, better="lower", target="300"),
    ]

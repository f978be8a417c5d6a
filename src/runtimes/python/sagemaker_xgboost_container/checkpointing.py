"""Checkpoints in the container's format: xgboost-checkpoint.<round> in /opt/ml/checkpoints."""
import os
import re
import tempfile

import xgboost
from xgboost.callback import TrainingCallback

CHECKPOINT_FILENAME = "xgboost-checkpoint"
_NAME = re.compile(CHECKPOINT_FILENAME + r"\.(\d+)")


def _found(folder):
    names = os.listdir(folder) if folder and os.path.isdir(folder) else []
    return sorted((int(match.group(1)), name) for name in names if (match := _NAME.fullmatch(name)))


def load_checkpoint(checkpoint_dir, max_try=5):
    """The newest file that can be loaded, and its number of rounds; (None, 0) when there is none."""
    for iteration, name in reversed(_found(checkpoint_dir)[-max_try:]):
        path = os.path.join(checkpoint_dir, name)
        try:
            xgboost.Booster().load_model(path)
        except xgboost.core.XGBoostError:
            continue
        return path, iteration + 1
    return None, 0


class SaveCheckpoint(TrainingCallback):
    """Writes checkpoints and keeps the newest of them."""

    def __init__(self, checkpoint_dir, start_iteration=0, max_to_keep=5, num_round=None, **_):
        super().__init__()
        self.checkpoint_dir, self.start_iteration, self.max_to_keep = checkpoint_dir, start_iteration, max_to_keep
        os.makedirs(checkpoint_dir, exist_ok=True)
        self.previous = {name for _, name in _found(checkpoint_dir)}

    def format_path(self, iteration):
        return os.path.join(self.checkpoint_dir, f"{CHECKPOINT_FILENAME}.{iteration}")

    def after_iteration(self, model, epoch, evals_log):
        # XGBoost tells formats by the file's extension.
        with tempfile.NamedTemporaryFile(dir=self.checkpoint_dir, suffix=".ubj", delete=False) as file:
            model.save_model(file.name)
        os.replace(file.name, self.format_path(self.start_iteration + epoch))
        for _, name in _found(self.checkpoint_dir)[:-self.max_to_keep]:
            if name not in self.previous:
                os.unlink(os.path.join(self.checkpoint_dir, name))
        return False


def save_checkpoint(checkpoint_dir, start_iteration=0, max_to_keep=5, num_round=None, **more):
    return SaveCheckpoint(checkpoint_dir, start_iteration, max_to_keep, num_round, **more)


def train(train_args, checkpoint_dir):
    """Runs xgboost.train(**train_args), continuing from the last checkpoint."""
    arguments = dict(train_args)
    model, done = load_checkpoint(checkpoint_dir)
    callbacks = list(arguments.get("callbacks") or [])
    arguments["callbacks"] = callbacks + [save_checkpoint(checkpoint_dir, start_iteration=done)]
    arguments["num_boost_round"] = arguments.get("num_boost_round", 10) - done
    arguments["xgb_model"] = model
    return xgboost.train(**arguments)

"""The container contract's folders. TIDEMILL_ML_ROOT moves them, for tests."""
import os
import pathlib

ML_ROOT = pathlib.Path(os.environ.get("TIDEMILL_ML_ROOT", "/opt/ml"))
INPUT = ML_ROOT / "input"
CONFIG = INPUT / "config"
DATA = INPUT / "data"
MODEL = ML_ROOT / "model"
OUTPUT = ML_ROOT / "output"
CODE = ML_ROOT / "code"
FAILURE = OUTPUT / "failure"

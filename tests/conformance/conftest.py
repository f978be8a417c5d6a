import os
import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def go_smoke(tmp_path_factory):
    """The program of tests/clients/go, built once."""
    if not shutil.which("go"):
        pytest.skip("there is no Go on this machine")
    program = os.environ.get("GO_SMOKE_PROGRAM", str(tmp_path_factory.mktemp("go") / "smoke"))
    if not Path(program).exists():
        subprocess.run(["go", "build", "-o", program, "."], check=True, env={**os.environ, "GOFLAGS": "-mod=readonly"},
                       cwd=Path(__file__).resolve().parents[1] / "clients/go")
    return program


@pytest.fixture(scope="session")
def go_identity(tmp_path_factory):
    """Builds tests/clients/go/identity once: it prints who the caller is, using an SDK without any configuration of its
    own."""
    if not shutil.which("go"):
        pytest.skip("there is no Go on this machine")
    program = str(tmp_path_factory.mktemp("go") / "identity")
    subprocess.run(["go", "build", "-o", program, "./identity"], check=True, env={**os.environ, "GOFLAGS": "-mod=readonly"},
                   cwd=Path(__file__).resolve().parents[1] / "clients/go")
    return program

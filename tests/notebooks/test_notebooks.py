"""Notebooks as a new user runs them: start the server, evaluate `tidemill env --transparent`, run the notebook unchanged.
They were written from the SDKs' documentation, one for each kind of image; nothing in them refers to Tidemill.

They run on the SDK's own environment (.cache/venvs/clients for v2, clients-v3 for v3), to which the kernel is added from
.cache/venvs/notebooks."""
import json
import os
import subprocess
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from support.server import BINARY, CLIENTS_PYTHON, ROOT, Server

HERE = Path(__file__).resolve().parent
PACKAGES = next((ROOT / ".cache/venvs/notebooks/lib").glob("python3*/site-packages"))
KERNEL = f"import site; site.addsitedir({str(PACKAGES)!r}); from ipykernel.kernelapp import launch_new_instance; launch_new_instance()"


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """The variables of a new user's shell after the two commands."""
    with Server(auth="verify") as server:
        home = tmp_path_factory.mktemp("home")
        script = f'eval "$({BINARY} env --data {server.data} --transparent)" && env -0'
        text = subprocess.run(["sh", "-euc", script], check=True, capture_output=True, text=True,
                              env={"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}).stdout
        yield dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)


def run(name, shell, folder, venv="clients"):
    python = ROOT / ".cache/venvs" / venv / "bin/python"
    manager = KernelManager()
    manager.kernel_spec.argv = [str(python), "-W", "ignore", "-c", KERNEL, "-f", "{connection_file}"]
    notebook = nbformat.read(HERE / f"{name}.ipynb", as_version=4)
    client = NotebookClient(notebook, km=manager, timeout=240, resources={"metadata": {"path": str(folder)}})
    environment = {**shell, "SAGEMAKER_SUPPRESS_V2_WARNING": "1", "IPYTHONDIR": str(folder), "JUPYTER_RUNTIME_DIR": str(folder)}
    try:
        client.execute(env=environment)
    except CellExecutionError as error:
        pytest.fail(f"{error.ename}: {error.evalue}\n{str(error)[-5000:]}", pytrace=False)


def has(module):
    return subprocess.run([CLIENTS_PYTHON, "-c", f"import {module}"], capture_output=True).returncode == 0


TRAINED = ["xgboost_built_in", "scikit_learn_script", "xgboost_script", "remote_function", "in_a_job"]
# Kinds of images that serve models trained elsewhere. Each notebook makes its model's file and compares the answers
# with the library that made the model.
SERVED = ["kmeans_built_in", "pca_built_in", "linear_learner_built_in", "lightgbm_model", "catboost_model", "onnx_model"]


@pytest.mark.parametrize("name", TRAINED + SERVED)
def test_sdk_v2(name, shell, tmp_path):
    run(name, shell, tmp_path)


def test_pytorch(shell, tmp_path):
    if not has("torch"):
        # PyPI's wheel has 540 MB and does not load without gigabytes of CUDA libraries; PyPI has no CPU-only wheel.
        # Debian's python3-torch brings 180 packages.
        pytest.skip("the interpreter of jobs has no torch; there is no pinned build of bearable size")
    run("pytorch_script", shell, tmp_path)


def test_sdk_v3(shell, tmp_path):
    run("model_trainer_v3", shell, tmp_path, venv="clients-v3")


def test_a_cell_installs_packages(shell, tmp_path):
    """pip reaches its index through a tunnel that is not read: it sees the index's own certificate."""
    asked = subprocess.run([CLIENTS_PYTHON, "-m", "pip", "download", "-q", "--no-deps", "--no-cache-dir", "--retries", "0", "--timeout", "15",
                            "-d", str(tmp_path), "six==1.17.0"], capture_output=True, text=True, env=os.environ, timeout=120)
    if asked.returncode != 0:
        pytest.skip("this machine reaches no package index over https")
    (tmp_path / "out").mkdir()
    done = subprocess.run([CLIENTS_PYTHON, "-m", "pip", "install", "-q", "--no-deps", "--no-cache-dir", "--target", str(tmp_path / "out"),
                           "six==1.17.0"], capture_output=True, text=True, timeout=120, env={**os.environ, **shell})
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "out/six.py").exists()
    with __import__("urllib.request").request.urlopen(shell["AWS_ENDPOINT_URL"] + "/_tidemill/metrics") as answer:
        opened = next(line for line in answer.read().decode().splitlines() if line.startswith("tidemill_tunnels_opened_total"))
    assert int(opened.split()[1]) >= 1 or "PIP_FIND_LINKS" in os.environ


def test_each_notebook_is_run_and_begins_as_strangers_do():
    named = {*TRAINED, *SERVED, "pytorch_script", "model_trainer_v3"}
    found = {path.stem for path in HERE.glob("*.ipynb")}
    assert found == named
    for name in found:
        code = [cell for cell in json.loads((HERE / f"{name}.ipynb").read_text())["cells"] if cell["cell_type"] == "code"]
        assert "get_execution_role()" in "".join(code[0]["source"]), name
        text = "".join("".join(cell["source"]) for cell in code).lower()
        assert not any(word in text for word in ("tidemill", "endpoint_url", "patch", "127.0.0.1", "localhost")), name

"""Files of a job."""
import contextlib
import json
import os
import shutil
import tempfile

from tidemill_common import code, paths


def write_success_file():
    (paths.OUTPUT / "success").touch()


def write_failure_file(failure_msg):
    """Writes the failure file; its first 1,024 characters become the job's FailureReason."""
    paths.OUTPUT.mkdir(parents=True, exist_ok=True)
    paths.FAILURE.write_text(failure_msg)


def write_file(path, data, mode="w"):
    with open(path, mode) as file:
        file.write(data)


def read_file(path, mode="r"):
    with open(path, mode) as file:
        return file.read()


def read_json(path):
    with open(path) as file:
        return json.load(file)


@contextlib.contextmanager
def tmpdir(suffix="", prefix="tmp", directory=None):
    folder = tempfile.mkdtemp(suffix=suffix, prefix=prefix, dir=directory)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def download_and_extract(uri, path):
    """Copies or unpacks a folder, a file or a .tar.gz, in S3 or local."""
    local = uri.removeprefix("file://")
    if not uri.startswith("s3://") and os.path.isfile(local) and not local.endswith((".tar.gz", ".tgz")):
        os.makedirs(path, exist_ok=True)
        shutil.copy2(local, path)
        return
    import pathlib
    code.fetch(uri, pathlib.Path(path))

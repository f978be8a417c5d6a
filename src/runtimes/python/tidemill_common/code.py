"""Fetches and unpacks the user's program, and installs its requirements."""
import importlib.metadata
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

from tidemill_common import s3

PACKAGES = ".tidemill_packages"  # next to the program; on PYTHONPATH


class CodeError(Exception):
    """The program could not be obtained; the message says why."""


def fetch(source, directory):
    """Fills `directory` from a sourcedir.tar.gz in S3 or on disk, or from a folder."""
    directory.mkdir(parents=True, exist_ok=True)
    local = pathlib.Path(source.removeprefix("file://"))
    if not source.startswith("s3://"):
        if local.is_dir():
            if local.resolve() != directory.resolve():
                shutil.copytree(local, directory, dirs_exist_ok=True)
            return
        if not local.is_file():
            raise CodeError(f"{source} does not exist")
        _unpack(local, directory)
        return
    with tempfile.NamedTemporaryFile(suffix=".tar.gz") as archive:
        s3.download(source, archive.name)
        _unpack(archive.name, directory)


def _unpack(archive, directory):
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(directory, filter="data")  # nothing is written outside of the directory
    except tarfile.TarError as error:
        raise CodeError(f"{archive} is no readable tar archive: {error}") from error


def _missing(requirements):
    """The requirements that the interpreter does not meet; None when a line cannot be checked here."""
    try:
        from pip._vendor.packaging.requirements import Requirement
    except ImportError:
        return None
    missing = []
    for line in requirements.read_text().splitlines():
        line = line.split(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        try:
            requirement = Requirement(line)
        except Exception:  # options, URLs and nested files are left to pip
            return None
        if requirement.marker and not requirement.marker.evaluate():
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(line)
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            missing.append(line)
    return missing


def _without_network():
    """The hint for packages that could not be fetched because the job has no network; "" when it has one."""
    network = os.environ.get("TIDEMILL_JOB_NETWORK", "host")
    if network == "none":
        return ("With EnableNetworkIsolation the job has no network: bring the packages along (pip wheel, then a line "
                "--no-index --find-links in requirements.txt). ")
    if network == "isolated":
        return ("The job reaches the Tidemill server and nothing else. Start the server with --tunnel jobs or --job-network "
                "host, install the packages for its --python interpreter, or bring them along as wheels. ")
    return ""


def install_requirements(directory):
    """Installs requirements.txt into the job's own folder; the host's packages are not changed."""
    requirements = directory / "requirements.txt"
    packages = directory / PACKAGES
    if not requirements.is_file():
        return packages
    missing = _missing(requirements)
    if missing == []:
        print("requirements.txt: everything is installed already", flush=True)
        return packages
    print(f"Installing requirements.txt into {packages}", flush=True)
    command = [sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check",
               "--quiet", "--target", str(packages), "-r", str(requirements)]
    hint = _without_network()
    if hint:
        command.append("--retries=1")  # waiting does not help when there is no network
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    sys.stdout.write(done.stdout)
    if done.returncode != 0:
        raise CodeError(f"pip install -r requirements.txt failed. {hint}\n{done.stderr[-3000:]}")
    return packages


def python_path(*folders):
    """PYTHONPATH, preceded by these folders."""
    existing = os.environ.get("PYTHONPATH", "")
    return os.pathsep.join([str(folder) for folder in folders] + ([existing] if existing else []))

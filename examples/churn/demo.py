"""The main job, end to end: a server of its own on a free port with a fresh data folder, then the
programs of this folder against it. What `./mill demo` runs.

    python demo.py --binary build/release/tidemill [--only boto3] [--keep DIRECTORY]
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = {
    "boto3": ("boto3", [sys.executable, str(HERE / "churn_boto3.py")]),
    "ab": ("two versions side by side", [sys.executable, str(HERE / "churn_ab.py")]),
    "cli": ("the AWS CLI", ["bash", str(HERE / "churn_cli.sh")]),
    "sagemaker-v2": ("the SageMaker Python SDK v2", [sys.executable, str(HERE / "churn_sagemaker_v2.py")]),
}


def start(binary, data):
    """Starts the server; returns its process and its endpoint once it is ready."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment.setdefault("TIDEMILL_PYTHON", sys.executable)  # it has the packages that the training script imports
    log = open(data.with_name(data.name + ".log"), "wb")
    process = subprocess.Popen([binary, "serve", "--data", str(data), "--listen", "127.0.0.1:0"],
                               stdout=log, stderr=log, env=environment)
    began = time.monotonic()
    while time.monotonic() - began < 20 and process.poll() is None:
        try:
            facts = json.loads((data / "server.json").read_text())
            return process, facts["endpoint"], time.monotonic() - began
        except (OSError, ValueError):
            time.sleep(0.002)
    raise SystemExit("the server did not start:\n" + pathlib.Path(log.name).read_text())


def client_environment(binary, data, program):
    # The SDK's program acts as the execution role; the other programs create roles of their own, as root.
    who = "--transparent" if program == "sagemaker-v2" else "--root"
    text = subprocess.run([binary, "env", "--data", str(data), "--format", "json", who], check=True,
                          capture_output=True, text=True).stdout
    programs = pathlib.Path(sys.executable).parent
    return {**os.environ, **json.loads(text), "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1",
            "SAGEMAKER_SUPPRESS_V2_WARNING": "1", "PYTHONWARNINGS": "ignore"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default="tidemill")
    parser.add_argument("--only", choices=PROGRAMS, action="append")
    options = parser.parse_args()
    binary = str(pathlib.Path(options.binary).resolve()) if os.sep in options.binary else options.binary

    data = pathlib.Path(tempfile.mkdtemp(prefix="tidemill-demo-"))
    process, endpoint, seconds = start(binary, data)
    print(f"Tidemill is ready on {endpoint} after {seconds * 1000:.0f} ms. Its data folder is {data}.")
    failed = []
    try:
        for name in options.only or PROGRAMS:
            environment = client_environment(binary, data, name)
            title, command = PROGRAMS[name]
            print(f"\n--- The main job through {title}", flush=True)
            began = time.monotonic()
            done = subprocess.run(command, env=environment, cwd=HERE, timeout=600)
            print(f"--- {title}: {'done' if done.returncode == 0 else 'FAILED'} in {time.monotonic() - began:.1f} s")
            if done.returncode != 0:
                failed.append(title)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        if not failed:
            shutil.rmtree(data, ignore_errors=True)
    if failed:
        raise SystemExit(f"\nfailed: {', '.join(failed)}; the server's log is {data}.log")
    print("""
How to go on:
  ./mill up                                          the server, in this terminal, with ./data
  eval "$(build/release/tidemill env --data data --transparent)"   in another one; then open any notebook
  examples/churn/README.md                           the programs that just ran
  curl -s $AWS_ENDPOINT_URL/_tidemill/metrics        what the server counts
  build/release/tidemill coverage, docs/coverage.md  which operations there are
  build/release/tidemill images                      which container images are known, and what runs them""")


if __name__ == "__main__":
    main()

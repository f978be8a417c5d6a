"""A Tidemill server for one test: started on a free port and ended by its process id."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from support import leftovers

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("TIDEMILL_BINARY", ROOT / "build/release/tidemill"))
CLIENTS_PYTHON = ROOT / ".cache/venvs/clients/bin/python"


class Server:
    """start() and kill() may alternate on the same data folder."""

    def __init__(self, auth="verify", data=None, options=(), environment=None, command=None,
                 host="127.0.0.1"):
        self.auth = auth
        self.host = host
        self.data = Path(data or tempfile.mkdtemp(prefix="tidemill-test-"))
        self.options = list(options)
        self.environment = environment or {}
        self.command = command or [str(BINARY)]
        self.process = None
        self.port = None
        self.log_path = self.data.with_name(self.data.name + ".log")

    def start(self, timeout_seconds=20):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TIDEMILL_"))}
        if CLIENTS_PYTHON.exists():
            environment["TIDEMILL_PYTHON"] = str(CLIENTS_PYTHON)
        environment.update(self.environment)
        listen = f"{self.host}:{self.port or 0}"
        self.log = open(self.log_path, "ab")
        ready = self.data / "server.json"
        ready.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [*self.command, "serve", "--data", str(self.data), "--listen", listen, "--auth", self.auth,
             *self.options],
            stdout=self.log, stderr=self.log, env=environment)
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.log_text()}")
            if ready.exists():
                try:
                    facts = json.loads(ready.read_text())
                except ValueError:
                    facts = None
                if facts and facts["pid"] == self.process.pid:
                    self.port = int(facts["endpoint"].rsplit(":", 1)[1])
                    return self
            time.sleep(0.002)
        self.kill()
        raise RuntimeError(f"the server was not ready in {timeout_seconds} s:\n{self.log_text()}")

    @property
    def endpoint(self):
        scheme = "https" if "--tls-key" in self.options else "http"
        return f"{scheme}://{self.host}:{self.port}"

    def log_text(self):
        return self.log_path.read_text(errors="replace")[-8000:]

    def env(self, *options):
        """The output of `tidemill env` as a dictionary, by default for the root key."""
        text = subprocess.run([*self.command, "env", "--data", str(self.data), "--format", "json", *(options or ["--root"])],
                              check=True, capture_output=True, text=True).stdout
        return json.loads(text)

    def shell_environment(self):
        keep = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        return {**keep, **self.env()}

    def session(self, **options):
        import boto3
        if self.auth == "any":
            values = {"AWS_ACCESS_KEY_ID": "123456789012", "AWS_SECRET_ACCESS_KEY": "x"}
        else:
            values = self.env()
        return boto3.session.Session(
            **{"aws_access_key_id": values["AWS_ACCESS_KEY_ID"],
               "aws_secret_access_key": values["AWS_SECRET_ACCESS_KEY"],
               "region_name": "us-east-1", **options})

    def client(self, service, config=None, **options):
        from botocore.config import Config
        base = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"})
        return self.session(**options).client(
            service, endpoint_url=self.endpoint, config=base.merge(config) if config else base)

    def get(self, path):
        with urllib.request.urlopen(self.endpoint + path, timeout=10) as response:
            return response.read().decode()

    def kill(self):
        """kill -9: like a power cut, except that the page cache survives."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout_seconds=20):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout_seconds)
        return self.process.returncode if self.process else None

    def close(self):
        """Stops the server, and ends the jobs and model servers that it would leave to its successor."""
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            leftovers.end_jobs(self.data)
            shutil.rmtree(self.data, ignore_errors=True)
            self.log_path.unlink(missing_ok=True)

    def __enter__(self):
        return self.start() if self.process is None else self

    def __exit__(self, *_):
        self.close()

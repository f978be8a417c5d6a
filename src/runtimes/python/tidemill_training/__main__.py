"""Runs the user's training script as SageMaker's training toolkit does."""
import os
import shlex
import signal
import subprocess
import sys
import threading

from tidemill_common import code, paths, s3
from tidemill_training import environment
from tidemill_training.failure import FAILURE_BYTES_MAX, failure_text

STDERR_KEPT_BYTES = 64 * 1024
STDERR_REST_SECONDS = 3


class Tail:
    """Passes a stream on as it arrives, and keeps its end."""

    def __init__(self, stream):
        self._stream = stream
        self._kept = b""
        # A daemon thread, because a process left by the script may hold the stream open forever.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while block := self._stream.read1(65536):
            self._kept = (self._kept + block)[-STDERR_KEPT_BYTES:]
            # Does not use sys.stderr, whose lock this thread would keep when the program ends.
            while block:
                block = block[os.write(2, block):]

    def text(self):
        """Passes on what the script wrote last. The script has ended: later output is not its own."""
        self._thread.join(STDERR_REST_SECONDS)
        return self._kept.decode("utf-8", "replace")


def command_line(program, arguments, directory):
    """The command for the entry point, chosen by its file extension."""
    if program.endswith(".py"):
        return [sys.executable, "-u", program, *arguments]
    if program.endswith(".sh"):
        return ["/bin/sh", "-c", " ".join(["./" + shlex.quote(program), *map(shlex.quote, arguments)])]
    if (directory / program / "__main__.py").exists() or (directory / program / "__init__.py").exists():
        return [sys.executable, "-u", "-m", program, *arguments]
    return [str(directory / program), *arguments]


def write_failure(text):
    paths.OUTPUT.mkdir(parents=True, exist_ok=True)
    paths.FAILURE.write_text(text)


def prepare(system):
    """The folder with the program and its packages; downloads it when the job does not have it yet."""
    program = system.get("program") or os.environ.get("SAGEMAKER_PROGRAM")
    if not program:
        raise code.CodeError("this image runs a script, and none is named: give the estimator an entry_point "
                             "(the hyperparameter sagemaker_program)")
    system["program"] = program
    source = system.get("submit_directory") or os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY")
    if not (paths.CODE / program).exists() and source:
        code.fetch(source, paths.CODE)
    if not (paths.CODE / program).exists():
        raise code.CodeError(f"the script {program} is not in {source or paths.CODE}")
    if program.endswith(".sh"):
        (paths.CODE / program).chmod(0o755)
    return program, code.install_requirements(paths.CODE)


def run(program, packages, user, system):
    """Runs the script until it ends; returns its exit code."""
    variables = environment.build(user, system)
    child_environment = {**os.environ, **variables, "PYTHONUNBUFFERED": "1",
                         "PYTHONPATH": code.python_path(paths.CODE, packages)}
    command = command_line(program, environment.user_arguments(user), paths.CODE)
    for folder in (paths.MODEL, paths.OUTPUT / "data"):
        folder.mkdir(parents=True, exist_ok=True)
    print("Invoking script with the following command:\n\n" + shlex.join(command) + "\n", flush=True)
    # In its own process group: a signal to the job's group comes only here and is passed on once.
    child = subprocess.Popen(command, cwd=paths.CODE, env=child_environment, stderr=subprocess.PIPE,
                             process_group=0)
    signal.signal(signal.SIGTERM, lambda number, frame: os.killpg(child.pid, number))
    tail = Tail(child.stderr)
    status = child.wait()
    exit_code = status if status >= 0 else 128 - status
    stderr = tail.text()
    if exit_code != 0 and not paths.FAILURE.exists():
        write_failure(failure_text(command, exit_code, stderr))
    return exit_code


def main():
    user, system = environment.split(environment.read_json("hyperparameters.json"))
    try:
        program, packages = prepare(system)
    except (code.CodeError, s3.S3Error, OSError) as error:
        write_failure(f"ClientError: {error}"[:FAILURE_BYTES_MAX])
        print(f"ClientError: {error}", file=sys.stderr, flush=True)
        return 1
    return run(program, packages, user, system)


if __name__ == "__main__":
    sys.exit(main())

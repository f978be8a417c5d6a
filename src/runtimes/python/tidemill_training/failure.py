"""Summarizes a failed script's standard error as the text of /opt/ml/output/failure."""
import os
import re
import shlex
import signal
import sys

FAILURE_BYTES_MAX = 1024  # the length of the job's FailureReason
TRACEBACK = "Traceback (most recent call last):"
# Text that native libraries add to their exceptions: XGBoost's "Stack trace:" and its frames.
NATIVE_FRAME = re.compile(r"\s*(\[bt\] \(\d+\) |Stack trace:$|Stack trace returned \d+ entries:$)")

# Python's messages when a job's network ends at the Tidemill server, with the proxy and without it.
NO_NETWORK = re.compile(r"Tunnel connection failed: 403|Failed to connect to proxy URL|[Nn]ame resolution"
                        r"|Name or service not known|Network is unreachable")
NETWORK_HINTS = {
    "isolated": "The job reaches the Tidemill server and nothing else, unless the server runs with --tunnel jobs or "
                "--job-network host.\n",
    "none": "With EnableNetworkIsolation the job has no network.\n",
}


def network_hint(text):
    """Why the network failed, if the sandbox was the reason; else ""."""
    hint = NETWORK_HINTS.get(os.environ.get("TIDEMILL_JOB_NETWORK", "host"), "")
    return hint if NO_NETWORK.search(text) else ""


def module_hint(text):
    """Which interpreter lacks a module, and how to install it there; "" when no module is missing."""
    return "" if "ModuleNotFoundError: No module named" not in text else \
        f"Jobs run on the server's own Python {sys.version.split()[0]} (setting --python), whose environment lacks this " \
        "module: Tidemill's README.md, 'Running it'.\n"


def without_native_frames(lines):
    return [line for line in lines if line.strip() and not NATIVE_FRAME.match(line)]


def exception_line(lines):
    """The first line after a traceback's frames, which are indented: "ValueError: no"."""
    return next((line for line in lines[1:] if not line[0].isspace()), None)


def signal_name(exit_code):
    try:
        return signal.Signals(exit_code - 128).name
    except ValueError:
        return f"exit code {exit_code}"


def failure_text(command, exit_code, stderr):
    """Puts the error itself first, since only the start is kept, then the end of the traceback."""
    has_trace = TRACEBACK in stderr
    trace = stderr[stderr.rfind(TRACEBACK):] if has_trace else stderr[-2000:]
    lines = without_native_frames(trace.strip().splitlines())
    silent = f"the script was ended by {signal_name(exit_code)}" if exit_code > 128 \
        else "the script wrote nothing to standard error"
    error = (exception_line(lines) if has_trace else None) or (lines[-1] if lines else silent)
    # The message must not reveal where this machine keeps its interpreter.
    shown = shlex.join([os.path.basename(command[0]), *command[1:]])
    head = (f'ExecuteUserScriptError:\nExitCode {exit_code}\nErrorMessage "{error}"\n'
            f'{network_hint(trace)}{module_hint(trace)}Command "{shown[:200]}"\n')[:FAILURE_BYTES_MAX - 100]
    room = FAILURE_BYTES_MAX - len(head)
    body = "\n".join(lines)
    return head + (body if len(body) <= room else "..." + body[len(body) - room + 3:])

"""What a failed script's standard error says, as the text of /opt/ml/output/failure."""
import re
import shlex

FAILURE_BYTES_MAX = 1024  # what becomes the job's FailureReason
TRACEBACK = "Traceback (most recent call last):"
# What native libraries add to their exceptions: XGBoost's "Stack trace:" and its frames.
NATIVE_FRAME = re.compile(r"\s*(\[bt\] \(\d+\) |Stack trace:$|Stack trace returned \d+ entries:$)")


def without_native_frames(lines):
    return [line for line in lines if line.strip() and not NATIVE_FRAME.match(line)]


def exception_line(lines):
    """The first line below a traceback's frames, which are indented: "ValueError: no"."""
    return next((line for line in lines[1:] if not line[0].isspace()), None)


def failure_text(command, exit_code, stderr):
    """The error itself first, since only the start is kept, then the end of the traceback."""
    has_trace = TRACEBACK in stderr
    trace = stderr[stderr.rfind(TRACEBACK):] if has_trace else stderr[-2000:]
    lines = without_native_frames(trace.strip().splitlines())
    error = (exception_line(lines) if has_trace else None) or (
        lines[-1] if lines else "the script wrote nothing to standard error")
    head = (f'ExecuteUserScriptError:\nExitCode {exit_code}\nErrorMessage "{error}"\n'
            f'Command "{shlex.join(command)[:200]}"\n')[:FAILURE_BYTES_MAX - 100]
    room = FAILURE_BYTES_MAX - len(head)
    body = "\n".join(lines)
    return head + (body if len(body) <= room else "..." + body[len(body) - room + 3:])

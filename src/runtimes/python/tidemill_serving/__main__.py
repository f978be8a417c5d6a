"""Loads the model and answers /ping and /invocations.

Listens on SAGEMAKER_BIND_TO_PORT (8080) of the loopback interface, or on TIDEMILL_BIND ("unix:/path").
"""
import os
import pathlib
import signal
import sys
import traceback

from tidemill_common import code, paths
from tidemill_serving import codecs, handlers, http_server


def find_code():
    """The folder with the inference script; fetched when SAGEMAKER_SUBMIT_DIRECTORY is in S3."""
    source = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    program = os.environ.get("SAGEMAKER_PROGRAM", "")
    for folder in (paths.CODE, paths.MODEL / "code"):
        if program and (folder / program).is_file():
            return folder
    if source.startswith("s3://") or source.endswith(".tar.gz"):
        code.fetch(source, paths.CODE)
        return paths.CODE
    if source and pathlib.Path(source).is_dir():
        return pathlib.Path(source)
    return paths.MODEL / "code"


def load():
    program = os.environ.get("SAGEMAKER_PROGRAM", "")
    module = None
    if not program and (paths.MODEL / "code" / "inference.py").is_file():
        program = "inference.py"
    if program:
        os.environ["SAGEMAKER_PROGRAM"] = program
        directory = find_code()
        packages = code.install_requirements(directory)
        sys.path.insert(0, str(packages))
        os.chdir(directory)
        module = handlers.load_module(directory, program)
    ready = handlers.Handlers(module)
    ready.load()
    return ready


def answer(ready, request):
    """Status, content type and body; the text of an error is what the client sees in ModelError."""
    if request.path == "/ping":
        return 200, "text/plain", b""
    if request.path == "/execution-parameters":
        return 200, "application/json", (b'{"MaxConcurrentTransforms":1,"BatchStrategy":"MULTI_RECORD",'
                                         b'"MaxPayloadInMB":6}')
    if request.path != "/invocations":
        return 404, "text/plain", b"only /ping and /invocations are here"
    if request.method != "POST":
        return 405, "text/plain", b"/invocations takes POST"
    try:
        content_type, body = ready.invoke(request.body, request.headers.get("content-type", ""),
                                          request.headers.get("accept", ""))
        return 200, content_type, body
    except codecs.Unsupported as error:
        return error.status, "text/plain", str(error).encode()
    except Exception:
        text = traceback.format_exc()
        print(text, file=sys.stderr, flush=True)
        return 500, "text/plain; charset=utf-8", text.encode()


def main():
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0))
    os.environ.setdefault("SM_MODEL_DIR", str(paths.MODEL))
    try:
        ready = load()
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
        return 1
    address = os.environ.get("TIDEMILL_BIND") or os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080")
    listener = http_server.listen(address)
    print(f"Model loaded, listening on {address}", flush=True)
    http_server.Server(listener, lambda request: answer(ready, request)).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())

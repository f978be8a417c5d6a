"""The cost of the Python model server itself: a model that returns a constant, kept connections over a unix socket.

Beside it the same behind FastAPI on uvicorn, a bare ASGI application on uvicorn, and WSGI on gunicorn, one
worker each, driven by the same client in the same run. The client is a process of its own with one
thread and plain sockets, so with one connection it measures round trips and with sixteen the server's rate.

    python bench/model_server.py [--seconds 3] [--python INTERPRETER_WITH_PEERS]
"""
import argparse
import os
import pathlib
import select
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
RUNTIME = ROOT / "src/runtimes/python"
REQUEST = (b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nAccept: application/json\r\n"
           b"X-Amzn-SageMaker-Custom-Attributes: none\r\nContent-Length: 15\r\n\r\n1.0,2.0,3.0,4.0")

TIDEMILL = """
def model_fn(model_dir): return 0.5
def transform_fn(model, body, content_type, accept): return '[0.5]', 'application/json'
"""
FASTAPI = """
from fastapi import FastAPI, Request, Response
app = FastAPI()
@app.post("/invocations")
async def invoke(request: Request):
    await request.body()
    return Response("[0.5]", media_type="application/json")
"""
ASGI = """
async def app(scope, receive, send):
    await receive()
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"application/json"), (b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"[0.5]"})
"""
WSGI = """
def app(environ, start_response):
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "5")])
    return [b"[0.5]"]
"""


def servers(folder, python):
    path = str(folder / "socket")
    for name, script in (("fast", FASTAPI), ("asgi", ASGI), ("wsgi", WSGI)):
        (folder / f"{name}.py").write_text(script)
    (folder / "model/code").mkdir(parents=True)
    (folder / "model/code/inference.py").write_text(TIDEMILL)
    own = {"PYTHONPATH": str(RUNTIME), "TIDEMILL_ML_ROOT": str(folder), "TIDEMILL_SOCKET_PATH": path}
    uvicorn = [python, "-m", "uvicorn", "--uds", path, "--no-access-log", "--log-level", "warning"]
    gunicorn = [python, "-m", "gunicorn", "-b", "unix:" + path, "--log-level", "warning", "--keep-alive", "60"]
    return path, [("tidemill_serving", [python, "-m", "tidemill_serving"], own),
                  ("uvicorn, bare ASGI", uvicorn + ["asgi:app"], {}),
                  ("uvicorn, FastAPI", uvicorn + ["fast:app"], {}),
                  ("gunicorn, gthread", gunicorn + ["-k", "gthread", "--threads", "16", "wsgi:app"], {})]


def connect(path, count):
    deadline = time.monotonic() + 20
    while True:
        try:
            streams = []
            for _ in range(count):
                streams.append(socket.socket(socket.AF_UNIX))
                streams[-1].connect(path)
            return streams
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def rate(path, count, seconds):
    """Answers a second with `count` connections that each ask again as soon as they have their answer."""
    streams = {stream.fileno(): stream for stream in connect(path, count)}
    poll = select.epoll()
    for fd, stream in streams.items():
        poll.register(fd, select.EPOLLIN)
        stream.sendall(REQUEST)
    answers, began, deadline = 0, None, time.monotonic() + 0.5
    while True:
        now = time.monotonic()
        if now > deadline:
            if began is None:
                answers, began, deadline = 0, now, now + seconds
            else:
                break
        for fd, _ in poll.poll(5):
            data = streams[fd].recv(65536)
            if not data.endswith(b"[0.5]"):
                if data and data.startswith(b"HTTP/1.1 200") or data == b"":
                    if not data:
                        raise SystemExit("the server closed a connection")
                    continue
                raise SystemExit(f"an answer that is none: {data[:200]}")
            answers += 1
            streams[fd].sendall(REQUEST)
    for stream in streams.values():
        stream.close()
    return answers / (now - began)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        path, all_servers = servers(folder, options.python)
        for server, command, environment in all_servers:
            if os.path.exists(path):
                os.unlink(path)
            process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment},
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            try:
                results[server] = [rate(path, count, options.seconds) for count in (1, 16)]
            except (OSError, SystemExit) as error:
                print(f"{server}: {error}", file=sys.stderr)
            finally:
                process.terminate()
                process.wait()
    base = results["tidemill_serving"]
    print(f"{'':22}{'1 connection':>24}{'16 connections':>24}")
    for server, rates in results.items():
        print(f"{server:22}" + "".join(f"{each:>14,.0f}/s {own / each:>6.1f} x" for each, own in zip(rates, base)))


if __name__ == "__main__":
    main()

"""The time from start to ready, idle memory, the size of the binary. Peer: moto_server."""
import time

from measure import BENCH_BIN, Peer, Row, answers, free_port, median, resident_mebibytes
from support.server import BINARY, Server


def measure(quick):
    times = []
    for _ in range(3 if quick else 10):
        server = Server()
        start = time.monotonic()
        server.start()
        while not answers(server.endpoint + "/_tidemill/health"):
            time.sleep(0.001)
        times.append((time.monotonic() - start) * 1000)
        server.close()
    with Server() as server:
        time.sleep(1)
        memory = resident_mebibytes(server.process.pid)
    port = free_port()
    with Peer([str(BENCH_BIN / "moto_server"), "-p", str(port)], f"http://127.0.0.1:{port}/moto-api/") as moto:
        moto_ready = moto.ready_seconds * 1000
        moto_memory = resident_mebibytes(moto.process.pid)
    size = BINARY.stat().st_size / (1 << 20)
    return [
        Row("start to ready (a new data folder)", "ms", median(times), moto_ready, "moto_server", "lower", "100"),
        Row("idle memory", "MiB", memory, moto_memory, "moto_server", "lower", "60"),
        Row("size of the binary", "MiB", size, better="lower"),
    ]

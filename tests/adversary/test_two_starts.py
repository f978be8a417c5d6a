"""Two servers start on the same new data folder at the same time: one runs, the other names the process that uses it,
and the folder can be started again afterwards."""
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from support.server import BINARY, Server
from support.waiting import wait_until


def begin(folder):
    return subprocess.Popen([str(BINARY), "serve", "--data", str(folder), "--listen", "127.0.0.1:0"],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_one_runs_and_the_folder_stays_whole():
    for _ in range(6):
        folder = Path(tempfile.mkdtemp(prefix="tidemill-two-")) / "data"
        both = [begin(folder), begin(folder)]
        try:
            wait_until(lambda: (folder / "server.json").exists() and any(each.poll() is not None for each in both), 20)
            ended = [each for each in both if each.poll() is not None]
            assert len(ended) == 1 and re.search(r"in use|used by", ended[0].stdout.read())
        finally:
            for each in both:
                if each.poll() is None:
                    each.terminate()
                each.communicate(timeout=20)
        with Server(data=folder) as again:
            again.client("s3").list_buckets()
        shutil.rmtree(folder.parent)

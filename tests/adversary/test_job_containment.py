"""Training jobs and model servers that attack the machine, each other and the server."""
import json
import os
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
from helpers import aws_error, unique, wait_until  # noqa: E402
from sagemaker_world import SCIKIT_LEARN, XGBOOST, World, tar_gz  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="without root jobs are not contained")


@pytest.fixture(scope="module")
def world(server):
    return World(server)


def said(world, script, **changes):
    """Runs the script, which must complete, and returns the JSON in its last line of output."""
    name = world.start(script, **changes)
    job = world.finished(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    lines = [line for line in world.job_log(name).splitlines() if line.startswith("{")]
    return json.loads(lines[-1])


@pytest.fixture(scope="module")
def victim(world):
    """Starts a long job with secrets in its hyperparameters, environment and folder."""
    name = world.start("""
import os, time
open(os.environ["SM_MODEL_DIR"] + "/weights", "w").write("the weights")
print("ready", flush=True)
time.sleep(300)
""", {"secret": "hyper-secret"}, Environment={"SECRET": "environment-secret"})
    wait_until(lambda: "ready" in world.job_log(name))
    yield name
    world.sm.stop_training_job(TrainingJobName=name)


def test_a_job_sees_nothing_of_another(world, server, victim):
    found = said(world, f"""
import glob, json, os, subprocess
DATA = {str(server.data)!r}
def attempt(action):
    try: return action()
    except OSError as error: return type(error).__name__
def everywhere(kind):
    text = b""
    for path in glob.glob("/proc/[0-9]*/" + kind):
        try: text += open(path, "rb").read()
        except OSError: pass
    return text
walked = [os.path.join(folder, name) for root in (DATA, "/tmp", "/var/tmp", "/dev/shm", "/sys/fs/cgroup")
          for folder, _, names in os.walk(root) for name in names]
print(json.dumps({{
    "weights": [path for path in walked if path.endswith("weights")],
    "records": [path for path in walked if path.endswith((".db", "root-key.json", "root-encryption-key.json", "spec.json"))],
    "names": [path for path in walked if {victim!r} in path],
    "command lines": b"hyper-secret" in everywhere("cmdline"),
    "environments": b"environment-secret" in everywhere("environ"),
    "data": attempt(lambda: os.listdir(DATA + "/training")),
    "processes": len(glob.glob("/proc/[0-9]*")),
    "mounts": {victim!r} in open("/proc/self/mountinfo").read(),
}}))
""")
    assert found["weights"] == found["records"] == found["names"] == []
    assert not found["command lines"] and not found["environments"] and not found["mounts"]
    assert found["data"] in ("FileNotFoundError", "PermissionError")
    assert found["processes"] < 8


def test_each_job_has_a_user_of_its_own(world, victim):
    script = "import json, os; print(json.dumps({'user': os.getuid()}))"
    users = {said(world, script)["user"] for _ in range(3)}
    assert len(users) == 3 and min(users) >= 200_000


def test_a_fork_bomb_stops_at_its_limit(world):
    """2,000 forks used to succeed."""
    found = said(world, """
import json, os, time
made = 0
try:
    for _ in range(3000):
        if os.fork() == 0:
            time.sleep(20); os._exit(0)
        made += 1
except BlockingIOError:
    pass
print(json.dumps({"made": made}), flush=True)
os._exit(0)
""")
    assert 500 < found["made"] < 1024


def test_dangerous_calls_are_refused(world):
    found = said(world, """
import ctypes, errno, json, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def tried(number, *arguments):
    answer = libc.syscall(*[ctypes.c_long(each) for each in (number, *arguments)])
    return errno.errorcode.get(ctypes.get_errno()) if answer < 0 else "worked"
def family(name):
    try: socket.socket(getattr(socket, name), socket.SOCK_SEQPACKET); return "worked"
    except OSError as error: return errno.errorcode[error.errno]
print(json.dumps({"unshare": tried(272, 0x10000000), "clone": tried(56, 0x10000000 | 17, 0, 0, 0, 0),
    "clone3": tried(435, 0, 0), "ptrace": tried(101, 16, 1, 0, 0), "keyctl": tried(250, 0, 0), "bpf": tried(321, 0, 0, 0),
    "mount": tried(165, 0, 0, 0, 0, 0), "perf": tried(298, 0, 0, 0, 0, 0), "handles": tried(304, 0, 0, 0),
    "vsock": family("AF_VSOCK"), "alg": family("AF_ALG"),
    "status": open("/proc/self/status").read()}))
""")
    status = found.pop("status")
    assert "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status and "CapEff:\t0000000000000000" in status
    assert found.pop("clone3") == "ENOSYS" and found.pop("vsock") == found.pop("alg") == "EAFNOSUPPORT"
    assert set(found.values()) == {"EPERM"}, found


def test_whoever_fills_the_volume_is_ended_and_told_so(world):
    job = world.run("""
import os
block, number = os.urandom(1 << 20), 0
while True:
    with open(f"/tmp/{number % 7}-{number}", "wb") as file:
        for _ in range(64): file.write(block)
    number += 1
""")
    assert job["TrainingJobStatus"] == "Failed"
    assert "No space left on device" in job["FailureReason"] and "VolumeSizeInGB" in job["FailureReason"]


def test_shared_memory_is_the_jobs_and_goes_with_it(world):
    """4 GB used to stay in memory after a job was killed."""
    def shared_bytes():
        return int(next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("Shmem:")).split()[1]) << 10

    size, before = 400 << 20, shared_bytes()
    name = world.start(f"""
import time
with open("/dev/shm/{unique('left')}", "wb") as file:
    for _ in range({size >> 20}): file.write(b"x" * (1 << 20))
print("filled", flush=True)
time.sleep(300)
""")
    wait_until(lambda: "filled" in world.job_log(name))
    assert shared_bytes() - before > size // 2
    assert not list(Path("/dev/shm").glob("left*"))
    world.sm.stop_training_job(TrainingJobName=name)
    world.finished(name)
    wait_until(lambda: shared_bytes() - before < size // 4)


def test_nothing_is_left_of_a_job(world, server):
    """Nothing is left: no daemons, temporary files, System V memory, control groups or folders."""
    mark = unique("daemon")
    name = world.start(f"""
import os, subprocess, sys, time
subprocess.run(["ipcmk", "-M", "1048576"], check=True)
open("/tmp/{mark}", "w"); open("/var/tmp/{mark}", "w"); open("/dev/shm/{mark}", "w")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        subprocess.Popen(["sh", "-c", "trap '' TERM; while :; do sleep 1; done", "{mark}"])
        time.sleep(300)
    os._exit(0)
time.sleep(0.5)
""")
    assert world.finished(name)["TrainingJobStatus"] == "Completed"

    def left():
        lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
        folders = [each.name for below in ("jobs", "training") for each in (server.data / below).iterdir()]
        groups = [each for each in Path("/sys/fs/cgroup").glob("**/tidemill/*") if name in each.name]
        return [line for line in lines if mark.encode() in line] + [each for each in folders if name in each] + groups

    wait_until(lambda: not left())
    assert not [folder for folder in ("/tmp", "/var/tmp", "/dev/shm") if (Path(folder) / mark).exists()]
    assert "1048576" not in Path("/proc/sysvipc/shm").read_text()


def test_deep_folders_fail_by_name_and_are_removed(world, server):
    """Three thousand levels of folders used to make uploads and clean-up fail forever."""
    name = world.start("""
import os
os.chdir(os.environ["SM_MODEL_DIR"])
for _ in range(3000): os.mkdir("ab"); os.chdir("ab")
""")
    job = world.finished(name)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Artifact upload failed") and "deep" in job["FailureReason"]
    assert str(server.data) not in job["FailureReason"]
    wait_until(lambda: not [each for each in (server.data / "training").iterdir() if name in each.name])


def test_libraries_go_on_working(world):
    """Data science code still gets what it needs: processes, pools, shared memory, threads."""
    found = said(world, """
import json, multiprocessing, os, tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import shared_memory
import joblib, numpy, sklearn.ensemble, xgboost


def double(value): return 2 * value


if __name__ == "__main__":
    block = shared_memory.SharedMemory(create=True, size=1000)
    block.buf[:4] = b"abcd"
    answers = {"shared": bytes(block.buf[:4]).decode()}
    block.close(); block.unlink()
    with ProcessPoolExecutor(2) as pool: answers["pool"] = list(pool.map(double, [1, 2]))
    with multiprocessing.get_context("spawn").Pool(2) as pool: answers["spawn"] = pool.map(double, [3])
    answers["joblib"] = joblib.Parallel(2)(joblib.delayed(double)(value) for value in [5, 6])
    rows, target = numpy.random.rand(200, 3), numpy.arange(200) % 2
    sklearn.ensemble.RandomForestClassifier(4, n_jobs=2).fit(rows, target)
    xgboost.train({"nthread": 2}, xgboost.DMatrix(rows, target), 2)
    with tempfile.NamedTemporaryFile() as file: file.write(b"x")
    print(json.dumps(answers))
""")
    assert found == {"shared": "abcd", "pool": [2, 4], "spawn": [6], "joblib": [10, 12]}


def test_a_vpc_that_is_not_there_is_refused(world):
    request = world.job_request(unique("vpc"), "train.py", {"train.py": ""})
    with aws_error("ValidationException", containing="VpcConfig"):
        world.sm.create_training_job(**request, VpcConfig={"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]})


def test_a_model_servers_folder_is_its_own(world, server, victim):
    name = world.deploy(SCIKIT_LEARN, world.put(unique("m") + "/model.tar.gz", tar_gz({"code/inference.py": f"""
import glob, json, os
# The toolkit, and the certificates that everybody may have.
PUBLIC = tuple({str(server.data)!r} + name for name in ("/runtimes/", "/trust/authority.pem", "/trust/bundle.pem", "/trust/truststore.jks"))
def model_fn(folder): return None
def transform_fn(model, body, content_type, accept):
    found = [os.path.join(at, each) for at, _, names in os.walk({str(server.data)!r}) for each in names]
    return json.dumps({{"user": os.getuid(), "found": [path for path in found if not path.startswith(PUBLIC)],
                       "processes": len(glob.glob("/proc/[0-9]*"))}}), "application/json"
"""})), {"SAGEMAKER_PROGRAM": "inference.py"})
    wait_until(lambda: world.sm.describe_endpoint(EndpointName=name)["EndpointStatus"] != "Creating", 60)
    answer = json.loads(world.runtime.invoke_endpoint(EndpointName=name, Body=b"x", ContentType="text/plain")["Body"].read())
    assert answer["user"] >= 200_000 and answer["found"] == [] and answer["processes"] < 12
    assert not (server.data / "endpoints").stat().st_mode & 0o077
    world.sm.delete_endpoint(EndpointName=name)


def test_a_damaged_model_is_checked_by_a_process_without_rights(world):
    """Untrusted models are loaded in a separate process whose crash is reported. The limits of that process are tested
    in compute/."""
    name = world.deploy(XGBOOST, world.put(unique("m") + "/model.tar.gz", tar_gz({"xgboost-model": b"binf" + os.urandom(4096)})))
    wait_until(lambda: world.sm.describe_endpoint(EndpointName=name)["EndpointStatus"] != "Creating", 60)
    described = world.sm.describe_endpoint(EndpointName=name)
    assert described["EndpointStatus"] == "Failed" and "cannot be loaded" in described["FailureReason"]
    world.sm.delete_endpoint(EndpointName=name)

"""Clients in jobs that ignore AWS_ENDPOINT_URL and HTTPS_PROXY: AWS's own names lead to the server through a resolver
and doors at the http and https ports in the job's network. A job finds itself as algo-1, the name in its
resourceconfig.json."""
import json
import os
import shutil
from pathlib import Path

import pytest

from helpers import wait_until
from sagemaker_world import World
from support.server import ROOT, Server

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give jobs networks of their own")

# Runs before each script and removes the variables that would lead to the server directly.
BY_NAMES = """
import json, os, socket, subprocess, sys, time, urllib.request
for name in ("AWS_ENDPOINT_URL", "S3_ENDPOINT_URL", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"):
    os.environ.pop(name, None)
found = {}
"""
REPORTED = """
json.dump(found, open("/opt/ml/model/found.json", "w"))
"""


@pytest.fixture(scope="module")
def world(server):
    return World(server)


def reported(world, script, hyperparameters=None, **changes):
    job = world.run(BY_NAMES + script + REPORTED, hyperparameters, **changes)
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), world.job_log(job["TrainingJobName"])[-3000:])
    return json.loads(world.unpack(job["ModelArtifacts"]["S3ModelArtifacts"])["found.json"])


def test_boto3(world):
    found = reported(world, """
import boto3
from botocore.config import Config
bucket = os.environ["SM_HP_BUCKET"]
found["arn"] = boto3.client("sts").get_caller_identity()["Arn"]
s3 = boto3.client("s3", region_name="us-west-2")
s3.put_object(Bucket=bucket, Key="from/a job", Body=b"x" * 300_000)
found["url"] = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "from/a job"}).split("/")[2]
found["object"] = len(s3.get_object(Bucket=bucket, Key="from/a job")["Body"].read())
found["dualstack"] = len(boto3.client("s3", config=Config(use_dualstack_endpoint=True)).get_object(Bucket=bucket, Key="from/a job")["Body"].read())
found["plain"] = len(boto3.client("s3", endpoint_url="http://s3.us-east-1.amazonaws.com").get_object(Bucket=bucket, Key="from/a job")["Body"].read())
try:
    boto3.client("sagemaker-runtime", region_name="eu-central-1").invoke_endpoint(EndpointName="none", Body=b"1")
except Exception as error:
    found["runtime"] = error.response["Error"]["Code"]
""", {"bucket": world.bucket})
    assert ":assumed-role/" in found.pop("arn")
    assert found == {"object": 300_000, "dualstack": 300_000, "plain": 300_000, "url": f"{world.bucket}.s3.amazonaws.com",
                     "runtime": "AccessDeniedException"}


def test_names_are_found_as_each_resolver_does(world):
    found = reported(world, """
def addresses(name, port=443):
    begun = time.monotonic()
    try:
        return sorted({each[4][0] for each in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)})
    except socket.gaierror as error:
        return [error.strerror, time.monotonic() - begun < 1]
for name in ("sts.us-east-1.amazonaws.com", "s3.eu-west-1.amazonaws.com", "bucket.s3.us-west-2.amazonaws.com", "S3.AMAZONAWS.COM",
             "runtime.sagemaker.us-east-1.amazonaws.com", "sagemaker.us-east-1.api.aws", "s3.cn-north-1.amazonaws.com.cn",
             "algo-1", "localhost", "pypi.org", "amazonaws.com.evil.example", "algo-2"):
    found[name] = addresses(name)
found["own"] = addresses(socket.gethostname())
found["current"] = addresses(json.load(open("/opt/ml/input/config/resourceconfig.json"))["current_host"])

def question(name):
    labels = b"".join(bytes([len(label)]) + label for label in name.encode().split(b"."))
    return b"\\x12\\x34\\x01\\0\\0\\1\\0\\0\\0\\0\\0\\0" + labels + b"\\0\\0\\1\\0\\1"
# Asks as c-ares and Go's resolver do: by UDP, then by TCP if the answer says so.
asked = question("sts.us-east-1.amazonaws.com")
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
    datagrams.settimeout(5)
    datagrams.sendto(b"junk", ("127.0.0.1", 53))
    datagrams.sendto(asked, ("127.0.0.1", 53))
    found["udp"] = datagrams.recv(4096)[-4:].hex()
with socket.create_connection(("127.0.0.1", 53), timeout=5) as stream:
    for _ in range(2):
        whole = len(asked).to_bytes(2, "big") + asked
        stream.sendall(whole[:7])
        time.sleep(0.05)
        stream.sendall(whole[7:])
        found["tcp"] = stream.recv(4096)[-4:].hex()
found["pip"] = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
""")
    here = ["127.0.0.1"]
    unknown = ["Name or service not known", True]
    for name in ("pypi.org", "amazonaws.com.evil.example", "algo-2"):
        assert found.pop(name) == unknown, name
    assert found.pop("localhost") in (here, ["127.0.0.1", "::1"])
    assert found.pop("udp") == found.pop("tcp") == "7f000001"
    assert found.pop("pip") == {"PIP_RETRIES": "1", "PIP_DEFAULT_TIMEOUT": "5"}
    assert set(map(tuple, found.values())) == {tuple(here)}, found


def test_curl(world):
    found = reported(world, """
def curl(*arguments):
    return subprocess.run(["curl", "-sS", "-i", "--max-time", "10", *arguments], capture_output=True, text=True).stdout
found["https"] = curl("https://sts.us-east-1.amazonaws.com/_tidemill/health")
found["http"] = curl("http://sts.us-east-1.amazonaws.com/_tidemill/health")
found["bucket"] = curl("https://some-bucket.s3.us-west-2.amazonaws.com/key")
# The name in TLS and the Host of the request must be the same.
found["other"] = curl("-H", "Host: iam.amazonaws.com", "https://sts.us-east-1.amazonaws.com/_tidemill/health")
found["metrics"] = curl("http://sts.us-east-1.amazonaws.com/_tidemill/metrics")
other = subprocess.run(["curl", "-sS", "--max-time", "10", "--connect-to", "example.com:443:127.0.0.1:443", "https://example.com/"],
                       capture_output=True, text=True)
found["foreign"] = [other.returncode, other.stderr]
""")
    assert found["https"].startswith("HTTP/1.1 200") and '"ok"' in found["https"]
    assert found["http"].startswith("HTTP/1.1 200")
    assert "<Code>AccessDenied</Code>" in found["bucket"]
    assert found["other"].startswith("HTTP/1.1 421")
    assert found["metrics"].startswith("HTTP/1.1 403")
    assert found["foreign"][0] == 35 and "unrecognized name" in found["foreign"][1].lower(), found["foreign"]


def test_the_sdk_for_javascript(world):
    """It reads NODE_EXTRA_CA_CERTS but no proxy variables: without AWS_ENDPOINT_URL only names lead it here."""
    modules = Path(ROOT, "tests/clients/js/node_modules").resolve()
    if not shutil.which("node") or not modules.is_dir():
        pytest.skip("there is no Node on this machine")
    found = reported(world, """
program = '''
import { createRequire } from "node:module";
const require = createRequire(process.env.SM_HP_MODULES + "/");
const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");
const { S3Client, PutObjectCommand, GetObjectCommand } = require("@aws-sdk/client-s3");
const arn = (await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn;
const s3 = new S3Client({ region: "us-west-2" });
const at = { Bucket: process.env.SM_HP_BUCKET, Key: "from node" };
await s3.send(new PutObjectCommand({ ...at, Body: "hello" }));
const body = await (await s3.send(new GetObjectCommand(at))).Body.transformToString();
// c-ares, which Node resolves with when a program asks for records: it reads resolv.conf itself.
const dns = require("node:dns").promises;
const records = await dns.resolve4("a-bucket.s3.eu-west-1.amazonaws.com");
const unknown = await dns.resolve4("pypi.org").catch(error => error.code);
console.log(JSON.stringify([arn, body, records, unknown]));
'''
open("/tmp/ask.mjs", "w").write(program)
done = subprocess.run(["node", "/tmp/ask.mjs"], capture_output=True, text=True, timeout=60)
found["out"], found["error"] = done.stdout, done.stderr[-2000:]
""", {"bucket": world.bucket, "modules": str(modules)})
    assert found["out"], found["error"]
    arn, *others = json.loads(found["out"])
    assert ":assumed-role/" in arn and others == ["hello", ["127.0.0.1"], "ENOTFOUND"]


def test_the_sdk_for_go_with_gos_own_resolver(world, go_identity):
    found = reported(world, """
os.chmod("identity", 0o755)
for resolver in ("go", "cgo"):
    done = subprocess.run([os.path.abspath("identity")], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "GODEBUG": "netdns=" + resolver})
    found[resolver] = [done.stdout, done.stderr[-2000:]]
""", files={"identity": Path(go_identity).read_bytes()})
    for resolver, (out, error) in found.items():
        assert ":assumed-role/" in out, (resolver, error)


def test_java(world):
    """Java gets its key store from JAVA_TOOL_OPTIONS; the proxy that is named there as well is not used."""
    if not shutil.which("javac"):
        pytest.skip("there is no Java on this machine")
    found = reported(world, """
open("/tmp/Ask.java", "w").write('''
import java.net.*;
public class Ask { public static void main(String[] arguments) throws Exception {
  URL url = new URL("https://sts.us-east-1.amazonaws.com/_tidemill/health");
  HttpURLConnection c = (HttpURLConnection) url.openConnection(Proxy.NO_PROXY);
  System.out.println(c.getResponseCode() + " " + c.getHeaderField("Server"));
  try { InetAddress.getByName("pypi.org"); } catch (UnknownHostException e) { System.out.println("unknown"); }
}}''')
done = subprocess.run(["java", "/tmp/Ask.java"], capture_output=True, text=True, timeout=120)
found["out"], found["error"] = done.stdout, done.stderr[-2000:]
""")
    assert found["out"].splitlines() == ["200 Tidemill", "unknown"], found


def test_with_network_isolation_a_job_knows_itself_and_nobody_else(world):
    world.put("isolated/train.py", BY_NAMES + """
for name in ("algo-1", "localhost", "sts.us-east-1.amazonaws.com", "pypi.org"):
    begun = time.monotonic()
    try:
        found[name] = socket.gethostbyname(name)
    except socket.gaierror as error:
        found[name] = time.monotonic() - begun < 2
begun = time.monotonic()
subprocess.run([sys.executable, "-m", "pip", "download", "a-package-that-is-nowhere"], capture_output=True)
found["pip"] = time.monotonic() - begun < 8
""" + REPORTED)
    job = world.run("", EnableNetworkIsolation=True, InputDataConfig=[world.channel("code", "isolated/")], HyperParameters={
        "sagemaker_program": '"train.py"', "sagemaker_submit_directory": '"/opt/ml/input/data/code"'})
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    found = json.loads(world.unpack(job["ModelArtifacts"]["S3ModelArtifacts"])["found.json"])
    assert found == {"algo-1": "127.0.0.1", "localhost": "127.0.0.1", "sts.us-east-1.amazonaws.com": True, "pypi.org": True, "pip": True}


def test_in_the_hosts_network_a_job_knows_itself_too():
    with Server(options=["--job-network", "host"]) as server:
        found = reported(World(server), """
found["own"] = socket.gethostbyname("algo-1")
found["localhost"] = socket.gethostbyname("localhost")
""")
    assert found == {"own": "127.0.0.1", "localhost": "127.0.0.1"}


def test_names_lead_to_a_restarted_server():
    with Server() as server:
        world = World(server)
        name = world.start(BY_NAMES + """
import boto3
print("asked", boto3.client("sts").get_caller_identity()["Arn"], flush=True)
time.sleep(5)  # the server is killed and started again
for _ in range(100):
    time.sleep(0.2)
    try:
        found["arn"] = boto3.client("sts").get_caller_identity()["Arn"]
        break
    except Exception as error:
        print(type(error).__name__, flush=True)
""" + REPORTED)
        wait_until(lambda: "asked" in world.job_log(name))
        server.kill()
        server.start()
        job = world.finished(name)
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        found = json.loads(world.unpack(job["ModelArtifacts"]["S3ModelArtifacts"])["found.json"])
        assert ":assumed-role/" in found["arn"]

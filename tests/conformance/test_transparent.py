"""Transparent mode: clients that call AWS's own host names, with only what `tidemill env` prints.

`shell` is the environment of a new user. `names` is the same without AWS_ENDPOINT_URL, so that every call goes to
https://<service>.<region>.amazonaws.com through CONNECT, with certificates of the local authority."""
import json
import os
import shutil
import socket
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import unique, wait_until
from support.server import BINARY, ROOT, Server

VENVS = ROOT / ".cache/venvs"
ROLE = "AmazonSageMaker-ExecutionRole-Tidemill"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
ROLE_ARN = f"arn:aws:iam::123456789012:role/service-role/{ROLE}"


def shell_of(server, *options, home="/nonexistent", **before):
    base = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **before}
    script = f'eval "$({BINARY} env --data {server.data} {" ".join(options)})" && env -0'
    text = subprocess.run(["sh", "-euc", script], check=True, capture_output=True, text=True, env=base).stdout
    return dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)


@pytest.fixture(scope="module")
def shell(server, tmp_path_factory):
    return shell_of(server, "--transparent", home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def names(shell):
    return {name: value for name, value in shell.items() if name != "AWS_ENDPOINT_URL"}


def run(command, environment, status=0, cwd="/tmp", **options):
    done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True, timeout=180, cwd=cwd, **options)
    assert done.returncode == status, (done.stdout[-1500:], done.stderr[-3000:])
    return done.stdout


def python(program, environment, venv="clients"):
    return json.loads(run([VENVS / venv / "bin/python", "-W", "ignore", "-c", program], environment).strip().splitlines()[-1])


# The first cell of a stranger's notebook: 552 of 646 public notebooks begin like this.

FIRST_CELL = """
import json, sagemaker
role = sagemaker.get_execution_role()
session = sagemaker.Session()
bucket = session.default_bucket()
print(json.dumps([role, bucket]))
"""
FIRST_CELL_V3 = """
import json
from sagemaker.core.helper.session_helper import Session, get_execution_role
role = get_execution_role()
session = Session()
bucket = session.default_bucket()
print(json.dumps([role, bucket]))
"""
FIRST_CELL_CORE = """
import json
from sagemaker_core.helper.session_helper import Session, get_execution_role
role = get_execution_role()
session = Session()
bucket = session.default_bucket()
print(json.dumps([role, bucket]))
"""


@pytest.mark.parametrize("program, venv", [(FIRST_CELL, "clients"), (FIRST_CELL_CORE, "clients"), (FIRST_CELL_V3, "clients-v3")],
                         ids=["sdk-v2", "sagemaker-core", "sdk-v3"])
@pytest.mark.parametrize("with_endpoint", [True, False], ids=["endpoint", "names"])
def test_a_strangers_first_cell(shell, names, program, venv, with_endpoint):
    assert python(program, shell if with_endpoint else names, venv) == [ROLE_ARN, "sagemaker-us-east-1-123456789012"]


CALLS = """
import boto3, json
from botocore.config import Config
bucket, out = %r, {}
def error(call):
    try: call()
    except Exception as e: return e.response["Error"]["Code"]
s3 = boto3.client("s3")
s3.create_bucket(Bucket=bucket)
s3.put_object(Bucket=bucket, Key="a key/ü", Body=b"x" * 200_000)
out["host"] = s3.meta.endpoint_url
out["object"] = len(s3.get_object(Bucket=bucket, Key="a key/ü")["Body"].read())
out["dualstack"] = len(boto3.client("s3", config=Config(use_dualstack_endpoint=True)).list_objects_v2(Bucket=bucket)["Contents"])
out["fips"] = len(boto3.client("s3", config=Config(use_fips_endpoint=True)).list_objects_v2(Bucket=bucket)["Contents"])
out["path"] = len(boto3.client("s3", config=Config(s3={"addressing_style": "path"})).list_objects_v2(Bucket=bucket)["Contents"])
url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a key/ü"})
import urllib.request
out["presigned"] = [url.split("/")[2], len(urllib.request.urlopen(url).read())]
out["arn"] = boto3.client("sts").get_caller_identity()["Arn"]
out["arn_fips"] = boto3.client("sts", config=Config(use_fips_endpoint=True)).get_caller_identity()["Arn"]
out["role"] = boto3.client("iam").get_role(RoleName=out["arn"].split("/")[1])["Role"]["Path"]
out["jobs"] = boto3.client("sagemaker", region_name="eu-central-1").list_training_jobs()["TrainingJobSummaries"]
out["endpoint"] = error(lambda: boto3.client("sagemaker-runtime").invoke_endpoint(EndpointName="none", Body=b"1"))
out["logs"] = boto3.client("logs").describe_log_groups(logGroupNamePrefix="/aws/none")["logGroups"]
out["logs_dualstack"] = boto3.client("logs", config=Config(use_dualstack_endpoint=True)).describe_log_groups(logGroupNamePrefix="/aws/none")["logGroups"]
out["denied"] = error(lambda: boto3.client("iam").create_role(RoleName="x", AssumeRolePolicyDocument="{}"))
print(json.dumps(out))
"""


def test_boto3_by_awss_own_names(names):
    bucket = unique("names")
    found = python(CALLS % bucket, names)
    assert found.pop("arn").startswith(f"arn:aws:sts::123456789012:assumed-role/{ROLE}/")
    assert found.pop("arn_fips").startswith(f"arn:aws:sts::123456789012:assumed-role/{ROLE}/")
    assert found == {"host": "https://s3.amazonaws.com", "object": 200_000, "dualstack": 1, "fips": 1, "path": 1,
                     "presigned": [f"{bucket}.s3.amazonaws.com", 200_000], "role": "/service-role/", "jobs": [], "logs": [], "logs_dualstack": [],
                     "endpoint": "ValidationError", "denied": "AccessDenied"}


def test_boto3_1_26_by_awss_own_names(names):
    assert python("import boto3, json; print(json.dumps(boto3.client('sts').get_caller_identity()['Arn']))", names, "clients-old").endswith("/tidemill-env")


@pytest.mark.parametrize("program", ["venvs/clients/bin/aws", "awscli-v2/aws"])
def test_the_cli(shell, names, program):
    cli = VENVS.parent / program
    if not cli.exists():
        pytest.skip("AWS's build of the CLI v2 is for x86-64 alone")
    for environment in (shell, names):
        assert json.loads(run([cli, "sts", "get-caller-identity"], environment))["Account"] == "123456789012"
    bucket = unique("cli")
    run([cli, "s3", "mb", f"s3://{bucket}"], names)
    run([cli, "s3", "cp", "-", f"s3://{bucket}/k"], names, input="hello")
    assert run([cli, "s3", "cp", f"s3://{bucket}/k", "-"], names) == "hello"


def test_javascript(shell):
    program = ("import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';"
               "console.log((await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn)")
    done = run(["node", "--input-type=module", "-e", program], shell, cwd=ROOT / "tests/clients/js")
    assert f":assumed-role/{ROLE}/" in done


def test_javascript_trusts_the_local_authority(server, shell):
    """Node's SDK uses no proxy, but for libraries that do (undici, https-proxy-agent) the certificate is trusted."""
    program = f"""
import http from 'node:http'; import tls from 'node:tls';
http.request({{host: '127.0.0.1', port: {server.port}, method: 'CONNECT', path: 'sts.amazonaws.com:443'}}).on('connect', (answer, socket) => {{
  const secure = tls.connect({{socket, servername: 'sts.amazonaws.com'}}, () => {{ console.log(answer.statusCode, secure.authorized); process.exit(0); }});
  secure.on('error', e => {{ console.log(e.message); process.exit(1); }});
}}).end();"""
    assert run(["node", "--input-type=module", "-e", program], shell).strip() == "200 true"


def test_go(names, go_identity):
    assert f":assumed-role/{ROLE}/" in run([go_identity], names)


def test_java(server, shell, tmp_path):
    if not shutil.which("javac"):
        pytest.skip("there is no Java on this machine")
    (tmp_path / "Ask.java").write_text("""
import java.net.*; import java.io.*;
public class Ask { public static void main(String[] arguments) throws Exception {
  HttpURLConnection c = (HttpURLConnection) new URL("https://sts.us-east-1.amazonaws.com/_tidemill/health").openConnection();
  System.out.println(c.getResponseCode() + " " + c.getHeaderField("Server"));
}}""")
    assert "200 Tidemill" in run(["java", tmp_path / "Ask.java"], shell, cwd=tmp_path)


def test_curl(server, names):
    assert "Tidemill" in run(["curl", "-sSi", "https://sts.us-east-1.amazonaws.com/"], names)
    assert "<Code>AccessDenied</Code>" in run(["curl", "-sS", "https://some-bucket.s3.amazonaws.com/key"], names)


def test_plain_http_names_of_aws(server):
    """Absolute-form requests, which clients send because of HTTP_PROXY; they are served only for AWS's names."""
    proxied = {"PATH": os.environ["PATH"], "http_proxy": server.endpoint, "no_proxy": ""}
    assert "Tidemill" in run(["curl", "-sSi", "http://sts.us-east-1.amazonaws.com/"], proxied)
    assert "501 Not Implemented" in run(["curl", "-sSi", "http://example.com/"], proxied)


# Requests that are refused.

def connect(server, target, version="1.1", headers=""):
    wire = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    wire.sendall(f"CONNECT {target} HTTP/{version}\r\nHost: {target}\r\n{headers}\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = wire.recv(4096)
        if not piece:
            break
        answer += piece
    return wire, answer.decode()


def trusting(server):
    context = ssl.create_default_context(cafile=server.data / "trust/authority.pem")
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_connect_answers_with_a_certificate_of_that_host_alone(server, version):
    wire, answer = connect(server, "sts.us-east-1.amazonaws.com:443", version)
    assert answer.startswith("HTTP/1.1 200 ") and "content-length" not in answer.lower() and "close" not in answer.lower()
    secure = trusting(server).wrap_socket(wire, server_hostname="sts.us-east-1.amazonaws.com")
    names_in = [value for kind, value in secure.getpeercert()["subjectAltName"]]
    assert names_in == ["sts.us-east-1.amazonaws.com"]
    secure.sendall(b"GET /_tidemill/health HTTP/1.1\r\nHost: sts.us-east-1.amazonaws.com\r\n\r\n")
    assert secure.recv(12) == b"HTTP/1.1 200"


def test_the_name_of_tls_and_of_the_requests_is_that_of_connect(server):
    wire, _ = connect(server, "sts.us-east-1.amazonaws.com:443")
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        trusting(server).wrap_socket(wire, server_hostname="iam.amazonaws.com")
    wire, _ = connect(server, "sts.us-east-1.amazonaws.com:443")
    secure = trusting(server).wrap_socket(wire, server_hostname="sts.us-east-1.amazonaws.com")
    for host in ("iam.amazonaws.com", "localhost", f"127.0.0.1:{server.port}"):
        secure.sendall(f"GET /_tidemill/health HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert secure.recv(65536).startswith(b"HTTP/1.1 421 ")


@pytest.mark.parametrize("target, status, said", [
    ("127.0.0.1:22", 403, "loopback"), ("localhost:80", 403, "loopback"), ("[::1]:80", 403, "loopback"), ("0.0.0.0:80", 403, "not the address"),
    ("169.254.169.254:80", 403, "link-local"), ("[::ffff:127.0.0.1]:80", 403, "loopback"), ("2130706433:80", 403, "loopback"),
    ("0x7f000001:80", 403, "loopback"), ("sts.amazonaws.com:80", 403, "443"), ("no.such.host.invalid:443", 502, "no.such.host.invalid"),
    ("nohost", 400, ""), ("a:b", 400, ""), ("/path", 400, ""), ("http://a/:443", 400, ""), (":443", 400, "")])
def test_targets_that_no_tunnel_leads_to(server, target, status, said):
    wire, answer = connect(server, target)
    assert answer.startswith(f"HTTP/1.1 {status} "), answer
    text = answer + (wire.recv(4096).decode() if said and said not in answer else "")
    assert said in text


def test_no_tunnel_leads_to_the_server_itself(server):
    for target in (f"127.0.0.1:{server.port}", f"localhost:{server.port}", f"{socket.gethostname()}:{server.port}"):
        assert connect(server, target)[1].split()[1] in ("403", "502"), target


def test_connect_with_a_body_and_inside_of_a_tunnel(server):
    _, answer = connect(server, "sts.amazonaws.com:443", headers="Content-Length: 3\r\n\r\nabc")
    assert answer.startswith("HTTP/1.1 400 ")
    wire, _ = connect(server, "sts.amazonaws.com:443")
    secure = trusting(server).wrap_socket(wire, server_hostname="sts.amazonaws.com")
    secure.sendall(b"CONNECT iam.amazonaws.com:443 HTTP/1.1\r\nHost: iam.amazonaws.com:443\r\n\r\n")
    assert secure.recv(4096).startswith(b"HTTP/1.1 501 ")


def test_the_setting_refuses_tunnels_but_not_awss_names():
    with Server(auth="verify", options=["--tunnel", "off"]) as server:
        wire, answer = connect(server, "example.com:443")
        assert answer.startswith("HTTP/1.1 403 ")
        assert connect(server, "sts.amazonaws.com:443")[1].startswith("HTTP/1.1 200 ")


# The local authority and the execution role.

def test_the_authority_is_private_and_stays_the_same(server):
    folder = server.data / "authority"
    assert stat.S_IMODE((folder / "authority-key.pem").stat().st_mode) == 0o600
    bundle = (server.data / "trust/bundle.pem").read_text()
    authority = (folder / "authority.pem").read_text()
    assert authority in bundle and bundle.count("BEGIN CERTIFICATE") > 50, "the machine's own certificates are not there"
    assert "PRIVATE" not in bundle
    text = run(["openssl", "x509", "-in", folder / "authority.pem", "-noout", "-text"], {"PATH": os.environ["PATH"]})
    assert "Name Constraints: critical" in text and "DNS:amazonaws.com" in text and "pathlen:0" in text


def test_the_execution_role_is_made_once():
    with Server(auth="verify") as server:
        iam = server.client("iam")
        role = iam.get_role(RoleName=ROLE)["Role"]
        assert role["Arn"] == ROLE_ARN
        policy = iam.list_role_policies(RoleName=ROLE)["PolicyNames"][0]
        actions = [action for statement in iam.get_role_policy(RoleName=ROLE, PolicyName=policy)["PolicyDocument"]["Statement"]
                   for action in statement["Action"]]
        assert {action for action in actions if action.startswith("iam:")} == {
            "iam:GetRole", "iam:PassRole", "iam:ListRolePolicies", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:SimulatePrincipalPolicy"}
        assert not [action for action in actions if action in ("*", "iam:*", "sts:*")]
        token = server.env("--transparent")["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        iam.delete_role_policy(RoleName=ROLE, PolicyName=policy)
        iam.delete_role(RoleName=ROLE)
        server.kill()
        server.start()
        assert ROLE not in [one["RoleName"] for one in server.client("iam").list_roles()["Roles"]]
        # A new shell is refused, and shells that act as the role are told why.
        done = subprocess.run([BINARY, "env", "--data", server.data], capture_output=True, text=True)
        assert done.returncode == 1 and f"there is no role {ROLE}" in done.stderr and "--root" in done.stderr and done.stdout == "false\n"
        import urllib.error
        import urllib.request
        address = f"{server.endpoint}/_tidemill/credentials/shell.123456789012.{ROLE}"
        ask = urllib.request.Request(address, headers={"Authorization": token})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(ask, timeout=10)
        assert refused.value.code == 403 and "--role NAME" in refused.value.read().decode()


def test_env_takes_another_role_or_the_root_key(server):
    name = unique("analyst")
    server.client("iam").create_role(RoleName=name, Path="/people/", AssumeRolePolicyDocument=TRUST)
    program = "import boto3, json; print(json.dumps(boto3.client('sts').get_caller_identity()['Arn']))"
    assert python(program, shell_of(server, "--role", name)) == f"arn:aws:sts::123456789012:assumed-role/{name}/tidemill-env"
    assert python(program, shell_of(server, "--root")) == "arn:aws:iam::123456789012:root"
    assert subprocess.run([BINARY, "env", "--data", server.data, "--root", "--role", name], capture_output=True).returncode == 2


ELSEWHERE = {f"AWS_ENDPOINT_URL_{name}": "http://127.0.0.1:1" for name in
             ("S3", "STS", "IAM", "SAGEMAKER", "SAGEMAKER_RUNTIME", "CLOUDWATCH_LOGS")}


@pytest.mark.parametrize("before", [ELSEWHERE, {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}], ids=["servers", "ignored"])
@pytest.mark.parametrize("options", [(), ("--root",), ("--transparent",)])
def test_env_sets_the_users_own_settings_aside(server, tmp_path, options, before):
    (tmp_path / "config").write_text("[profile prod]\naws_access_key_id = AKIAREALREALREALREAL\naws_secret_access_key = x\n")
    shell = shell_of(server, *options, AWS_PROFILE="prod", AWS_CONFIG_FILE=str(tmp_path / "config"),
                     AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "config"), **before)
    program = """
import boto3, json
for name, call in (("s3", "list_buckets"), ("sagemaker", "list_endpoints"), ("logs", "describe_log_groups")):
    getattr(boto3.client(name), call)()
print(json.dumps([boto3.client("sts").get_caller_identity()["Account"], boto3.Session().available_profiles]))
"""
    account, profiles = python(program, shell)
    assert account == "123456789012" and "prod" not in profiles, profiles


def test_env_says_when_no_server_is_running():
    with Server() as one:
        command = [BINARY, "env", "--data", one.data]
        assert subprocess.run(command, capture_output=True, text=True).stderr == ""
        one.stop()
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0 and "no server is running" in done.stderr and "127.0.0.1:4566" in done.stderr, done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="acts as another user, which takes root")
def test_env_tells_another_user_whose_the_data_folder_is(server):
    done = subprocess.run([BINARY, "env", "--data", server.data], capture_output=True, text=True, user=65534, group=65534, extra_groups=[])
    assert done.returncode == 1 and "belongs to another user" in done.stderr, done.stderr


def test_a_shells_token_opens_its_own_role_only(server):
    import urllib.error
    import urllib.request
    env = server.env("--transparent")
    url, token = env["AWS_CONTAINER_CREDENTIALS_FULL_URI"], env["AWS_CONTAINER_AUTHORIZATION_TOKEN"]

    def ask(where, word):
        try:
            return urllib.request.urlopen(urllib.request.Request(where, headers={"Authorization": word}), timeout=10).status
        except urllib.error.HTTPError as error:
            return error.code
    assert ask(url, token) == 200
    name = unique("other")
    server.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    assert [ask(url.replace(ROLE, name), token), ask(url, token[:-1]), ask(url, ""), ask(url, "0" * 64)] == [403] * 4


def test_env_sets_the_users_own_profiles_aside(server, tmp_path):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text("[default]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\n")
    script = f'eval "$({BINARY} env --data {server.data})" && exec {VENVS}/clients/bin/python -c "import boto3; print(boto3.client(\'sts\').get_caller_identity()[\'Arn\'])"'
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_PROFILE": "work", "AWS_ACCESS_KEY_ID": "AKIAREAL", "AWS_SECRET_ACCESS_KEY": "real"}
    assert f":assumed-role/{ROLE}/" in run(["sh", "-euc", script], environment)


def test_env_adds_to_the_callers_no_proxy(server):
    text = subprocess.run([BINARY, "env", "--data", server.data, "--transparent", "--format", "json"], check=True, capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], "NO_PROXY": "intranet.example,localhost"}).stdout
    assert json.loads(text)["NO_PROXY"] == "localhost,127.0.0.1,::1,.localhost,intranet.example"


def test_any_credentials_mode_has_the_execution_role_too(open_server, tmp_path):
    assert python(FIRST_CELL, shell_of(open_server, "--transparent", home=tmp_path)) == [ROLE_ARN, "sagemaker-us-east-1-123456789012"]


def test_a_server_with_tls(tmp_path):
    """The proxy and the credentials are at the plain loopback address; the server's own certificate is trusted, and its
    key stays private."""
    both = tmp_path / "both.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-keyout", tmp_path / "key.pem", "-out", tmp_path / "certificate.pem", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    both.write_text((tmp_path / "key.pem").read_text() + (tmp_path / "certificate.pem").read_text())
    with Server(auth="verify", options=["--tls-certificate", str(both), "--tls-key", str(both)]) as server:
        environment = shell_of(server, "--transparent", home=tmp_path)
        assert environment["AWS_ENDPOINT_URL"].startswith("https://") and environment["HTTPS_PROXY"].startswith("http://127.0.0.1:")
        assert python(FIRST_CELL, environment) == [ROLE_ARN, "sagemaker-us-east-1-123456789012"]
        del environment["AWS_ENDPOINT_URL"]
        assert python(FIRST_CELL, environment) == [ROLE_ARN, "sagemaker-us-east-1-123456789012"]
        for path in (server.data / "trust").iterdir():
            assert b"PRIVATE KEY" not in path.read_bytes(), path
            assert stat.S_IMODE(path.stat().st_mode) == 0o644


# Pages for people.

def test_a_browser_gets_a_page(server):
    import urllib.error
    import urllib.request

    def get(path="/", **headers):
        try:
            with urllib.request.urlopen(urllib.request.Request(server.endpoint + path, headers=headers), timeout=10) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    status, headers, text = get(Accept=browser)
    assert status == 200 and headers["Content-Type"].startswith("text/html") and "default-src 'none'" in headers["Content-Security-Policy"]
    assert "'sagemaker&lt;3'" in text and "sagemaker.core.helper.session_helper" in text
    assert f"tidemill env --data {server.data} --transparent" in text and "/_tidemill/health" in text and "tidemill coverage" in text
    assert "<script" not in text and "http://" not in text.replace(server.endpoint, "")
    # A foreign name that was pointed here (DNS rebinding) reveals no path.
    assert str(server.data) not in get(Accept=browser, Host="evil.example")[2]
    # S3's clients are answered as before.
    assert get()[0] == 403 and get(Accept="*/*")[0] == 403
    assert get(Accept=browser, Host="some-bucket.localhost")[0] == 403
    assert get("/some-bucket", Accept=browser)[0] == 403
    assert isinstance(server.client("s3").list_buckets()["Buckets"], list)


def test_images_lists_what_runs_what():
    text = run([BINARY, "images"], {"PATH": os.environ["PATH"]})
    assert "sagemaker-xgboost" in text and "sagemaker-scikit-learn" in text and "host's Python" in text
    rows = json.loads(run([BINARY, "images", "--json"], {"PATH": os.environ["PATH"]}))
    assert {"Repository", "Training", "Hosting"} == set(rows[0])


def test_serve_says_what_its_interpreter_has(server):
    wait_until(lambda: "interpreter of script-mode jobs" in server.log_path.read_text(), 20)
    line = next(line for line in server.log_path.read_text().splitlines() if "interpreter of script-mode jobs" in line)
    assert "scikit-learn 1." in line and "joblib" in line and "pandas" in line and "torch" in line


def test_libraries_are_found_whatever_their_distribution_is_called(tmp_path):
    """xgboost-cpu installs the module xgboost; a distribution without its module does not count as a library."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "v"], check=True)
    site = next((tmp_path / "v" / "lib").glob("python3*/site-packages"))
    for module in ("xgboost", "joblib"):
        (site / module).mkdir()
        (site / module / "__init__.py").write_text("")
    for distribution, top in (("xgboost_cpu", "xgboost"), ("torch", "torch")):
        (info := site / f"{distribution}-3.1.dist-info").mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 3.1\n")
        (info / "top_level.txt").write_text(top + "\n")
    with Server(auth="any", options=["--python", str(tmp_path / "v" / "bin" / "python")]) as server:
        wait_until(lambda: "interpreter of script-mode jobs" in server.log_path.read_text(), 20)
        line = next(line for line in server.log_path.read_text().splitlines() if "interpreter of script-mode jobs" in line)
    has, lacks = line.split("has=")[1].split("lacks=")
    assert "xgboost 3.1" in has and "joblib" in has and "joblib" not in lacks and "torch" in lacks and "scikit-learn" in lacks, line


def test_serve_says_how_to_get_an_interpreter():
    with Server(auth="any", options=["--python", "no-such-python"]) as server:
        line = next(line for line in server.log_path.read_text().splitlines() if "no such interpreter" in line)
        assert "--python" in line and "README.md" in line

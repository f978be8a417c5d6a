"""The program as users see it: commands, settings and their sources, start and stop, the server's own paths, the
log."""
import json
import os
import re
import signal
import socket
import stat
import subprocess
import time

import pytest

from helpers import unique, wait_until
from support.raw import Signer, Wire, exchange, head
from support.server import BINARY, Server


def tidemill(*arguments, cwd=None, status=0, **variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TIDEMILL_"))}
    done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=30, cwd=cwd, env={**environment, **variables})
    assert done.returncode == status, done
    return done


def settings(*arguments, **how):
    return json.loads(tidemill("config", "--json", *arguments, **how).stdout)


def test_version():
    said = tidemill("version").stdout
    assert re.fullmatch(r"tidemill \d+\.\d+\.\d+\n", said)
    assert tidemill("--version").stdout == said


@pytest.mark.parametrize("arguments", [("--help",), ("serve", "--help"), ("env", "--help"), ("config", "--help"), ("coverage", "--help")])
def test_help(arguments):
    text = tidemill(*arguments).stdout
    assert "--help" in text
    if arguments == ("--help",):
        assert all(command in text for command in ("serve", "env", "config", "version", "coverage"))
    if arguments[0] == "serve":
        assert all(flag in text for flag in ("--data", "--listen", "--auth", "--tls-key", "--access-log"))
        words = " ".join(text.split())
        for choices in ("(debug, info, warning, error)", "(text, json)", "(all, errors, off)", "(loopback, jobs, off)"):
            assert choices in words, choices


@pytest.mark.parametrize("arguments, said", [
    ((), "subcommand"), (("brew",), "brew"), (("serve", "--brew"), "--brew"), (("serve", "--listen"), "--listen"), (("env", "--format", "yaml"), "yaml")])
def test_wrong_usage_exits_with_2_and_names_it(arguments, said):
    done = tidemill(*arguments, status=2)
    assert said in done.stdout + done.stderr


@pytest.mark.parametrize("arguments, said", [
    (("--auth", "maybe"), ("auth", "verify", "any", "maybe")), (("--workers", "many"), ("workers", "many")),
    (("--workers", "-1"), ("workers", "-1")), (("--listen", "nowhere"), ("HOST:PORT", "nowhere")),
    (("--listen", "127.0.0.1:99999"), ("99999",)), (("--listen", "127.0.0.1:x"), ("HOST:PORT",)), (("--log-level", "loud"), ("log-level", "loud")),
    (("--data", "/proc/none/data"), ("/proc/none/data",)), (("--config", "/nowhere.yaml"), ("/nowhere.yaml",)),
    (("--listen", "no.such.host.invalid:0"), ("no.such.host.invalid",)), (("--listen", "192.0.2.1:0"), ("192.0.2.1",)),
    (("--region", "mars"), ("region", "mars", "us-east-1", "eu-central-1")), (("--region", "us-eats-1"), ("us-eats-1",)),
    (("--region", "cn-north-1"), ("cn-north-1", "partition aws")), (("--region", ""), ("region",)),
    (("--workers", "0"), ("workers",)), (("--connections-max", "0"), ("connections-max",)),
    (("--listen", "127.0.0.1:70000"), ("from 0 to 65535",)), (("--config", "missing.yaml"), ("there is no file missing.yaml",)),
    (("--tls-key", "k.pem"), ("tls-key (from flag) needs tls-certificate",)),
    (("--tls-certificate", "c.pem"), ("tls-certificate (from flag) needs tls-key",)),
    (("--tls-certificate", "c.pem", "--tls-key", "k.pem"), ("cannot read the certificate c.pem: No such file or directory",)),
    (("--allowed-hosts", "http://a"), ("allowed-hosts", "'http://a'")), (("--allowed-hosts", "a,b:80"), ("allowed-hosts", "without scheme, port")),
    (("--domain", "http://a"), ("domain", "'http://a'"))])
def test_wrong_settings_exit_with_1_and_say_which(arguments, said, tmp_path):
    others = {"--data": str(tmp_path / "d"), "--listen": "127.0.0.1:0"}
    others.pop(arguments[0], None)
    done = tidemill("serve", *sum(others.items(), ()), *arguments, status=1)
    assert all(word in done.stderr for word in said), done.stderr


def test_settings_and_their_sources(tmp_path):
    (tmp_path / "tidemill.yaml").write_text("region: eu-west-1\nworkers: 7\nlog-level: debug\n")
    (tmp_path / "other.yaml").write_text("region: ap-south-1\n")
    defaults = settings(cwd="/")
    assert defaults["region"] == {"value": "us-east-1", "source": "default"} and defaults["auth"]["value"] == "verify"
    assert defaults["listen"]["value"] == "127.0.0.1:4566"

    found = settings("--log-level", "error", cwd=tmp_path, TIDEMILL_WORKERS="9")
    assert found["region"] == {"value": "eu-west-1", "source": "tidemill.yaml"}
    assert found["workers"] == {"value": "9", "source": "TIDEMILL_WORKERS"}
    assert found["log-level"] == {"value": "error", "source": "flag"}

    other = str(tmp_path / "other.yaml")
    assert settings(cwd=tmp_path, TIDEMILL_CONFIG=other)["region"] == {"value": "ap-south-1", "source": other}
    assert settings("--config", other, cwd=tmp_path)["workers"]["source"] == "default"
    text = tidemill("config", cwd=tmp_path).stdout
    assert re.search(r"^region +eu-west-1 +tidemill.yaml ", text, re.M)


@pytest.mark.parametrize("text, said", [("regoin: x\n", ("regoin", "line 1")), ("- a\n", ("mapping",)), ("region: [a\n", ("bad.yaml",)),
                                        ("region: {a: b}\n", ("bad.yaml",)), ("auth: perhaps\n", ("auth", "bad.yaml", "perhaps")), ("workers: 1e9\n", ("workers",))])
def test_a_bad_configuration_file(tmp_path, text, said):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    done = tidemill("config", "--config", str(path), status=1)
    assert all(word in done.stderr for word in said), done.stderr


def test_an_empty_configuration_file_is_fine(tmp_path):
    (tmp_path / "tidemill.yaml").write_text("")
    assert settings(cwd=tmp_path)["region"]["source"] == "default"


def test_a_misspelt_variable_is_named():
    assert "TIDEMILL_REGOIN" in tidemill("config", status=1, TIDEMILL_REGOIN="x").stderr


def test_a_bad_value_in_a_variable_names_the_variable():
    assert "TIDEMILL_AUTH" in tidemill("config", status=1, TIDEMILL_AUTH="maybe").stderr


def test_variables_configure_the_server():
    with Server(auth="verify", environment={"TIDEMILL_REGION": "eu-north-1", "TIDEMILL_ACCESS_LOG": "all"}) as server:
        assert exchange(server, head("GET", "/_tidemill/health", {})).status == 200


def test_coverage_is_json_that_counts_operations():
    coverage = json.loads(tidemill("coverage", "--json").stdout)
    assert coverage, "the coverage is empty"
    assert "s3" in json.dumps(coverage) and "PutObject" in json.dumps(coverage)


def test_coverage_for_people_is_a_table():
    counted = {name: len(operations) for name, operations in json.loads(tidemill("coverage", "--json").stdout).items()}
    text = tidemill("coverage").stdout
    assert re.match(r"service +implemented +in the model\n", text)
    rows = {row[1]: int(row[2]) for row in re.finditer(r"^(\S+) +(\d+) +\d+$", text, re.M)}
    assert rows == counted and counted["s3"] > 30
    assert "PutObject," in text and "docs/coverage.md" in text and max(map(len, text.splitlines())) <= 120


def test_env_evaluates_in_a_shell_and_serves_clients(server, tmp_path):
    script = f'eval "$({BINARY} env --data {server.data})" && env'
    lines = subprocess.run(["sh", "-euc", script], check=True, capture_output=True, text=True, env={"PATH": os.environ["PATH"]}).stdout
    found = dict(line.split("=", 1) for line in lines.splitlines() if "=" in line)
    assert found["AWS_ENDPOINT_URL"] == server.endpoint and found["AWS_DEFAULT_REGION"] == "us-east-1"
    # The variables that it exports are all that a client without other configuration needs.
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    import sys
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, timeout=60, env={
        "HOME": str(tmp_path), "PATH": os.environ["PATH"], **{k: v for k, v in found.items() if k.startswith("AWS_")}})
    assert re.fullmatch(r"\d{12}\n", done.stdout), done


def test_env_quotes_what_a_shell_would_take_apart(tmp_path):
    data = tmp_path / "it's a $(folder); `here`"
    with Server(auth="any", data=data):
        text = tidemill("env", "--data", str(data), "--auth", "any").stdout
        done = subprocess.run(["sh", "-euc", text + '\nprintf %s "$SAGEMAKER_USER_CONFIG_OVERRIDE"'], check=True, capture_output=True, text=True)
        assert done.stdout.startswith(str(data))


def test_env_refuses_a_role_that_does_not_exist(server):
    server.client("iam").create_role(RoleName=(known := unique("known")), AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))
    done = tidemill("env", "--data", str(server.data), "--role", "NoSuchRole", status=1)
    assert done.stdout == "false\n" and "NoSuchRole" in done.stderr
    assert known in done.stderr and "AmazonSageMaker-ExecutionRole-Tidemill" in done.stderr, "the roles that exist are listed"
    for wrong in ("a b", "x/", "arn:aws:iam::999999999999:role/" + known, "arn:aws-cn:iam::123456789012:role/" + known):
        assert wrong in tidemill("env", "--data", str(server.data), "--role", wrong, status=1).stderr
    for right in (known, f"arn:aws:iam::123456789012:role/{known}", f"path/{known}"):
        assert known in tidemill("env", "--data", str(server.data), "--role", right).stdout


def test_env_after_the_server_was_killed_warns():
    with Server(auth="verify") as server:
        server.kill()
        done = tidemill("env", "--data", str(server.data))
        assert "is the server running" in done.stderr and "AWS_ENDPOINT_URL" in done.stdout


def test_env_of_a_folder_that_never_served(tmp_path):
    done = tidemill("env", "--data", "x/../other", cwd=tmp_path, status=1)
    assert f"no Tidemill data in {tmp_path}/other. Give the --data that the server was started with" in done.stderr
    assert "root-key.json" not in done.stderr


@pytest.mark.parametrize("wrong", ["", "--brew", "--auth maybe", "--format yaml"])
def test_eval_of_a_failed_env_fails(tmp_path, wrong):
    script = f'eval "$({BINARY} env --data {tmp_path} {wrong} 2>/dev/null)" && echo went on'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert tidemill("env", "--data", str(tmp_path), "--format", "json", status=1).stdout == "", "JSON has no such word"


@pytest.mark.parametrize("host, auth, warns", [("0.0.0.0", "any", True), ("0.0.0.0", "verify", False), ("127.0.0.1", "any", False)])
def test_auth_any_beyond_this_machine_is_warned_of(tmp_path, host, auth, warns):
    data = tmp_path / "d"
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([BINARY, "serve", "--data", data, "--listen", f"{host}:0", "--auth", auth], stdout=log, stderr=log)
    try:
        wait_until((data / "server.json").exists, 20, 0.01)
    finally:
        process.terminate()
        process.wait(10)
    assert ("whoever reaches this address may do everything" in (tmp_path / "log").read_text()) == warns


def test_the_root_key_is_private_and_stays_the_same():
    with Server(auth="verify") as server:
        path = server.data / "root-key.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        before = server.env()
        assert before["AWS_ACCESS_KEY_ID"].startswith("AKIA") and len(before["AWS_SECRET_ACCESS_KEY"]) == 40
        assert before["AWS_SECRET_ACCESS_KEY"] not in server.log_text()
        server.kill()
        server.start()
        assert server.env() == before and path.read_text()
        server.client("sts").get_caller_identity()


def test_two_folders_have_two_keys(server):
    with Server(auth="verify") as other:
        assert other.env()["AWS_SECRET_ACCESS_KEY"] != server.env()["AWS_SECRET_ACCESS_KEY"]


def test_a_damaged_or_open_root_key_is_refused(tmp_path):
    with Server(auth="verify", data=tmp_path / "d") as server:
        server.stop()
        path = server.data / "root-key.json"
        good = path.read_text()
        for text, mode, said in (("{", 0o600, "damaged"), (good, 0o644, "chmod 600")):
            path.write_text(text)
            path.chmod(mode)
            done = tidemill("serve", "--data", str(server.data), "--listen", "127.0.0.1:0", status=1)
            assert said in done.stderr and "root-key.json" in done.stderr
        path.chmod(0o600)
        server.start()


def test_a_data_folder_in_use(server):
    done = tidemill("serve", "--data", str(server.data), "--listen", "127.0.0.1:0", status=1)
    assert "in use" in done.stderr and str(server.process.pid) in done.stderr
    assert exchange(server, head("GET", "/_tidemill/health", {})).status == 200
    assert server.env()["AWS_ENDPOINT_URL"] == server.endpoint  # the server that could not start changed nothing


def test_a_port_in_use(server, tmp_path):
    done = tidemill("serve", "--data", str(tmp_path / "d"), "--listen", f"127.0.0.1:{server.port}", status=1)
    assert f"sport = :{server.port}" in done.stderr and "in use" in done.stderr and "--listen 127.0.0.1:0" in done.stderr
    assert not (tmp_path / "d" / "server.json").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_clean_stop_with_idle_connections(number):
    with Server(auth="any") as server:
        idle, fresh = Wire(server.port), Wire(server.port)
        assert idle.send(head("GET", "/_tidemill/health", {})).reply().status == 200
        partial = Wire(server.port).send(b"GET / HTT")
        begun = time.monotonic()
        server.process.send_signal(number)
        assert server.process.wait(10) == 0
        assert time.monotonic() - begun < 8
        assert idle.ended() and fresh.ended()
        partial.socket.close()
        assert not (server.data / "server.json").exists()
        assert "stopped" in server.log_text()
        server.start()
        assert exchange(server, head("GET", "/_tidemill/health", {})).status == 200


def test_a_stop_lets_requests_in_flight_finish():
    with Server(auth="any") as server:
        signer, bucket = Signer.of(server, "s3"), unique("stop")
        assert exchange(server, signer.request("PUT", f"/{bucket}")).status == 200
        body = b"s" * 3_000_000
        data = signer.request("PUT", f"/{bucket}/k", body=body)
        with Wire(server.port) as wire:
            wire.send(data[:-1000])
            time.sleep(0.2)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            wire.send(data[-1000:])
            assert wire.reply().status == 200
        assert server.process.wait(10) == 0
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", server.port), timeout=1)
        server.start()
        assert exchange(server, signer.request("GET", f"/{bucket}/k")).body == body


def test_health(server):
    reply = exchange(server, head("GET", "/_tidemill/health", {}))
    assert reply.status == 200 and json.loads(reply.body) == {"status": "ok"}


SAMPLE = re.compile(r'^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\n]*"(,[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\n]*")*\})? '
                    r"(-?[0-9.]+(e[+-]?[0-9]+)?|NaN|[+-]Inf)$")


def samples(server):
    reply = exchange(server, head("GET", "/_tidemill/metrics", {}))
    assert reply.status == 200 and reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    found, types = {}, {}
    for line in reply.text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types, f"{name} has two types"
            types[name] = kind
        elif not line.startswith("#"):
            assert SAMPLE.match(line), line
            name, value = line.rsplit(" ", 1)
            assert name not in found, f"{name} comes twice"
            found[name] = float(value)
    for name in found:
        base = name.split("{")[0]
        assert base in types or re.sub("_(bucket|sum|count)$", "", base) in types, f"{name} has no type"
    return found


def test_metrics_are_prometheus_text_and_rise(server):
    signer = Signer.of(server, "s3")
    exchange(server, signer.request("GET", "/"))
    name = 'tidemill_requests_total{service="s3",operation="ListBuckets",status="2xx"}'
    before = samples(server)
    for _ in range(5):
        exchange(server, signer.request("GET", "/"))
    exchange(server, Signer(signer.key, "wrong", "s3").request("GET", "/"))
    exchange(server, b"nonsense\r\n\r\n")
    after = samples(server)
    assert after[name] == before[name] + 5
    refused = name.replace("2xx", "4xx")
    assert after[refused] == before.get(refused, 0) + 1
    count = 'tidemill_request_duration_seconds_count{service="s3",operation="ListBuckets"}'
    assert after[count] == before[count] + 6
    buckets = [value for key, value in after.items() if key.startswith("tidemill_request_duration_seconds_bucket") and "ListBuckets" in key]
    assert buckets == sorted(buckets) and buckets[-1] == after[count]
    for key in ("tidemill_http_connections_accepted_total", "tidemill_http_bad_requests_total", "tidemill_http_received_bytes_total"):
        assert after[key] > before[key], key
    assert after["process_resident_memory_bytes"] > 1 << 20


def test_metrics_do_not_grow_with_what_clients_make_up(server):
    before = len(samples(server))
    for i in range(50):
        exchange(server, head("GET", f"/made-up-{i}/x?y={i}", {}))
        exchange(server, head("POST", "/", {"X-Amz-Target": f"Made.Up{i}", "Content-Length": "0"}))
        exchange(server, head(f"BREW{i}", "/", {}))
    assert len(samples(server)) < before + 100


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_access_log_has_the_request_id_that_the_client_saw(form):
    with Server(auth="verify", options=["--access-log", "all", "--log-format", form]) as server:
        signer = Signer.of(server, "s3")
        ids = {exchange(server, signer.request("GET", "/")).request_id(): 200,
               exchange(server, signer.request("GET", "/no-such-bucket/k%22%0Ax")).request_id(): 404,
               exchange(server, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").request_id(): 400}
        assert len(ids) == 3 and None not in ids
        server.stop()
        log = server.log_path.read_text()
        for request_id, status in ids.items():
            lines = [line for line in log.splitlines() if request_id in line]
            assert len(lines) == 1, (request_id, log)
            if form == "json":
                assert json.loads(lines[0])["status"] == status
            else:
                assert f"status={status}" in lines[0]
        if form == "json":
            assert all(json.loads(line) for line in log.splitlines())
        assert server.env()["AWS_SECRET_ACCESS_KEY"] not in log


def test_every_request_id_is_another(server):
    ids = {exchange(server, Signer.of(server, "s3").request("GET", "/")).request_id() for _ in range(20)}
    assert len(ids) == 20


def test_serve_keeps_working_when_its_log_is_closed(tmp_path):
    """The reader of the log may go away: a broken pipe must not end the server."""
    data = tmp_path / "d"
    process = subprocess.Popen([BINARY, "serve", "--data", data, "--listen", "127.0.0.1:0", "--access-log", "all", "--auth", "any"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        wait_until((data / "server.json").exists, 10, 0.01)
        endpoint = json.loads((data / "server.json").read_text())["endpoint"]
        process.stdout.close()
        process.stderr.close()
        import requests
        for _ in range(5):
            assert requests.get(endpoint + "/", timeout=10).status_code in (200, 403)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_nothing_in_the_data_folder_is_readable_by_others(server):
    for path in server.data.iterdir():
        if path.name != "server.json" and path.is_file():
            assert not path.stat().st_mode & 0o044 or "key" not in path.name, path
    for name in ("state", "blobs"):
        assert not (server.data / name).stat().st_mode & 0o077, name

"""Attacks by web pages, which can make a browser send forms, text/plain POSTs, and requests to names that point at this
machine. With --auth any, only the server's rules for browsers protect it."""
import json

import pytest

from support.raw import FORM, Signer, Wire, head
from support.server import Server

EVIL = "http://evil.example"
ROLE_FORM = (b"Action=CreateRole&Version=2010-05-08&RoleName=%s&AssumeRolePolicyDocument="
             b"%%7B%%22Version%%22%%3A%%222012-10-17%%22%%2C%%22Statement%%22%%3A%%5B%%5D%%7D")
FAKE_URL = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=x/20260101/us-east-1/s3/aws4_request"


def ask(server, method, target, headers=(), body=b"", host=None):
    fields = {"Host": host or f"127.0.0.1:{server.port}", **dict(headers)}
    if body or method in ("POST", "PUT"):
        fields["Content-Length"] = str(len(body))
    with Wire(server.port) as wire:
        return wire.send(head(method, target, fields) + body).reply()


def signed(server, service, method, target, headers=None, body=b"", host=None):
    host = host or f"127.0.0.1:{server.port}"
    with Wire(server.port) as wire:
        return wire.send(Signer.of(server, service).request(method, target, headers, body, host=host)).reply()


def refused(reply, *words):
    assert reply.status == 403, reply
    code, message = reply.error()
    assert code.startswith("AccessDenied"), reply
    for word in words:
        assert word in message, (word, message)


@pytest.fixture(scope="module")
def bucket(open_server):
    s3 = open_server.client("s3")
    s3.create_bucket(Bucket="pages")
    s3.put_object(Bucket="pages", Key="kept", Body=b"kept")
    return "pages"


def roles(server):
    return {role["RoleName"] for role in server.client("iam").list_roles()["Roles"]}


def test_a_form_makes_no_role(open_server):
    before = roles(open_server)
    body = ROLE_FORM % b"page"
    for headers in ({**FORM, "Origin": EVIL}, {**FORM, "Origin": "null"}, {**FORM, "Sec-Fetch-Site": "cross-site"},
                    {**FORM, "Sec-Fetch-Site": "same-site"}, FORM):  # the last one: an old browser, which sends neither field
        refused(ask(open_server, "POST", "/", headers, body))
    # Credentials that a page writes into a form's URL do not make the browser another caller.
    refused(ask(open_server, "POST", f"/?{FAKE_URL}", {**FORM, "Origin": EVIL}, body), "allowed-origins")
    refused(ask(open_server, "GET", f"/?{FAKE_URL}&" + body.decode(), {"Sec-Fetch-Site": "cross-site"}))
    assert roles(open_server) == before


@pytest.mark.parametrize("host", ["192.168.7.7:4566", "build.localhost", None])
def test_an_image_makes_no_role(open_server, host):
    """With a GET to plain http on another machine, browsers send neither Origin nor Sec-Fetch-Site."""
    before = roles(open_server)
    body = (ROLE_FORM % b"image").decode()
    credentials = FAKE_URL.replace("/s3/", "/iam/")
    for query in (body, "Action=GetCallerIdentity&" + body, body.replace("Action", "%41ction")):
        refused(ask(open_server, "GET", f"/?{credentials}&{query}", host=host), "POST")
    assert roles(open_server) == before
    read = f"/?{FAKE_URL.replace('/s3/', '/sts/')}&Action=GetCallerIdentity&Version=2011-06-15"
    assert ask(open_server, "GET", read, host=host).status == 200


def test_text_plain_deletes_no_objects(open_server, bucket):
    body = b"<Delete><Object><Key>kept</Key></Object></Delete>"
    for target in (f"/{bucket}?delete", f"/{bucket}?delete&{FAKE_URL}"):
        refused(ask(open_server, "POST", target, {"Content-Type": "text/plain", "Origin": EVIL}, body))
        refused(ask(open_server, "POST", target, {"Content-Type": "text/plain", "Sec-Fetch-Site": "cross-site"}, body))
    assert open_server.client("s3").get_object(Bucket=bucket, Key="kept")["Body"].read() == b"kept"


def test_json_services_word_it_their_way(open_server):
    headers = {"X-Amz-Target": "SageMaker.ListModels", "Content-Type": "text/plain", "Origin": EVIL}
    reply = ask(open_server, "POST", "/", headers, b"{}")
    assert reply.status == 403 and reply.error()[0] == "AccessDeniedException", reply
    assert "evil.example" in reply.text and json.loads(reply.body)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4566", "localhost.evil.example", "127.0.0.1.evil.example",
                                  "amazonaws.com.evil.example", "xamazonaws.com", "host.docker.internal", "tidemill:4566"])
def test_names_that_were_pointed_here_are_not_ours(open_server, bucket, host):
    """DNS rebinding: for the browser the page and the server have the same origin, so the page may send any header."""
    same = {"Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    refused(signed(open_server, "s3", "GET", f"/{bucket}/kept", same, host=host), "allowed-hosts", host)
    refused(signed(open_server, "s3", "DELETE", f"/{bucket}/kept", host=host), "allowed-hosts")
    # The page could read what a forged presigned URL would give to other clients.
    refused(ask(open_server, "GET", f"/{bucket}/kept?{FAKE_URL}", same, host=host), "allowed-hosts")
    refused(ask(open_server, "GET", "/_tidemill/metrics", host=host), "allowed-hosts")


@pytest.mark.parametrize("host", ["localhost", "localhost:4566", "LOCALHOST", "a.localhost:1", "127.0.0.1", "127.9.9.9", "[::1]:4566",
                                  "192.168.7.7:4566", "s3.us-east-1.amazonaws.com", "bucket.s3.amazonaws.com",
                                  "sagemaker.eu-west-1.api.aws", "localhost."])
def test_names_that_are_ours(open_server, host):
    reply = signed(open_server, "sts", "POST", "/", FORM, b"Action=GetCallerIdentity&Version=2011-06-15", host=host)
    assert reply.status == 200, reply


def test_some_credentials_must_be_there(open_server, bucket):
    refused(ask(open_server, "GET", f"/{bucket}/kept"), "AWS_ACCESS_KEY_ID")
    refused(ask(open_server, "DELETE", f"/{bucket}/kept"))
    refused(ask(open_server, "PUT", f"/{bucket}/large", {}, b"x" * 100_000))
    assert signed(open_server, "s3", "GET", f"/{bucket}/kept").body == b"kept"


def test_a_refused_page_is_not_asked_for_its_body(open_server, bucket):
    headers = {"Host": "evil.example", "Content-Length": "5", "Expect": "100-continue", "Authorization": "AWS a:b"}
    with Wire(open_server.port) as wire:
        refused(wire.send(head("PUT", f"/{bucket}/new", headers)).reply(), "allowed-hosts")
        assert wire.ended()


def test_links_to_objects_work_from_any_page(open_server, bucket):
    target = Signer.of(open_server, "s3").presign("GET", f"/{bucket}/kept", host="127.0.0.1")
    reply = ask(open_server, "GET", target, {"Sec-Fetch-Site": "cross-site"})
    assert (reply.status, reply.body) == (200, b"kept")
    assert "access-control-allow-origin" not in reply.headers


def test_health_answers_everybody(open_server):
    for host, headers in (("evil.example", {}), (None, {"Origin": EVIL}), ("tidemill", {"Sec-Fetch-Site": "cross-site"})):
        assert ask(open_server, "GET", "/_tidemill/health", headers, host=host).status == 200


def test_hosts_and_origins_that_are_allowed():
    page = "http://localhost:3000"
    options = ["--allowed-hosts", "host.docker.internal, *.ci.example", "--allowed-origins", page]
    with Server(auth="any", options=options) as server:
        for host in ("host.docker.internal:4566", "a.ci.example"):
            assert signed(server, "s3", "GET", "/", host=host).status == 200
        refused(signed(server, "s3", "GET", "/", host="ci.example.evil.example"))
        reply = signed(server, "s3", "GET", "/", {"Origin": page, "Sec-Fetch-Site": "same-site"})
        assert reply.status == 200 and reply.headers["access-control-allow-origin"] == page
        refused(signed(server, "s3", "GET", "/", {"Origin": EVIL}))
        asked = {"Origin": page, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,x-amz-date"}
        reply = ask(server, "OPTIONS", "/pages/kept", asked)
        assert reply.status == 204 and reply.headers["access-control-allow-headers"] == "authorization,x-amz-date"
        assert ask(server, "OPTIONS", "/pages/kept", {**asked, "Origin": EVIL}).status == 403


def test_signatures_are_enough_where_they_are_verified(server):
    assert signed(server, "s3", "GET", "/", {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}, host="tidemill").status == 200
    assert ask(server, "POST", "/", {**FORM, "Origin": EVIL}, ROLE_FORM % b"page").status == 403
    refused(ask(server, "GET", "/_tidemill/metrics", {"Origin": EVIL}), "allowed-origins")


@pytest.mark.parametrize("host", ["evil.example", "prometheus-sees-this:4566", "localhost.evil.example"])
def test_a_rebound_name_reads_no_metrics_where_signatures_are_verified(server, host):
    """For the browser the page and this server have the same origin, so neither Origin nor Sec-Fetch-Site gives it
    away."""
    same = {"Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    refused(ask(server, "GET", "/_tidemill/metrics", same, host=host), "allowed-hosts", host)
    assert ask(server, "GET", "/_tidemill/metrics").status == 200
    assert ask(server, "GET", "/_tidemill/health", same, host=host).status == 200


def test_allowed_hosts_read_metrics_and_may_be_asked_as_a_proxy_is():
    with Server(auth="verify", options=["--allowed-hosts", "tidemill,*.ci.example"]) as server:
        assert ask(server, "GET", "/_tidemill/metrics", host="tidemill:4566").status == 200
        for name in ("tidemill:4566", "a.ci.example"):
            assert ask(server, "GET", f"http://{name}/_tidemill/health", host=name).status == 200
        assert signed(server, "s3", "GET", "/", host="tidemill:4566").status == 200
        assert ask(server, "GET", "http://example.com/", host="example.com").status == 501
        assert ask(server, "GET", "http://tidemill/_tidemill/health", host="a.ci.example").status == 400

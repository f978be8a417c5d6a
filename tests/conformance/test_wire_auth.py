"""Requests that do not prove who sent them: each is refused in its service's wording, with every protocol, and the
connection stays usable."""
import datetime

import pytest

from helpers import unique
from support.raw import CALLS, Signer, Wire, decoded_error, exchange, head, now

JSON = ("sagemaker", "logs", "sqs", "sagemaker-runtime", "cloudwatch")
QUERY = ("sts", "iam")
MINUTES = datetime.timedelta(minutes=1)


def refused(reply, service, s3, json, query, status=None):
    """The error code of the service's family, decoded by botocore's parser, with a request id."""
    code, message = decoded_error(reply, CALLS[service][0])
    assert code == (s3 if service == "s3" else query if service in QUERY else json), reply
    assert message and reply.request_id(), reply
    assert reply.status in ((400, 403) if status is None else status), reply
    return message


def call(server, service, signer=None, **how):
    _, signing_name, method, target, headers, body = CALLS[service]
    signer = signer or Signer.of(server, signing_name)
    return exchange(server, signer.request(method, target, headers, body, **how))


@pytest.mark.parametrize("service", ["s3", "sts", "iam", "sagemaker", "logs"])
def test_a_request_signed_by_hand_is_accepted(server, service):
    assert call(server, service).status == 200


@pytest.mark.parametrize("service", CALLS)
def test_wrong_secret(server, service):
    good = Signer.of(server, CALLS[service][1])
    reply = call(server, service, Signer(good.key, "wrong" * 8, good.service))
    message = refused(reply, service, "SignatureDoesNotMatch", "InvalidSignatureException", "SignatureDoesNotMatch")
    assert message.startswith("The request signature we calculated does not match the signature you provided.")
    assert good.secret not in reply.text


@pytest.mark.parametrize("service", CALLS)
def test_unknown_access_key(server, service):
    reply = call(server, service, Signer("AKIAIOSFODNN7EXAMPLE", "x", CALLS[service][1]))
    refused(reply, service, "InvalidAccessKeyId", "UnrecognizedClientException", "InvalidClientTokenId")


@pytest.mark.parametrize("service", CALLS)
def test_a_session_token_that_nobody_gave_out(server, service):
    _, signing_name, method, target, headers, body = CALLS[service]
    data = Signer.of(server, signing_name).request(method, target, {**headers, "X-Amz-Security-Token": "made-up"}, body)
    refused(exchange(server, data), service, "InvalidToken", "UnrecognizedClientException", "InvalidClientTokenId")


@pytest.mark.parametrize("minutes", [-20, 20])
@pytest.mark.parametrize("service", CALLS)
def test_skewed_clock(server, service, minutes):
    reply = call(server, service, when=now() + minutes * MINUTES)
    message = refused(reply, service, "RequestTimeTooSkewed", "InvalidSignatureException", "SignatureDoesNotMatch")
    if service != "s3":
        assert message.startswith("Signature expired: " if minutes < 0 else "Signature not yet current: ")


def test_a_clock_that_is_a_little_off_is_accepted(server):
    for minutes in (-14, 14):
        assert call(server, "sts", when=now() + minutes * MINUTES).status == 200


# Without a signature's scope, the path of sagemaker-runtime could be one of S3.
@pytest.mark.parametrize("service", [service for service in CALLS if service != "sagemaker-runtime"])
def test_no_credentials(server, service):
    _, _, method, target, headers, body = CALLS[service]
    reply = exchange(server, head(method, target, {**headers, "Content-Length": len(body)}) + body)
    refused(reply, service, "AccessDenied", "MissingAuthenticationTokenException", "MissingAuthenticationToken")


@pytest.mark.parametrize("authorization", [
    "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 garbage", "AWS4-HMAC-SHA256 Credential=,SignedHeaders=,Signature=",
    "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1, SignedHeaders=host, Signature=" + "0" * 64,
    "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/SERVICE/aws4_request, SignedHeaders=host, Signature=zz",
    "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/SERVICE/aws4_request, SignedHeaders=;;, Signature=" + "0" * 64,
    "AWS4-HMAC-SHA256 Credential=a/99999999/us-east-1/SERVICE/aws4_request, SignedHeaders=host, Signature=" + "0" * 64,
    "AWS4-ECDSA-P256-SHA256 Credential=a/20260101/SERVICE/aws4_request, SignedHeaders=host, Signature=00",
    "Basic dXNlcjpwYXNz", "Bearer x", "AWS a:b", "AWS", ",,,,=,=", "\x80\xff"])
@pytest.mark.parametrize("service", ["s3", "sts", "sagemaker"])
def test_malformed_authorization(server, service, authorization):
    _, signing_name, method, target, headers, body = CALLS[service]
    text = authorization.replace("SERVICE", signing_name)
    with Wire(server.port) as wire:
        wire.send(head(method, target, {**headers, "Authorization": text, "Content-Length": len(body),
                                        "X-Amz-Date": "20260101T000000Z"}) + body)
        reply = wire.reply()
        assert reply.status in (400, 403), reply
        code, message = decoded_error(reply, CALLS[service][0])
        assert message and reply.request_id()
        assert code in {"s3": ("AuthorizationHeaderMalformed", "InvalidArgument", "AccessDenied", "InvalidAccessKeyId"),
                        "sts": ("IncompleteSignature", "InvalidClientTokenId", "SignatureDoesNotMatch"),
                        "sagemaker": ("IncompleteSignatureException", "UnrecognizedClientException",
                                      "InvalidSignatureException")}[service], reply
        # The same connection answers the next, good request.
        wire.send(Signer.of(server, signing_name).request(method, target, headers, body))
        assert wire.reply().status == 200


@pytest.mark.parametrize("service", ["s3", "sts", "sagemaker"])
def test_missing_and_malformed_dates(server, service):
    _, signing_name, method, target, headers, body = CALLS[service]
    for date in (None, "yesterday", "20260230T000000Z", "20260101T0000Z", "99999999T999999Z"):
        signed = Signer.of(server, signing_name).sign(method, target, headers, body)
        signed["Content-Length"] = len(body)
        signed.pop("X-Amz-Date")
        if date:
            signed["X-Amz-Date"] = date
        refused(exchange(server, head(method, target, signed) + body), service, "AccessDenied",
                "IncompleteSignatureException", "IncompleteSignature")


@pytest.mark.parametrize("service", ["sts", "iam", "sagemaker", "logs", "s3"])
def test_a_signature_for_another_service_is_no_use(server, service):
    """A signature for one service must not be valid for another."""
    _, signing_name, method, target, headers, body = CALLS[service]
    other = "sqs" if service != "s3" else "logs"
    reply = exchange(server, Signer.of(server, other).request(method, target, headers, body))
    assert reply.status in (400, 403, 404), reply
    assert reply.request_id()


def test_a_region_of_any_shape_breaks_nothing(server):
    """The client chooses the region: it names things, and must not lead anywhere else."""
    for region in ("mars-north-1", "..", "%2e%2e", "x" * 300, "us-east-1'--", "a b"):
        _, signing_name, method, target, headers, body = CALLS["logs"]
        reply = exchange(server, Signer.of(server, "logs", region).request(method, target, headers, body))
        assert reply.status in (200, 400, 403), (region, reply)


def test_every_part_of_the_request_is_covered_by_the_signature(server):
    signer = Signer.of(server, "s3")
    bucket = unique("b")
    assert exchange(server, signer.request("PUT", f"/{bucket}")).status == 200

    def sent(method="PUT", target=f"/{bucket}/k", **changed):
        signed = {**signer.sign("PUT", f"/{bucket}/k", {"X-Amz-Meta-A": "1"}, b"body"), **changed, "Content-Length": "4"}
        return exchange(server, head(method, target, signed) + b"body")
    assert sent().status == 200
    for reply in (sent(method="DELETE"), sent(target=f"/{bucket}/other"), sent(target=f"/{bucket}/k?tagging="),
                  sent(**{"X-Amz-Meta-A": "2"}), sent(Host="elsewhere.example")):
        assert reply.status == 403 and reply.error()[0] == "SignatureDoesNotMatch", reply
    reply = sent(**{"X-Amz-Meta-B": "slipped in"})
    assert reply.status == 403 and reply.error()[0] == "AccessDenied" and "not signed" in reply.text
    assert exchange(server, signer.request("GET", f"/{bucket}/k")).body == b"body"
    assert exchange(server, signer.request("GET", f"/{bucket}/other")).status == 404


def test_two_ways_of_signing_at_once(server):
    signer = Signer.of(server, "s3")
    target = signer.presign("GET", "/")
    reply = exchange(server, head("GET", target, signer.sign("GET", target)))
    assert reply.status == 400 and reply.error()[0] == "InvalidArgument"


@pytest.mark.parametrize("overrides, when, code, status", [
    ({}, -3600, "AccessDenied", 403),
    ({}, 3600, "AccessDenied", 403),
    ({"X-Amz-Expires": "604801"}, 0, "AuthorizationQueryParametersError", 400),
    ({"X-Amz-Expires": "-1"}, 0, "AuthorizationQueryParametersError", 400),
    ({"X-Amz-Expires": "soon"}, 0, "AuthorizationQueryParametersError", 400),
    ({"X-Amz-Expires": "9" * 40}, 0, "AuthorizationQueryParametersError", 400),
    ({"X-Amz-Expires": None}, 0, "AuthorizationQueryParametersError", 400),
    ({"X-Amz-Date": "today"}, 0, "AuthorizationQueryParametersError", 400),
    ({"X-Amz-Algorithm": "AWS4-HMAC-MD5"}, 0, "AuthorizationQueryParametersError", 400),
    ({"X-Amz-Credential": "nobody"}, 0, "AuthorizationQueryParametersError", 400),
    ({"X-Amz-SignedHeaders": ""}, 0, "AuthorizationQueryParametersError", 400),
])
def test_presigned_urls_that_are_wrong(server, overrides, when, code, status):
    when = now() + datetime.timedelta(seconds=when)
    reply = exchange(server, head("GET", Signer.of(server, "s3").presign("GET", "/", when=when, overrides=overrides), {}))
    assert (reply.status, reply.error()[0]) == (status, code), reply
    if when < now() - MINUTES:
        assert "Request has expired" in reply.text and "<Expires>" in reply.text


def test_a_presigned_url_is_good_for_its_method_and_path_only(server):
    signer = Signer.of(server, "s3")
    target = signer.presign("GET", "/")
    assert exchange(server, head("GET", target, {})).status == 200
    for reply in (exchange(server, head("GET", "/b" + target[1:], {})), exchange(server, head("PUT", "/b" + target[1:], {"Content-Length": "0"})),
                  exchange(server, head("GET", target + "&max-buckets=1", {}))):
        assert reply.status == 403, reply


def test_expired_sigv2_url(server):
    key = Signer.of(server, "s3").key
    reply = exchange(server, head("GET", f"/b/k?AWSAccessKeyId={key}&Signature=abc%3D&Expires=1000000000", {}))
    assert (reply.status, reply.error()[0]) == (403, "AccessDenied"), reply
    for expires in ("", "never", "9" * 30, "-5"):
        reply = exchange(server, head("GET", f"/b/k?AWSAccessKeyId={key}&Signature=abc%3D&Expires={expires}", {}))
        assert reply.status == 403, (expires, reply)

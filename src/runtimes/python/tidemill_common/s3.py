"""Reads an object from S3 using only the standard library (importing boto3 takes 0.3 s)."""
import datetime
import hashlib
import hmac
import html
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request

TIMEOUT_SECONDS = 60
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


class S3Error(Exception):
    """The object could not be read; the message says why."""


def credentials():
    """Access key id, secret and session token, from the environment or else from the container endpoint."""
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        return (os.environ["AWS_ACCESS_KEY_ID"], os.environ.get("AWS_SECRET_ACCESS_KEY", ""),
                os.environ.get("AWS_SESSION_TOKEN", ""))
    uri = os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if not uri:
        raise S3Error("no credentials: neither AWS_ACCESS_KEY_ID nor "
                      "AWS_CONTAINER_CREDENTIALS_FULL_URI is set")
    request = urllib.request.Request(uri)
    if token := os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"):
        request.add_header("Authorization", token)
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
        found = json.load(response)
    return found["AccessKeyId"], found["SecretAccessKey"], found.get("Token", "")


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signed_headers(host, path, region, keys, now=None):
    """The headers of a GET, signed with Signature Version 4. `path` is already encoded."""
    access_key, secret, token = keys
    now = now or datetime.datetime.now(datetime.timezone.utc)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    day = stamp[:8]
    headers = {"host": host, "x-amz-content-sha256": EMPTY_SHA256, "x-amz-date": stamp}
    if token:
        headers["x-amz-security-token"] = token
    names = ";".join(sorted(headers))
    canonical = "\n".join(["GET", path, "", *(f"{name}:{headers[name]}" for name in sorted(headers)),
                           "", names, EMPTY_SHA256])
    scope = f"{day}/{region}/s3/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope,
                         hashlib.sha256(canonical.encode()).hexdigest()])
    key = _hmac(("AWS4" + secret).encode(), day)
    for part in (region, "s3", "aws4_request"):
        key = _hmac(key, part)
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = (f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, "
                                f"SignedHeaders={names}, Signature={signature}")
    return headers


def error_text(status, body):
    """ "NoSuchKey: The specified key does not exist." of S3's XML, else the status and what came."""
    found = [re.search(f"<{name}>(.*?)</{name}>", body, re.DOTALL) for name in ("Code", "Message")]
    if not found[0]:
        return f"HTTP {status} {body}".strip()
    return ": ".join(html.unescape(one[1]) for one in found if one)


def download(uri, target):
    """Downloads the object s3://bucket/key to the file `target`."""
    parts = urllib.parse.urlparse(uri)
    if parts.scheme != "s3" or not parts.netloc or not parts.path.strip("/"):
        raise S3Error(f"{uri} is no S3 URI")
    if os.environ.get("TIDEMILL_JOB_NETWORK") == "none":
        raise S3Error(f"cannot read {uri}: with EnableNetworkIsolation there is no network and there are no credentials. "
                      "A training job gets its script in a channel, as the SageMaker SDK sends it (channel code, "
                      "sagemaker_submit_directory=/opt/ml/input/data/code/sourcedir.tar.gz); a model has it in model.tar.gz")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    endpoint = (os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
                or f"https://s3.{region}.amazonaws.com").rstrip("/")
    path = urllib.parse.quote(f"/{parts.netloc}{parts.path}", safe="/-_.~")
    host = urllib.parse.urlparse(endpoint).netloc
    request = urllib.request.Request(endpoint + path)
    for name, value in signed_headers(host, path, region, credentials()).items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response, \
                open(target, "wb") as file:
            while block := response.read(1 << 20):
                file.write(block)
    except urllib.error.HTTPError as error:
        text = error.read(2000).decode("utf-8", "replace")
        raise S3Error(f"cannot read {uri}: {error_text(error.code, text)}") from None
    except urllib.error.URLError as error:
        raise S3Error(f"cannot read {uri} from {endpoint}: {error.reason}") from None

"""Writes vectors.json: requests as botocore signs them, for sigv4_vectors_test.cc.

Run by hand when another botocore should be covered:  python make_vectors.py > vectors.json
Nothing is sent: the last hook before the socket takes the request. The clock and the ids stand still, so
the same botocore writes the same file.
"""

import base64
import datetime
import io
import json
import sys
import time
from unittest import mock

import botocore
import botocore.auth
import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 11, 23, 15, 17, 42)
NOW_SECONDS = int(NOW.replace(tzinfo=datetime.timezone.utc).timestamp())
ACCESS_KEY = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzE//session+token=="
TEMPORARY_KEY = "ASIAEXAMPLE"

vectors = []


class Captured(Exception):
    pass


def body_bytes(body):
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    if hasattr(body, "read"):
        return body.read()
    return b"".join(body)


def add(name, dialect, method, url, headers, body=b"", token=None):
    scheme, rest = url.split("://", 1)
    slash = min((i for i in (rest.find("/"), rest.find("?")) if i >= 0), default=len(rest))
    host, target = rest[:slash], rest[slash:] or "/"
    fields = [[key, value if isinstance(value, str) else value.decode()]
              for key, value in headers if key.lower() != "user-agent"]  # not signed, and varies
    if not any(key.lower() == "host" for key, _ in fields):
        fields.append(["Host", host])
    vectors.append({
        "name": name, "dialect": dialect, "method": method,
        "target": target if target.startswith("/") else "/" + target,
        "headers": fields, "body": base64.b64encode(body).decode(), "token": token,
    })


def client(service, token=None, **config):
    session = botocore.session.Session()
    session.set_credentials(TEMPORARY_KEY if token else ACCESS_KEY, SECRET, token)
    return session.create_client(
        service, region_name="eu-central-1", endpoint_url=config.pop("endpoint", "http://127.0.0.1:4566"),
        config=Config(retries={"max_attempts": 0}, **config))


def call(name, dialect, service_client, operation, token=None, **arguments):
    def take(request, **_):
        add(name, dialect, request.method, request.url, request.headers.items(),
            body_bytes(request.body), token)
        raise Captured

    service_client.meta.events.register("before-send", take)
    try:
        getattr(service_client, operation)(**arguments)
    except Captured:
        pass
    finally:
        service_client.meta.events.unregister("before-send", take)


def presign(name, service_client, operation, token=None, method=None, **arguments):
    url = service_client.generate_presigned_url(operation, Params=arguments, ExpiresIn=600,
                                                HttpMethod=method)
    add(name, "s3", method or ("PUT" if operation.startswith("put") else "GET"), url, [], b"", token)


def s3_calls():
    s3 = client("s3", s3={"addressing_style": "path"})
    call("s3_list_buckets", "s3", s3, "list_buckets")
    call("s3_put_object", "s3", s3, "put_object", Bucket="b", Key="plain.csv", Body=b"1,2,3\n",
         Metadata={"one": "  two   spaces  ", "owner": "me"})
    for i, key in enumerate(["with space", "tilde~and+plus", "ümläut/日本語", "a//b", "a/../b", "./x",
                             "100%", "q?uery&=;:@$,!*'()", "trailing/", "[brackets]{}|^`\"<>#"]):
        call(f"s3_odd_key_{i}", "s3", s3, "get_object", Bucket="b", Key=key)
    call("s3_list_v2", "s3", s3, "list_objects_v2", Bucket="b", Prefix="a b/ü&=+", Delimiter="/")
    call("s3_range", "s3", s3, "get_object", Bucket="b", Key="k", Range="bytes=0-9")
    call("s3_uploads", "s3", s3, "create_multipart_upload", Bucket="b", Key="k")
    call("s3_delete_many", "s3", s3, "delete_objects", Bucket="b",
         Delete={"Objects": [{"Key": "a"}, {"Key": "b c"}]})
    token_client = client("s3", TOKEN, s3={"addressing_style": "path"})
    call("s3_session_token", "s3", token_client, "head_bucket", TOKEN, Bucket="b")
    unsigned = client("s3", s3={"addressing_style": "path", "payload_signing_enabled": False})
    call("s3_unsigned_payload", "s3", unsigned, "put_object", Bucket="b", Key="k", Body=b"bytes")
    https = client("s3", endpoint="https://127.0.0.1:4566", s3={"addressing_style": "path"})
    call("s3_chunked_trailer", "s3", https, "put_object", Bucket="b", Key="k",
         Body=io.BytesIO(b"0123456789" * 100))
    call("s3_chunked_trailer_sha256", "s3", https, "put_object", Bucket="b", Key="k",
         Body=io.BytesIO(b"abc" * 3000), ChecksumAlgorithm="SHA256")
    call("s3_chunked_trailer_empty", "s3", https, "put_object", Bucket="b", Key="k",
         Body=io.BytesIO(b""))
    virtual = client("s3", endpoint="http://s3.example.com", s3={"addressing_style": "virtual"})
    call("s3_virtual_host", "s3", virtual, "get_object", Bucket="bucket", Key="a b/c")


def presigned():
    v4 = client("s3", signature_version="s3v4", s3={"addressing_style": "path"})
    presign("v4_presigned_get", v4, "get_object", Bucket="b", Key="a b/ü.csv")
    presign("v4_presigned_override", v4, "get_object", Bucket="b", Key="k",
            ResponseContentDisposition='attachment; filename="x y.csv"', VersionId="v1")
    presign("v4_presigned_part", v4, "upload_part", method="PUT", Bucket="b", Key="k",
            UploadId="u+/=", PartNumber=3)
    presign("v4_presigned_token", client("s3", TOKEN, signature_version="s3v4"), "get_object", TOKEN,
            Bucket="b", Key="k")
    v2 = client("s3", signature_version="s3", s3={"addressing_style": "path"})
    presign("v2_presigned_get", v2, "get_object", Bucket="b", Key="a b/ü.csv")
    presign("v2_presigned_override", v2, "get_object", Bucket="b", Key="k",
            ResponseContentDisposition='attachment; filename="x y.csv"', VersionId="v1")
    presign("v2_presigned_part", v2, "upload_part", method="PUT", Bucket="b", Key="k",
            UploadId="u+/=", PartNumber=3)
    presign("v2_presigned_metadata", v2, "put_object", Bucket="b", Key="k",
            Metadata={"one": "1"}, ContentType="text/csv")
    presign("v2_presigned_token", client("s3", TOKEN, signature_version="s3",
            s3={"addressing_style": "path"}), "get_object", TOKEN, Bucket="b", Key="k")
    virtual = client("s3", endpoint="http://s3.example.com", signature_version="s3",
                     s3={"addressing_style": "virtual"})
    presign("v2_presigned_virtual_host", virtual, "get_object", Bucket="bucket", Key="k")
    call("v2_header", "s3", v2, "put_object", Bucket="b", Key="a b", Body=b"x",
         Metadata={"one": "1"}, ContentType="text/csv")
    call("v2_header_uploads", "s3", v2, "create_multipart_upload", Bucket="b", Key="k")


def other_services():
    sagemaker = client("sagemaker")
    call("json_list_models", "json", sagemaker, "list_models", NameContains="ü")
    call("json_token", "json", client("sagemaker", TOKEN), "list_models", TOKEN)
    runtime = client("sagemaker-runtime")
    call("rest_invoke", "json", runtime, "invoke_endpoint", EndpointName="churn",
         Body=b"1,2,3", ContentType="text/csv", TargetModel="a/b c.tar.gz")
    call("query_caller_identity", "query", client("sts"), "get_caller_identity")
    call("query_get_role", "query", client("iam"), "get_role", RoleName="r+=,.@-r")
    call("logs", "json", client("logs"), "describe_log_groups", logGroupNamePrefix="/aws/")


def raw_signed():
    """Requests no client of botocore makes, signed by its signers."""
    credentials = Credentials(ACCESS_KEY, SECRET)
    for name, path in [("double_encoded", "/a%20b/c%2Fd"), ("dots", "/a/./b/../c//d/"),
                       ("star", "/x*y/(z)"), ("empty", "")]:
        request = AWSRequest("POST", "http://example.com" + path + "?b=&a=2&a=1&c", data=b"{}",
                             headers={"X-Spaces": " a   b ", "Content-Type": "application/json"})
        botocore.auth.SigV4Auth(credentials, "lambda", "us-east-1").add_auth(request)
        add("path_" + name, "json", "POST", request.url, request.headers.items(), b"{}")
    request = AWSRequest("GET", "http://sts.example.com/?Action=GetCallerIdentity&Version=2011-06-15")
    botocore.auth.SigV4QueryAuth(credentials, "sts", "us-east-1", 60).add_auth(request)
    add("sts_presigned", "query", "GET", request.url, request.headers.items())


def main():
    with mock.patch("botocore.auth.get_current_datetime", lambda: NOW), \
         mock.patch("time.time", lambda: NOW_SECONDS), \
         mock.patch("uuid.uuid4", lambda: "00000000-0000-4000-8000-000000000000"), \
         mock.patch("botocore.auth.formatdate",
                    lambda usegmt: NOW.strftime("%a, %d %b %Y %H:%M:%S GMT")):
        s3_calls()
        presigned()
        other_services()
        raw_signed()
    json.dump({"botocore": botocore.__version__, "now_seconds": NOW_SECONDS,
               "access_key_id": ACCESS_KEY, "temporary_access_key_id": TEMPORARY_KEY,
               "secret_access_key": SECRET, "vectors": vectors},
              sys.stdout, indent=1, ensure_ascii=True)
    print()


if __name__ == "__main__":
    main()

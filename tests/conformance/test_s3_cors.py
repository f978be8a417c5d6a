"""CORS: what a browser asks before and with its requests, as unsigned preflights and presigned URLs."""
import pytest
import requests

from helpers import unique
from support.server import Server

RULES = [{"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://*.example.com"], "AllowedHeaders": ["x-amz-*", "Content-Type"],
          "ExposeHeaders": ["ETag", "x-amz-version-id"], "MaxAgeSeconds": 77},
         {"AllowedMethods": ["HEAD"], "AllowedOrigins": ["*"]}]


@pytest.fixture(scope="module")
def own():
    with Server(auth="verify") as server:
        yield server


@pytest.fixture(scope="module")
def bucket(own):
    s3, name = own.client("s3"), unique("cors")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": RULES})
    return name


def preflight(own, bucket, **headers):
    return requests.options(f"{own.endpoint}/{bucket}/k", headers={name.replace("_", "-"): text for name, text in headers.items()},
                            timeout=10)


def test_a_preflight_that_a_rule_allows(own, bucket):
    answer = preflight(own, bucket, Origin="https://app.example.com", Access_Control_Request_Method="PUT",
                       Access_Control_Request_Headers="X-Amz-Date, content-type")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, PUT"
    assert answer.headers["Access-Control-Allow-Headers"] == "x-amz-date, content-type"
    assert answer.headers["Access-Control-Expose-Headers"] == "ETag, x-amz-version-id"
    assert answer.headers["Access-Control-Max-Age"] == "77"
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.headers["Vary"].startswith("Origin")
    everybody = preflight(own, bucket, Origin="http://elsewhere", Access_Control_Request_Method="HEAD")
    assert everybody.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in everybody.headers


@pytest.mark.parametrize("headers, status", [
    ({"Origin": "https://example.org", "Access_Control_Request_Method": "GET"}, 403),
    ({"Origin": "https://a.example.com", "Access_Control_Request_Method": "DELETE"}, 403),
    ({"Origin": "https://a.example.com", "Access_Control_Request_Method": "GET",
      "Access_Control_Request_Headers": "authorization"}, 403),
    ({"Origin": "https://a.example.com"}, 400), ({"Access_Control_Request_Method": "GET"}, 400)])
def test_a_preflight_that_no_rule_allows(own, bucket, headers, status):
    answer = preflight(own, bucket, **headers)
    assert answer.status_code == status and "<Error>" in answer.text
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_answer_itself_may_be_read_by_the_page(own, bucket):
    s3 = own.client("s3")
    for method, operation in (("GET", "get_object"), ("PUT", "put_object")):
        url = s3.generate_presigned_url(operation, {"Bucket": bucket, "Key": "k"})
        answer = requests.request(method, url, headers={"Origin": "https://app.example.com"}, timeout=10)
        assert answer.status_code == 200 and answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
        other = requests.request(method, url, headers={"Origin": "https://example.org"}, timeout=10)
        assert other.status_code == 200 and "Access-Control-Allow-Origin" not in other.headers
    # An error has the headers as well, or the page could not tell what is wrong.
    missing = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "missing"})
    answer = requests.get(missing, headers={"Origin": "https://app.example.com"}, timeout=10)
    assert answer.status_code == 404 and answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"


def test_without_rules_nothing_is_allowed(own, bucket):
    s3, name = own.client("s3"), unique("cors")
    s3.create_bucket(Bucket=name)
    answer = preflight(own, name, Origin="https://app.example.com", Access_Control_Request_Method="GET")
    assert answer.status_code >= 400 and "Access-Control-Allow-Origin" not in answer.headers
    s3.delete_bucket_cors(Bucket=bucket)
    answer = preflight(own, bucket, Origin="https://app.example.com", Access_Control_Request_Method="GET")
    assert answer.status_code >= 400
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})

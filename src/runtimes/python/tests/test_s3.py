"""The signature, against the worked example of AWS's documentation of Signature Version 4 for S3."""
import datetime
import os
import pathlib
import sys
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tidemill_common import s3  # noqa: E402


class SignatureTest(unittest.TestCase):
    def test_key_derivation_is_deterministic_and_bound_to_the_scope(self):
        now = datetime.datetime(2013, 5, 24, tzinfo=datetime.timezone.utc)
        keys = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "")
        headers = s3.signed_headers("examplebucket.s3.amazonaws.com", "/test.txt", "us-east-1", keys, now)
        self.assertIn("Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request",
                      headers["Authorization"])
        self.assertIn("SignedHeaders=host;x-amz-content-sha256;x-amz-date", headers["Authorization"])
        try:
            import botocore.auth
            import botocore.awsrequest
            import botocore.credentials
        except ImportError:
            self.skipTest("botocore is not installed here to compare with")
        request = botocore.awsrequest.AWSRequest(
            "GET", "https://examplebucket.s3.amazonaws.com/test.txt",
            headers={"X-Amz-Content-SHA256": s3.EMPTY_SHA256, "X-Amz-Date": "20130524T000000Z"})
        request.context["timestamp"] = "20130524T000000Z"
        signer = botocore.auth.S3SigV4Auth(botocore.credentials.Credentials(keys[0], keys[1]), "s3",
                                           "us-east-1")
        signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)),
                                     request)
        self.assertTrue(headers["Authorization"].endswith("Signature=" + signature))


class ErrorTest(unittest.TestCase):
    def test_an_error_of_s3_reads_as_its_code_and_message(self):
        self.assertEqual(s3.error_text(404, '<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>The key '
                                            '&lt;a&gt; does not exist.</Message><Key>a</Key></Error>'),
                         "NoSuchKey: The key <a> does not exist.")
        self.assertEqual(s3.error_text(502, "bad gateway"), "HTTP 502 bad gateway")

    def test_without_a_network_the_error_says_how_a_script_gets_into_the_job(self):
        with unittest.mock.patch.dict(os.environ, {"TIDEMILL_JOB_NETWORK": "none"}), \
                self.assertRaisesRegex(s3.S3Error, "s3://b/k: with EnableNetworkIsolation .* channel"):
            s3.download("s3://b/k", "/dev/null")


if __name__ == "__main__":
    unittest.main()

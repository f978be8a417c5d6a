import unittest

from codegen import cpp, names


class Snake(unittest.TestCase):
    def test_words_are_cut_where_a_reader_would(self):
        for given, expected in {
            "TrainingJobName": "training_job_name",
            "S3OutputPath": "s3_output_path",
            "VolumeSizeInGB": "volume_size_in_gb",
            "SSEKMSKeyId": "sse_kms_key_id",
            "ETag": "etag",
            "ChecksumCRC32C": "checksum_crc32c",
            "ChecksumCRC64NVME": "checksum_crc64nvme",
            "EC2InstanceType": "ec2_instance_type",
            "nextToken": "next_token",
            "IPv6": "ipv6",
            "sagemaker-runtime": "sagemaker_runtime",
        }.items():
            self.assertEqual(names.snake(given), expected)

    def test_keywords_get_an_underscore(self):
        self.assertEqual(names.snake("Default"), "default_")
        self.assertEqual(names.snake("Operator"), "operator_")
        self.assertEqual(names.snake("Errors"), "errors_")


class Constants(unittest.TestCase):
    def test_values_become_constants(self):
        for given, expected in {
            "InService": "kInService",
            "IN_SERVICE": "kInService",
            "ml.g4dn.12xlarge": "kMlG4dn12xlarge",
            "aws:kms": "kAwsKms",
            "TLS1.2": "kTls1_2",
            "": "kEmpty",
        }.items():
            self.assertEqual(names.constant(given), expected)

    def test_values_with_the_same_constant_are_told_apart(self):
        pairs = names.constants(["a-b", "a_b", "c"])
        self.assertEqual(pairs, [("kAB", "a-b"), ("kAB_2", "a_b"), ("kC", "c")])


class Quote(unittest.TestCase):
    def test_bytes_beyond_ascii_do_not_swallow_what_follows(self):
        self.assertEqual(cpp.quote('a"\\'), '"a\\"\\\\"')
        self.assertEqual(cpp.quote("é1"), '"\\xc3\\xa9""1"')
        self.assertEqual(cpp.quote("\nz"), '"\\x0az"')


if __name__ == "__main__":
    unittest.main()

import os
import unittest

from codegen import regions

HERE = os.path.dirname(os.path.abspath(__file__))
BOTOCORE = os.path.join(HERE, "../../.venv/lib/python3.11/site-packages/botocore")


@unittest.skipUnless(os.path.isdir(BOTOCORE), "botocore is not installed in .venv")
class Regions(unittest.TestCase):
    def test_real_regions_of_the_standard_partition(self):
        found = regions.names(BOTOCORE)
        self.assertIn("us-east-1", found)
        self.assertIn("eu-central-1", found)
        for other in ("aws-global", "cn-north-1", "us-gov-west-1", "mars"):
            self.assertNotIn(other, found)


if __name__ == "__main__":
    unittest.main()

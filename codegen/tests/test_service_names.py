import os
import unittest

from codegen import service_names

HERE = os.path.dirname(os.path.abspath(__file__))
BOTOCORE = os.path.join(HERE, "../../.venv/lib/python3.11/site-packages/botocore")


@unittest.skipUnless(os.path.isdir(BOTOCORE), "botocore is not installed in .venv")
class ServiceNames(unittest.TestCase):
    def test_services_are_called_as_people_call_them(self):
        rows = service_names.rows(BOTOCORE)
        self.assertIn(("Application Auto Scaling", "AnyScaleFrontendService", "application-autoscaling"), rows)
        self.assertIn(("Step Functions", "AWSStepFunctions", "states"), rows)
        self.assertIn(("Lambda", "", "lambda"), rows)
        self.assertGreater(len(rows), 300)


if __name__ == "__main__":
    unittest.main()

import unittest

from codegen import coverage

OPERATIONS = {"toy-runtime": ("Toy Runtime", ["Get", "Put"]), "other": ("Other", ["Do"])}


class Coverage(unittest.TestCase):
    def test_counts_and_lists(self):
        page = coverage.page(OPERATIONS, {"toy-runtime": ["Put"]})
        self.assertIn("| Toy Runtime (`toy-runtime`) | 1 | 2 |", page)
        self.assertIn("| Other (`other`) | 0 | 1 |", page)
        self.assertIn("Implemented (1): Put.", page)
        self.assertIn("Not implemented (1): Get.", page)

    def test_what_the_model_does_not_know_is_an_error(self):
        with self.assertRaises(coverage.CoverageError):
            coverage.page(OPERATIONS, {"toy-runtime": ["Pat"]})
        with self.assertRaises(coverage.CoverageError):
            coverage.page(OPERATIONS, {"toys": []})


if __name__ == "__main__":
    unittest.main()

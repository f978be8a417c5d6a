import unittest

from codegen import patching


def apply(model, **patch):
    patch.setdefault("reason", "the wire differs")
    patching.apply(model, [patch], "s")
    return model


class Patching(unittest.TestCase):
    def test_add_replace_remove(self):
        self.assertEqual(apply({"a": {}}, path="/a/b", op="add", value=1), {"a": {"b": 1}})
        self.assertEqual(apply({"a": 1}, path="/a", op="replace", value=2), {"a": 2})
        self.assertEqual(apply({"a": 1, "b": 2}, path="/a", op="remove"), {"b": 2})
        self.assertEqual(apply({"a": [1]}, path="/a/-", op="add", value=2), {"a": [1, 2]})
        self.assertEqual(apply({"a/b": {}}, path="/a~1b/c", op="add", value=1), {"a/b": {"c": 1}})

    def test_a_patch_that_does_not_apply_is_an_error(self):
        for model, patch in [
            ({"a": 1}, {"path": "/a", "op": "add", "value": 2}),
            ({"a": 1}, {"path": "/a", "op": "replace", "value": 1}),
            ({}, {"path": "/a", "op": "replace", "value": 1}),
            ({}, {"path": "/a", "op": "remove"}),
            ({}, {"path": "/a/b", "op": "add", "value": 1}),
            ({"a": [1]}, {"path": "/a/-", "op": "add", "value": 1}),
            ({"a": [1]}, {"path": "/a/0", "op": "remove"}),
            ({"a": 1}, {"path": "/a", "op": "rename", "value": "b"}),
        ]:
            with self.assertRaises(patching.PatchError, msg=str(patch)):
                apply(model, **patch)

    def test_a_reason_is_needed_and_unknown_keys_are_refused(self):
        with self.assertRaises(patching.PatchError):
            apply({}, path="/a", op="add", value=1, reason=" ")
        with self.assertRaises(patching.PatchError):
            apply({}, path="/a", op="add", value=1, because="x")


if __name__ == "__main__":
    unittest.main()

import json
import os
import tempfile
import unittest

from codegen import authorization, model

ACTIONS = {
    "getthing": {"name": "GetThing", "conditionKeys": ["aws:RequestTag/${TagKey}", "toy:Kind"],
                 "resourceTypes": [{"name": "thing", "required": True}]},
    "movething": {"name": "MoveThing", "conditionKeys": [],
                  "resourceTypes": [{"name": "thing", "required": True}, {"name": "big-thing", "required": False}]},
}
TYPES = {"thing": {"arn": "arn:${Partition}:toy:${Region}:${Account}:thing/${ThingName}"},
         "big-thing": {"arn": "arn:${Partition}:toy:${Region}:${Account}:big-thing/${Big}/${Id}"}}
KEYS = {"aws:requesttag/${tagkey}": {}, "toy:kind": {}, "toy:tag/<key>": {}}


class Authorization(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        for name, content in (("actions", ACTIONS), ("resourceTypes", TYPES), ("conditionKeys", KEYS)):
            os.makedirs(os.path.join(self.folder.name, "data", name))
            with open(os.path.join(self.folder.name, "data", name, "toy.json"), "w", encoding="utf-8") as file:
                json.dump(content, file)
        toy = model.Model("toy", {
            "metadata": {"endpointPrefix": "toy"},
            "operations": {"GetThing": {"input": {"shape": "Get"}}, "MoveThing": {"input": {"shape": "Move"}}},
            "shapes": {"Get": {"members": {"ThingName": {}}}, "Move": {"members": {"BigThingArn": {}}}}}, {})
        self.text = authorization.source(self.folder.name, [toy])

    def test_names_come_from_members_and_arns_from_theirs(self):
        self.assertIn('{"thing", true, "thing/{ThingName}", ""}', self.text)
        self.assertIn('{"thing", true, "thing/*", ""}', self.text)
        self.assertIn('{"big-thing", false, "big-thing/*/*", "BigThingArn"}', self.text)
        self.assertIn('{"GetThing", {toy_resources + 0, 1}, {toy_keys + 0, 2}}', self.text)

    def test_keys_are_cut_where_the_author_chooses(self):
        self.assertEqual(authorization.all_condition_keys(self.folder.name), ["aws:requesttag/", "toy:kind", "toy:tag/"])


if __name__ == "__main__":
    unittest.main()

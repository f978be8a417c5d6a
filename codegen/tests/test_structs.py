import unittest

from codegen import model, structs, tables


def example():
    return model.Model("toy", {
        "metadata": {"apiVersion": "1", "endpointPrefix": "toy", "protocol": "json",
                     "protocols": ["json"], "jsonVersion": "1.0"},
        "operations": {
            "PutThing": {"name": "PutThing", "http": {"method": "POST", "requestUri": "/"},
                         "input": {"shape": "PutThingRequest"}},
            "GetThing": {"name": "GetThing", "http": {"method": "POST", "requestUri": "/"},
                         "input": {"shape": "Tree"}, "output": {"shape": "Tree"}},
        },
        "shapes": {
            "PutThingRequest": {"type": "structure", "required": ["Name"], "members": {
                "Name": {"shape": "Text"}, "Count": {"shape": "Number"}, "Data": {"shape": "Bytes", "streaming": True},
                "Root": {"shape": "Tree"}}},
            "Tree": {"type": "structure", "members": {
                "Left": {"shape": "Tree"}, "Others": {"shape": "Trees"}}},
            "Trees": {"type": "list", "member": {"shape": "Tree"}},
            "Text": {"type": "string"},
            "Number": {"type": "integer"},
            "Bytes": {"type": "blob"},
            "Unused": {"type": "structure", "members": {}},
        },
    }, {})


class Structs(unittest.TestCase):
    def test_members_have_the_right_types(self):
        header = structs.files(example(), {"thing": ["PutThing"]})["thing.h"]
        for line in ("  std::string name;  // required", "  std::optional<std::int64_t> count;",
                     "  Box<Tree> root;", "  Box<Tree> left;",
                     "  std::optional<std::vector<Tree>> others;"):
            self.assertIn(line, header)
        self.assertNotIn("data", header)
        self.assertNotIn("Unused", header)
        self.assertIn("using Output = Empty;", header)

    def test_what_two_groups_reach_is_shared(self):
        files = structs.files(example(), {"put": ["PutThing"], "get": ["GetThing"]})
        self.assertIn("struct Tree {", files["shared.h"])
        self.assertNotIn("struct Tree {", files["put.h"])
        self.assertIn('#include "api/toy/shared.h"', files["get.h"])

    def test_an_unknown_operation_is_an_error(self):
        with self.assertRaises(structs.GroupError):
            structs.files(example(), {"thing": ["NoSuch"]})

    def test_special_members_of_large_structs_are_out_of_line(self):
        toy = example()
        members = toy.shapes["PutThingRequest"]["members"]
        members.update({f"Extra{i}": {"shape": "Text"} for i in range(structs._AGGREGATE_MEMBERS_MAX)})
        files = structs.files(toy, {"thing": ["PutThing"]})
        self.assertIn("  ~PutThingRequest();", files["thing.h"])
        self.assertIn("PutThingRequest::~PutThingRequest() = default;", files["bindings_0.cc"])
        self.assertNotIn("~Tree", files["thing.h"])

    def test_bindings_are_cut_into_files_that_compile_quickly(self):
        before = structs._BOUND_PER_FILE_MAX
        structs._BOUND_PER_FILE_MAX = 1
        try:
            files = structs.files(example(), {"thing": ["PutThing"]})
        finally:
            structs._BOUND_PER_FILE_MAX = before
        first, second = files["bindings_0.cc"], files["bindings_1.cc"]
        self.assertIn("operations::PutThing::operation()", first)
        self.assertNotIn("operations::", second)
        self.assertEqual((first + second).count("Value to_value(const Tree& in)"), 1)

    def test_small_groups_share_a_source_file(self):
        files = structs.files(example(), {"put": ["PutThing"], "get": ["GetThing"]})
        source = files["bindings_0.cc"]
        for text in ('#include "api/toy/put.h"', '#include "api/toy/get.h"', "GetThing::service()",
                     "PutThing::service()", "Value to_value(const Tree& in)"):
            self.assertEqual(source.count(text), 1, text)
        self.assertNotIn("bindings_1.cc", files)

    def test_members_of_a_shape_never_straddle_two_files(self):
        before = tables.MEMBERS_PER_FILE
        tables.MEMBERS_PER_FILE = 5
        try:
            files = tables.files(example())
        finally:
            tables.MEMBERS_PER_FILE = before
        self.assertIn("extern const Member members_0[4];", files["tables.h"])
        self.assertIn("extern const Member members_1[3];", files["tables.h"])
        self.assertIn(".members = {members_1 + 0, 2}", files["shapes_0.cc"])


if __name__ == "__main__":
    unittest.main()

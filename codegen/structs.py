"""Typed structs of the shapes that operations.json reaches: a header per group, sources per service.

A shape that several groups of a service reach goes into the service's shared.h.
"""

from codegen import cpp, names, tables

_SCALARS = {
    "boolean": "bool",
    "integer": "std::int64_t",
    "long_integer": "std::int64_t",
    "float_number": "double",
    "double_number": "double",
    "string": "std::string",
    "blob": "Blob",
    "timestamp": "Timestamp",
    "document": "Value",
}
SHARED = "shared"
# Larger structs have their special members in a source file: inline, these took half of the compile time of a handler
# file. The others stay aggregates, which {.key = "a"} initializes.
_AGGREGATE_MEMBERS_MAX = 5
_FLAT_AGGREGATE_MEMBERS_MAX = 12  # for structs without nested structs
# How much one source file binds: members, plus two for each struct. More would take longer than 4 s to compile; less
# would parse the same headers more often.
_BOUND_PER_FILE_MAX = 200


class GroupError(Exception):
    pass


def files(model, groups):
    """Returns {file name: text}: a header per group, all sources, and errors.h."""
    out = {"errors.h": _errors_header(model)}
    if not groups:
        return out
    placed = _place(model, groups)
    writers = [_Group(model, group, groups.get(group, []), placed, SHARED in placed)
               for group in sorted(placed)]
    for writer in writers:
        out[writer.group + ".h"] = writer.header()
    for number, bound in enumerate(_chunks(writers)):
        out[f"bindings_{number}.cc"] = _source(model, bound)
    return out


def _chunks(writers):
    """Lists of (group's writer, structures): what each source file binds, in order."""
    chunks, room = [], 0
    for writer in writers:
        # A group without structures may still have operations.
        for name in writer.structures() or [None]:
            if room <= 0:
                chunks.append([])
                room = _BOUND_PER_FILE_MAX
            if not chunks[-1] or chunks[-1][-1][0] is not writer:
                chunks[-1].append((writer, []))
            if name:
                chunks[-1][-1][1].append(name)
                room -= 2 + len(struct_members(writer.model, writer.model.shapes[name]))
    return chunks


def _source(model, bound):
    space = model.namespace
    lines = [cpp.BANNER]
    lines += [f'#include "api/{space}/{writer.group}.h"' for writer, _ in bound]
    lines += [
        "",
        "#include <cstddef>",
        "",
        '#include "api/binding.h"',
        f'#include "api/{space}/tables.h"',
        "",
        "// Our structs are plain; the standard only promises less than every compiler keeps.",
        "#pragma clang diagnostic ignored \"-Winvalid-offsetof\"",
        "",
        f"namespace tidemill::api::{space} {{",
        "",
    ]
    for writer, structures in bound:
        for name in structures:
            lines += writer.binding(name)
        if structures[:1] == writer.structures()[:1]:  # the group's first part
            lines += writer.operation_definitions()
    return "\n".join(lines + ["", f"}}  // namespace tidemill::api::{space}", ""])


def reachable(model, roots):
    """The shapes below `roots`, in order of first occurrence, without those that are streamed outside of the
    structs."""
    seen = {}
    pending = list(reversed(roots))
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen[name] = True
        shape = model.shapes[name]
        below = [member["shape"] for _, member in struct_members(model, shape)]
        for key in ("member", "key", "value"):
            if key in shape:
                below.append(shape[key]["shape"])
        pending.extend(reversed(below))
    return list(seen)


def struct_members(model, shape):
    """(name, member) for a struct's members, without streams, which travel in the call's context."""
    found = []
    for name, member in shape.get("members", {}).items():
        target = model.shapes[member["shape"]]
        if member.get("streaming") or target.get("streaming") or target.get("eventstream"):
            continue
        found.append((name, member))
    return found


def _place(model, groups):
    """{group: [shape names]}"""
    users = {}
    for group, operations in groups.items():
        if group in (SHARED, "service", "tables", "errors"):
            raise GroupError(f"{model.service}: a group must not be called {group}")
        roots = []
        for operation in operations:
            if operation not in model.operations:
                raise GroupError(f"{model.service}: the model has no operation {operation}")
            for side in ("input", "output"):
                if side in model.operations[operation]:
                    roots.append(model.operations[operation][side]["shape"])
        for name in reachable(model, roots):
            users.setdefault(name, []).append(group)
    placed = {group: [] for group in groups}
    for name, used_by in users.items():
        placed.setdefault(used_by[0] if len(used_by) == 1 else SHARED, []).append(name)
    return placed


def _errors_header(model):
    space = f"tidemill::api::{model.namespace}::errors"
    lines = [cpp.BANNER, "#pragma once", "", f"namespace {space} {{", ""]
    for name, value in names.constants(model.error_shapes()):
        code = model.shapes[value].get("error", {}).get("code")
        if model.query_compatible or not code:
            code = value
        lines.append(f"inline constexpr const char* {name} = {cpp.quote(code)};")
    return "\n".join(lines + ["", f"}}  // namespace {space}", ""])


class _Group:
    def __init__(self, model, group, operations, placed, has_shared):
        self.model = model
        self.group = group
        self.operations = operations
        self.shapes = placed[group]
        self.has_shared = has_shared and group != SHARED
        self.space = f"tidemill::api::{model.namespace}"

    def structures(self):
        """The group's structures, each after those that it contains by value in a list or map."""
        ordered, visiting = {}, set()

        def visit(name):
            if name in ordered or name in visiting or name not in own:
                return
            visiting.add(name)
            for _, member in struct_members(self.model, self.model.shapes[name]):
                visit(self._innermost(member["shape"]))
            ordered[name] = True

        own = {name for name in self.shapes if self._is_struct(name)}
        for name in self.shapes:
            visit(name)
        return list(ordered)

    def _is_struct(self, name):
        return tables.shape_type(self.model.shapes[name]) == "structure"

    def _innermost(self, name):
        shape = self.model.shapes[name]
        while shape["type"] in ("list", "map"):
            name = shape["member" if shape["type"] == "list" else "value"]["shape"]
            shape = self.model.shapes[name]
        return name

    def _type(self, name):
        shape = self.model.shapes[name]
        kind = tables.shape_type(shape)
        if kind == "structure":
            return name
        if kind == "list":
            return f"std::vector<{self._type(shape['member']['shape'])}>"
        if kind == "map":
            return f"std::map<std::string, {self._type(shape['value']['shape'])}>"
        return _SCALARS[kind]

    def _member_type(self, member, required):
        kind = self._type(member["shape"])
        if self._is_struct(member["shape"]):
            return f"Box<{kind}>"
        return kind if required or kind == "Value" else f"std::optional<{kind}>"

    def _fields(self, name):
        """Yields (model's name, C++ name, C++ type, required)."""
        shape = self.model.shapes[name]
        required = set(shape.get("required", []))
        fields = [
            (member_name, names.snake(member_name), self._member_type(member, member_name in required),
             member_name in required)
            for member_name, member in struct_members(self.model, shape)
        ]
        plain = [field[1] for field in fields]
        if len(set(plain)) != len(plain):
            raise GroupError(f"{self.model.service}: members of {name} share a C++ name")
        return fields

    def header(self):
        structures = self.structures()
        lines = [cpp.BANNER, "#pragma once", ""]
        lines += [f"#include <{header}>" for header in
                  ("cstdint", "map", "optional", "string", "string_view", "vector")]
        lines += ["", '#include "api/box.h"', f'#include "api/{self.model.namespace}/errors.h"']
        lines.append(f'#include "api/{self.model.namespace}/service.h"')
        if self.has_shared:
            lines.append(f'#include "api/{self.model.namespace}/{SHARED}.h"')
        lines += ['#include "base/error.h"', '#include "base/value.h"', ""]
        lines += [f"namespace {self.space} {{", ""]
        for name in self.shapes:
            lines += self._enumeration(name)
        lines += [f"struct {name};" for name in structures] + [""]
        for name in structures:
            lines += self._struct(name)
        for name in structures:
            lines.append(f"Value to_value(const {name}& in);")
            lines.append(f"Result<void> from_value(const Value& in, {name}& out);")
        lines += self._operation_tags()
        return "\n".join(lines + ["", f"}}  // namespace {self.space}", ""])

    def _enumeration(self, name):
        values = self.model.shapes[name].get("enum")
        if not values:
            return []
        lines = [f"namespace {names.snake(name)} {{"]
        for constant, value in names.constants(values):
            lines.append(f"inline constexpr std::string_view {constant} = {cpp.quote(value)};")
        return lines + [f"}}  // namespace {names.snake(name)}", ""]

    def _struct(self, name):
        lines = [f"struct {name} {{"]
        if self._out_of_line(name):
            lines += [
                f"  {name}();",
                f"  {name}(const {name}&);",
                f"  {name}({name}&&) noexcept;",
                f"  {name}& operator=(const {name}&);",
                f"  {name}& operator=({name}&&) noexcept;",
                f"  ~{name}();",
                "",
            ]
        for _, plain, kind, required in self._fields(name):
            start = " = 0" if kind in ("std::int64_t", "double") else ""
            start = " = false" if kind == "bool" else start
            note = "  // required" if required else ""
            lines.append(f"  {kind} {plain}{start};{note}")
        return lines + ["};", ""]

    def _out_of_line(self, name):
        members = struct_members(self.model, self.model.shapes[name])
        flat = not any(self._is_struct(self._innermost(member["shape"])) for _, member in members)
        return len(members) > (_FLAT_AGGREGATE_MEMBERS_MAX if flat else _AGGREGATE_MEMBERS_MAX)

    def _special_members(self, name):
        if not self._out_of_line(name):
            return []
        return [
            f"{name}::{name}() = default;",
            f"{name}::{name}(const {name}&) = default;",
            f"{name}::{name}({name}&&) noexcept = default;",
            f"{name}& {name}::operator=(const {name}& other) {{ return *this = {name}(other); }}",
            f"{name}& {name}::operator=({name}&& other) noexcept {{",
            "  return binding::replace(*this, std::move(other));",
            "}",
            f"{name}::~{name}() = default;",
        ]

    def _operation_tags(self):
        if not self.operations:
            return []
        lines = ["", "namespace operations {", ""]
        for name in sorted(self.operations):
            operation = self.model.operations[name]
            lines += [
                f"struct {name} {{",
                f"  using Input = {self._io(operation, 'input')};",
                f"  using Output = {self._io(operation, 'output')};",
                "  static const schema::Service& service();",
                "  static const schema::Operation& operation();",
                "};",
                "",
            ]
        return lines + ["}  // namespace operations"]

    def _io(self, operation, side):
        return operation[side]["shape"] if side in operation else "Empty"

    def operation_definitions(self):
        positions = {name: index for index, name in enumerate(self.model.operations)}
        lines = []
        for name in sorted(self.operations):
            tag = f"operations::{name}"
            lines += [
                f"const schema::Service& {tag}::service() {{ return {self.space}::service(); }}",
                f"const schema::Operation& {tag}::operation() {{",
                f"  return tables::all_operations[{positions[name]}];",
                "}",
            ]
        return lines

    def binding(self, name):
        fields = self._fields(name)
        table = "{}"
        lines = []
        if fields:
            table = f"k{name}Fields"
            lines.append(f"static constexpr binding::Field {table}[] = {{")
            for member, plain, kind, _ in fields:
                lines.append(
                    f"    {{{cpp.quote(member)}, offsetof({name}, {plain}), &binding::kOps<{kind}>}},")
            lines.append("};")
        lines += self._special_members(name)
        lines += [
            f"Value to_value(const {name}& in) {{ return binding::write_structure({table}, &in); }}",
            f"Result<void> from_value(const Value& in, {name}& out) {{",
            f"  return binding::read_structure({table}, in, &out);",
            "}",
            "",
        ]
        return lines

"""A service's model as constant tables of src/base/schema.h.

Shapes and members are in arrays that are split into chunks, with one source file per chunk, so that no file takes
long to compile. They refer to each other by address, which the compiler resolves: nothing runs at start.
"""
from codegen import cpp, service_table

SHAPES_PER_FILE = 700
MEMBERS_PER_FILE = 1800

_TYPES = {
    "boolean": "boolean",
    "integer": "integer",
    "long": "long_integer",
    "float": "float_number",
    "double": "double_number",
    "string": "string",
    "character": "string",
    "blob": "blob",
    "timestamp": "timestamp",
    "structure": "structure",
    "list": "list",
    "map": "map",
}
_LOCATIONS = {
    "header": "header",
    "headers": "headers",
    "uri": "uri",
    "querystring": "query_string",
    "statusCode": "status_code",
}
_TIMESTAMPS = {
    "iso8601": "iso8601",
    "unixTimestamp": "unix_timestamp",
    "rfc822": "rfc822",
}


def files(model):
    """Returns {file name: text} with the service's tables."""
    return _Tables(model).files()


def shape_type(shape):
    return "document" if shape.get("document") else _TYPES[shape["type"]]


class _Tables:
    def __init__(self, model):
        self.model = model
        self.space = f"tidemill::api::{model.namespace}"
        self.shape_index = {name: index for index, name in enumerate(model.shapes)}
        self.errors = set(model.error_shapes())
        self.json_headers = self._json_headers()
        self.member_chunks = [[]]  # initializers; a shape's members are never split between two chunks
        self.first_member = {}  # shape -> (chunk, index of its first member)
        for name, shape in model.shapes.items():
            members = self._members_of(shape)
            if len(self.member_chunks[-1]) + len(members) > MEMBERS_PER_FILE:
                self.member_chunks.append([])
            self.first_member[name] = (len(self.member_chunks) - 1, len(self.member_chunks[-1]))
            self.member_chunks[-1].extend(members)

    def files(self):
        out = {"tables.h": self._header()}
        for chunk in range(len(self.member_chunks)):
            out[f"members_{chunk}.cc"] = self._member_file(chunk)
        for chunk in range(_chunks(len(self.shape_index), SHAPES_PER_FILE)):
            out[f"shapes_{chunk}.cc"] = self._shape_file(chunk)
        out.update(service_table.files(self.model, self._shape))
        return out

    # --- references

    def _shape(self, name):
        index = self.shape_index[name]
        return f"&shapes_{index // SHAPES_PER_FILE}[{index % SHAPES_PER_FILE}]"

    def _member(self, shape, index):
        chunk, first = self.first_member[shape]
        return f"members_{chunk} + {first + index}"

    # --- members

    def _json_headers(self):
        return {
            member["shape"]
            for shape in self.model.shapes.values()
            for member in shape.get("members", {}).values()
            if member.get("jsonvalue") and member.get("location") == "header"
        }

    def _members_of(self, shape):
        kind = shape["type"]
        if kind == "structure":
            required = set(shape.get("required", []))
            return [
                self._member_text(name, member, name, name in required)
                for name, member in shape.get("members", {}).items()
            ]
        if kind == "list":
            return [self._member_text("member", shape["member"], "member", False)]
        if kind == "map":
            return [
                self._member_text("key", shape["key"], "key", False),
                self._member_text("value", shape["value"], "value", False),
            ]
        return []

    def _member_text(self, name, member, wire_name, required):
        shape = self.model.shapes[member["shape"]]
        fields = [
            f".name = {cpp.quote(name)}",
            f".wire_name = {cpp.quote(member.get('locationName', wire_name))}",
            f".shape = {self._shape(member['shape'])}",
        ]
        location = member.get("location")
        if location in _LOCATIONS:
            fields.append(f".location = Location::{_LOCATIONS[location]}")
        flags = [
            ("required", required),
            ("idempotency_token", member.get("idempotencyToken")),
            ("xml_attribute", member.get("xmlAttribute")),
            ("flattened", member.get("flattened") or shape.get("flattened")),
            ("streaming", member.get("streaming") or shape.get("streaming")),
            ("event_payload", member.get("eventpayload")),
            ("event_header", member.get("eventheader")),
            ("host_label", member.get("hostLabel")),
        ]
        fields += [f".{flag} = true" for flag, value in flags if value]
        fields += _timestamp_format(member)
        fields += _xml_namespace(member)
        return "{" + ", ".join(fields) + "}"

    # --- shapes

    def _shape_text(self, name, enum_text):
        shape = self.model.shapes[name]
        kind = shape_type(shape)
        fields = [f".name = {cpp.quote(name)}", f".type = ShapeType::{kind}"]
        if kind == "structure" and shape.get("members"):
            fields.append(f".members = {{{self._member(name, 0)}, {len(shape['members'])}}}")
        if shape["type"] == "list":
            fields.append(f".element = {self._member(name, 0)}")
        if shape["type"] == "map":
            fields.append(f".element = {self._member(name, 1)}")
            fields.append(f".key = {self._member(name, 0)}")
        if "payload" in shape:
            position = list(shape["members"]).index(shape["payload"])
            fields.append(f".payload = {self._member(name, position)}")
        for key, field in (("min", "minimum"), ("max", "maximum")):
            if key in shape:
                fields.append(f".{field} = {float(shape[key])!r}")
        if "pattern" in shape:
            fields.append(f".pattern = {cpp.quote(shape['pattern'])}")
        if enum_text:
            fields.append(f".enumeration = {enum_text}")
        fields += _timestamp_format(shape)
        flags = [
            ("flattened", shape.get("flattened")),
            ("sensitive", shape.get("sensitive")),
            ("is_union", shape.get("union")),
            ("event_stream", shape.get("eventstream")),
            ("event", shape.get("event")),
            ("json_value", shape.get("jsonvalue") or name in self.json_headers),
        ]
        fields += [f".{flag} = true" for flag, value in flags if value]
        fields += _xml_namespace(shape)
        if "locationName" in shape:
            fields.append(f".xml_name = {cpp.quote(shape['locationName'])}")
        fields += self._error_fields(name, shape)
        return "{" + ", ".join(fields) + "}"

    def _error_fields(self, name, shape):
        if name not in self.errors:
            return []
        error = shape.get("error", {})
        status = error.get("httpStatusCode", 500 if shape.get("fault") else 0)
        sender = error.get("senderFault", not (shape.get("fault") or status >= 500))
        fields = [".exception = true"]
        if not sender:
            fields.append(".sender_fault = false")
        if status:
            fields.append(f".error_http_status = {status}")
        if error.get("code"):
            # A query-compatible service sends the shape's name, and additionally the older code.
            field = "query_error_code" if self.model.query_compatible else "error_code"
            fields.append(f".{field} = {cpp.quote(error['code'])}")
        return fields

    # --- files

    def _header(self):
        lines = [cpp.BANNER, "#pragma once", "", '#include "base/schema.h"', ""]
        lines += [f"namespace {self.space}::tables {{", "", "using namespace schema;", ""]
        for chunk, members in enumerate(self.member_chunks):
            lines.append(f"extern const Member members_{chunk}[{len(members)}];")
        total = len(self.shape_index)
        for chunk in range(_chunks(total, SHAPES_PER_FILE)):
            count = min(SHAPES_PER_FILE, total - chunk * SHAPES_PER_FILE)
            lines.append(f"extern const Shape shapes_{chunk}[{count}];")
        count = len(self.model.operations)
        lines.append(f"extern const Operation all_operations[{count}];")
        lines += ["", f"}}  // namespace {self.space}::tables", ""]
        return "\n".join(lines)

    def _open(self):
        return [
            cpp.BANNER,
            f'#include "api/{self.model.namespace}/tables.h"',
            "",
            f"namespace {self.space}::tables {{",
            "",
        ]

    def _close(self):
        return ["", f"}}  // namespace {self.space}::tables", ""]

    def _member_file(self, chunk):
        part = self.member_chunks[chunk]
        lines = self._open()
        lines.append(f"constinit const Member members_{chunk}[{len(part)}] = {{")
        lines += [f"    {text}," for text in part]
        lines.append("};")
        return "\n".join(lines + self._close())

    def _shape_file(self, chunk):
        names = list(self.shape_index)[chunk * SHAPES_PER_FILE : (chunk + 1) * SHAPES_PER_FILE]
        values, shapes = [], []
        for name in names:
            enum = self.model.shapes[name].get("enum", [])
            place = f"{{enumeration + {len(values)}, {len(enum)}}}" if enum else None
            values += enum
            shapes.append(self._shape_text(name, place))
        lines = self._open()
        if values:
            lines.append(f"static constinit const std::string_view enumeration[{len(values)}] = {{")
            lines += [f"    {cpp.quote(value)}," for value in values]
            lines += ["};", ""]
        lines.append(f"constinit const Shape shapes_{chunk}[{len(shapes)}] = {{")
        lines += [f"    {text}," for text in shapes]
        lines.append("};")
        return "\n".join(lines + self._close())


def _chunks(total, size):
    return -(-total // size)


def _timestamp_format(node):
    name = node.get("timestampFormat")
    return [f".timestamp_format = TimestampFormat::{_TIMESTAMPS[name]}"] if name else []


def _xml_namespace(node):
    space = node.get("xmlNamespace")
    if not space:
        return []
    if isinstance(space, str):
        space = {"uri": space}
    fields = [f".xml_namespace = {cpp.quote(space['uri'])}"]
    if space.get("prefix"):
        fields.append(f".xml_prefix = {cpp.quote(space['prefix'])}")
    return fields

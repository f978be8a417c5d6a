"""Converts NumPy arrays to and from the containers' default content types."""
import csv
import io
import json

from tidemill_containers import content_types, errors


def _text(string_like):
    return string_like.decode("utf-8") if isinstance(string_like, (bytes, bytearray)) else string_like


def array_to_npy(array_like):
    import numpy
    buffer = io.BytesIO()
    numpy.save(buffer, array_like)
    return buffer.getvalue()


def npy_to_numpy(npy_array):
    """Refuses arrays of Python objects, since loading them can run code."""
    import numpy
    return numpy.load(io.BytesIO(npy_array), allow_pickle=False)


def array_to_json(array_like):
    def default(value):
        if hasattr(value, "tolist"):
            return value.tolist()
        return json.JSONEncoder().default(value)
    return json.dumps(array_like, default=default)


def json_to_numpy(string_like, dtype=None):
    import numpy
    return numpy.array(json.loads(_text(string_like)), dtype=dtype)


def csv_to_numpy(string_like, dtype=None):
    """A single row gives a vector. Without a dtype, fields stay text unless all of them are numbers."""
    import numpy
    try:
        rows = list(csv.reader(io.StringIO(_text(string_like)), strict=True))
        array = numpy.array([row for row in rows if row]).squeeze()
    except (csv.Error, ValueError) as error:
        raise errors.ClientError(f"Error while decoding csv: {error}") from None
    try:
        return array.astype(dtype if dtype is not None else float)
    except ValueError as error:
        if dtype is None:
            return array
        raise errors.ClientError(f"Error while writing numpy array: {error}. dtype is: {dtype}") from None


def array_to_csv(array_like):
    """Writes one line per row, each with a line end."""
    import numpy
    array = numpy.array(array_like)
    if array.ndim < 2:
        array = array.reshape(-1, 1)
    stream = io.StringIO()
    # Converted to Python values, because some versions of NumPy write the type along with its numbers.
    csv.writer(stream, lineterminator="\n").writerows(array.tolist())
    return stream.getvalue()


_ENCODERS = {content_types.NPY: array_to_npy, content_types.CSV: array_to_csv, content_types.JSON: array_to_json}
_DECODERS = {content_types.NPY: npy_to_numpy, content_types.CSV: csv_to_numpy, content_types.JSON: json_to_numpy}


def _media_type(content_type):
    return (content_type or "").split(";")[0].strip().lower()


def decode(obj, content_type, unsupported=errors.UnsupportedFormatError):
    decoder = _DECODERS.get(_media_type(content_type))
    if decoder is None:
        raise unsupported(content_type)
    return decoder(obj)


def encode(array_like, content_type, unsupported=errors.UnsupportedFormatError):
    encoder = _ENCODERS.get(_media_type(content_type))
    if encoder is None:
        raise unsupported(content_type)
    return encoder(array_like)

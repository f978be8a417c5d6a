"""Decodes bodies to NumPy arrays."""
import io

from sagemaker_inference import errors
from tidemill_containers import content_types, encoders
from tidemill_containers.encoders import json_to_numpy as _json_to_numpy, npy_to_numpy as _npy_to_numpy  # noqa: F401


def _csv_to_numpy(string_like, dtype=None):
    """Like numpy.genfromtxt: fields that are not numbers become nan."""
    import numpy
    text = string_like.decode("utf-8") if isinstance(string_like, (bytes, bytearray)) else string_like
    return numpy.genfromtxt(io.StringIO(text), dtype=dtype if dtype is not None else float, delimiter=",")


def _npz_to_sparse(npz):
    from scipy import sparse
    return sparse.load_npz(io.BytesIO(npz))


def decode(obj, content_type):
    kind = (content_type or "").split(";")[0].strip().lower()
    if kind == content_types.CSV:
        return _csv_to_numpy(obj)
    if kind == content_types.NPZ:
        return _npz_to_sparse(obj)
    return encoders.decode(obj, kind, errors.UnsupportedFormatError)

"""Decodes bodies to a DMatrix."""
import csv
import io
import json

from tidemill_containers import content_types, errors, recordio


def csv_to_dmatrix(input, dtype=None):
    """Rows without a header and a label. The delimiter is detected; empty fields are missing values."""
    import numpy
    import xgboost
    text = (input.decode("utf-8") if isinstance(input, (bytes, bytearray)) else input).strip()
    delimiter = csv.Sniffer().sniff(text.split("\n")[0][:512]).delimiter
    delimiter = "," if delimiter.isalnum() else delimiter
    rows = [["nan" if field.strip() == "" else field for field in line.rstrip("\r").split(delimiter)]
            for line in text.split("\n")]
    return xgboost.DMatrix(numpy.array(rows).astype(dtype or float))


def libsvm_to_dmatrix(string_like):
    """"label 0:1 5:2" or "0:1 5:2"; columns that are not named are missing values."""
    import numpy
    import xgboost
    from scipy.sparse import csr_matrix
    text = string_like.decode("utf-8") if isinstance(string_like, (bytes, bytearray)) else string_like
    values, columns, starts = [], [], [0]
    for line in text.splitlines():
        entries = [token.split(":") for token in line.split("#")[0].split() if ":" in token]
        if not line.strip():
            continue
        for column, value in entries:
            columns.append(int(column))
            values.append(float(value))
        starts.append(len(values))
    return xgboost.DMatrix(csr_matrix((numpy.array(values, float), numpy.array(columns, int), starts)))


def recordio_protobuf_to_dmatrix(string_like):
    """Ignores labels, if there are any."""
    import xgboost
    return xgboost.DMatrix(recordio.read(bytes(string_like))[0])


def json_to_jsonlines(json_data):
    """The entries of the document's only list, one per line."""
    document = json_data if isinstance(json_data, dict) else json.loads(json_data)
    if len(document) != 1:
        raise ValueError("JSON response is not compatible for conversion to jsonlines.")
    lines = io.BytesIO()
    for entry in next(iter(document.values())):
        lines.write(json.dumps(entry).encode("utf-8") + b"\n")
    return lines.getvalue()


_DECODERS = {content_types.CSV: csv_to_dmatrix, content_types.LIBSVM: libsvm_to_dmatrix,
             content_types.X_LIBSVM: libsvm_to_dmatrix,
             content_types.X_RECORDIO_PROTOBUF: recordio_protobuf_to_dmatrix}


def decode(obj, content_type):
    kind = (content_type or "").split(";")[0].strip().lower()
    if kind not in _DECODERS:
        raise errors.UnsupportedFormatError(content_type)
    return _DECODERS[kind](obj)

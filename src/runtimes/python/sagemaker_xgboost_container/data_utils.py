"""Reads channels into a DMatrix."""
import csv
import os

from sagemaker_algorithm_toolkit import exceptions
from tidemill_containers import content_types, recordio

CSV, LIBSVM, PARQUET, RECORDIO_PROTOBUF = "csv", "libsvm", "parquet", "recordio-protobuf"
_KINDS = {CSV: CSV, content_types.CSV: CSV, LIBSVM: LIBSVM, content_types.LIBSVM: LIBSVM,
          content_types.X_LIBSVM: LIBSVM, PARQUET: PARQUET, content_types.X_PARQUET: PARQUET,
          RECORDIO_PROTOBUF: RECORDIO_PROTOBUF, content_types.X_RECORDIO_PROTOBUF: RECORDIO_PROTOBUF}
VALID_CONTENT_TYPES = list(_KINDS)


def get_content_type(content_type_cfg_val):
    """"csv" for "text/csv; label_size=1"; "libsvm" when a channel has no content type."""
    if content_type_cfg_val is None:
        return LIBSVM
    kind, *parameters = [part.strip() for part in content_type_cfg_val.lower().split(";")]
    if kind not in _KINDS:
        raise exceptions.UserError(f"{content_type_cfg_val} is not an accepted ContentType: "
                                   + ", ".join(VALID_CONTENT_TYPES) + ".")
    given = dict(part.replace(" ", "").split("=", 1) for part in parameters if "=" in part)
    if _KINDS[kind] == CSV and given.get("label_size", "1").strip('"') != "1":
        raise exceptions.UserError(f"{content_type_cfg_val} is not an accepted csv ContentType. "
                                   "Optional parameter label_size must be equal to 1")
    return _KINDS[kind]


def _files(path):
    if isinstance(path, (list, tuple)):
        return [file for each in path for file in _files(each)]
    path = str(path)
    if os.path.isfile(path):
        return [path]
    found = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names
             if not name.startswith((".", "_"))]
    return sorted(found)


def _refuse_pipes(is_pipe):
    if is_pipe:
        raise exceptions.UserError("Pipe mode is not implemented by Tidemill; use File or FastFile")


def get_size(data_path, is_pipe=False):
    _refuse_pipes(is_pipe)
    return sum(os.path.getsize(file) for file in _files(data_path))


def get_csv_dmatrix(path, csv_weights=0, is_pipe=False):
    """The label comes first, followed by the weight if csv_weights is 1."""
    import numpy
    import xgboost
    _refuse_pipes(is_pipe)
    rows = []
    for file in _files(path):
        with open(file, newline="") as stream:
            first = stream.readline()
            delimiter = csv.Sniffer().sniff(first[:512]).delimiter if first.strip() else ","
            stream.seek(0)
            rows += [[field if field.strip() else "nan" for field in row]
                     for row in csv.reader(stream, delimiter="," if delimiter.isalnum() else delimiter) if row]
    try:
        table = numpy.array(rows, dtype=float)
    except ValueError as error:
        raise exceptions.UserError(f"Failed to load csv data with exception:\n{error}") from None
    if not len(table):
        return None
    skipped = 2 if csv_weights == 1 else 1
    return xgboost.DMatrix(table[:, skipped:], label=table[:, 0], weight=table[:, 1] if skipped == 2 else None)


def get_libsvm_dmatrix(path, is_pipe=False):
    import numpy
    import xgboost
    from scipy.sparse import csr_matrix
    _refuse_pipes(is_pipe)
    labels, weights, values, columns, starts = [], [], [], [], [0]
    for file in _files(path):
        with open(file) as stream:
            for line in stream:
                tokens = line.split("#")[0].split()
                if not tokens:
                    continue
                label, _, weight = tokens[0].partition(":")
                try:
                    labels.append(float(label))
                    weights.append(float(weight) if weight else 1.0)
                    for column, value in (token.split(":") for token in tokens[1:] if not token.startswith("qid:")):
                        columns.append(int(column))
                        values.append(float(value))
                except ValueError as error:
                    raise exceptions.UserError(f"Failed to load libsvm data with exception:\n{error}") from None
                starts.append(len(values))
    if not labels:
        return None
    return xgboost.DMatrix(csr_matrix((numpy.array(values), numpy.array(columns, int), starts)),
                           label=labels, weight=weights if set(weights) != {1.0} else None)


def get_parquet_dmatrix(path, is_pipe=False):
    """The first column is the label."""
    import pandas
    import xgboost
    _refuse_pipes(is_pipe)
    tables = [pandas.read_parquet(file) for file in _files(path)]
    if not tables:
        return None
    table = pandas.concat(tables).to_numpy(dtype=float)
    return xgboost.DMatrix(table[:, 1:], label=table[:, 0])


def get_recordio_protobuf_dmatrix(path, is_pipe=False):
    import xgboost
    _refuse_pipes(is_pipe)
    data = b""
    for file in _files(path):
        with open(file, "rb") as stream:
            data += stream.read()
    if not data:
        return None
    features, labels = recordio.read(data)
    return xgboost.DMatrix(features, label=labels)


def get_dmatrix(data_path, content_type, csv_weights=0, is_pipe=False):
    """Reads all files below a folder; None when there are none."""
    if not _files(data_path):
        return None
    kind = get_content_type(content_type)
    if kind == CSV:
        dmatrix = get_csv_dmatrix(data_path, csv_weights, is_pipe)
    else:
        dmatrix = {LIBSVM: get_libsvm_dmatrix, PARQUET: get_parquet_dmatrix,
                   RECORDIO_PROTOBUF: get_recordio_protobuf_dmatrix}[kind](data_path, is_pipe)
    if dmatrix is not None and dmatrix.get_label().size == 0:
        raise exceptions.UserError("Got input data without labels. Please check the input data set.")
    return dmatrix

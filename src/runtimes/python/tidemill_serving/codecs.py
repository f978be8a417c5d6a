"""Default decoding of requests and encoding of predictions, as in SageMaker's containers."""
import io
import json

CSV, JSON, JSONLINES = "text/csv", "application/json", "application/jsonlines"
NPY, LIBSVM = "application/x-npy", ("text/libsvm", "text/x-libsvm")


class Unsupported(Exception):
    """The defaults do not support this content type (415) or accept type (406)."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def media_type(text):
    return (text or "").split(";")[0].strip().lower()


def _text(body):
    return body.decode("utf-8") if isinstance(body, (bytes, bytearray)) else body


def _number_row(text, row):
    values = []
    for column, field in enumerate(text.split(","), 1):
        try:
            values.append(float(field) if field.strip() else float("nan"))
        except ValueError:
            raise ValueError(f"row {row}, column {column}: {field.strip()!r} is not a number") from None
    return values


def decode(body, content_type):
    """Decodes to a NumPy array (to a SciPy matrix for libsvm)."""
    import numpy
    kind = media_type(content_type)
    if kind == CSV:
        lines = [line for line in _text(body).splitlines() if line.strip()]
        return numpy.array([_number_row(line, row) for row, line in enumerate(lines, 1)])
    if kind == JSON:
        document = json.loads(_text(body))
        if isinstance(document, dict):
            for name in ("instances", "inputs", "features"):
                if name in document:
                    document = document[name]
                    break
        if isinstance(document, list) and document and isinstance(document[0], dict) \
                and "features" in document[0]:
            document = [row["features"] for row in document]
        return numpy.array(document)
    if kind in (JSONLINES, "application/jsonl", "application/x-jsonlines"):
        rows = [json.loads(line) for line in _text(body).splitlines() if line.strip()]
        return numpy.array([row["features"] if isinstance(row, dict) else row for row in rows])
    if kind == NPY:
        return numpy.load(io.BytesIO(body), allow_pickle=False)
    if kind in LIBSVM:
        return _libsvm(_text(body))
    raise Unsupported(415, f"Content type {content_type!r} is not supported by the default input_fn; "
                           f"define input_fn(request_body, content_type), or send {CSV}, {JSON}, "
                           f"{JSONLINES}, {NPY} or text/libsvm")


def _libsvm(text):
    from scipy.sparse import csr_matrix
    starts, columns, values = [0], [], []
    for line in text.splitlines():
        if not line.strip():
            continue
        for token in line.split():
            if ":" in token:
                column, value = token.split(":", 1)
                columns.append(int(column))
                values.append(float(value))
        starts.append(len(values))
    return csr_matrix((values, columns, starts))


def _plain(prediction):
    if hasattr(prediction, "detach"):  # a torch tensor
        prediction = prediction.detach().cpu().numpy()
    return prediction.tolist() if hasattr(prediction, "tolist") else prediction


def _csv(rows):
    if not isinstance(rows, (list, tuple)):
        rows = [rows]
    lines = [",".join(map(str, row)) if isinstance(row, (list, tuple)) else str(row) for row in rows]
    return "\n".join(lines) + "\n"


def encode(prediction, accept):
    """Encodes the response body for an accept type."""
    if isinstance(prediction, (bytes, str)):
        return prediction
    kind = media_type(accept)
    if kind == NPY:
        import numpy
        buffer = io.BytesIO()
        numpy.save(buffer, numpy.asarray(_plain(prediction)))
        return buffer.getvalue()
    if kind == JSON:
        return json.dumps(_plain(prediction))
    if kind == CSV:
        return _csv(_plain(prediction))
    if kind in (JSONLINES, "application/jsonl", "application/x-jsonlines"):
        rows = _plain(prediction)
        return "".join(json.dumps(row) + "\n" for row in (rows if isinstance(rows, list) else [rows]))
    raise Unsupported(406, f"Accept type {accept!r} is not supported by the default output_fn; define "
                           f"output_fn(prediction, accept), or accept {JSON}, {CSV}, {JSONLINES} or {NPY}")

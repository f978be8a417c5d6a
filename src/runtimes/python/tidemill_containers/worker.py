"""The object that an output_fn may return to set more than a body."""
from tidemill_containers import content_types


class Response:
    """The members of flask.Response that scripts use; Flask itself is not needed."""

    default_mimetype = content_types.JSON

    def __init__(self, response=None, accept=None, status=200, headers=None, mimetype=None,
                 direct_passthrough=False, content_type=None):
        self.response = b"" if response is None else response
        self.status_code = int(str(status).split()[0])
        self.headers = dict(headers or {})
        self.content_type = content_type or accept or mimetype or self.default_mimetype

    @property
    def mimetype(self):
        return self.content_type.split(";")[0].strip()

    @property
    def status(self):
        return str(self.status_code)

    def get_data(self, as_text=False):
        data = self.response
        if not isinstance(data, (str, bytes, bytearray)):
            data = b"".join(part.encode("utf-8") if isinstance(part, str) else bytes(part) for part in data)
        data = data.encode("utf-8") if isinstance(data, str) else bytes(data)
        return data.decode("utf-8") if as_text else data

    data = property(get_data)


def default_healthcheck_fn():
    return Response(status=200)

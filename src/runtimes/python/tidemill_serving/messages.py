"""HTTP/1.1 without sockets: parses requests from bytes and encodes answers. Strict about where a message ends."""
import re

HEAD_BYTES_MAX = 64 * 1024
HEADERS_MAX = 256
CHUNK_LINE_BYTES_MAX = 1024
# Clients repeat their heads except for the body's length, so parsed heads are cached.
CACHED_HEADS_MAX = 256
CACHED_HEAD_BYTES_MAX = 2048

REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed",
           406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict", 413: "Payload Too Large",
           415: "Unsupported Media Type", 431: "Request Header Fields Too Large",
           500: "Internal Server Error", 501: "Not Implemented", 503: "Service Unavailable",
           505: "HTTP Version Not Supported", 507: "Insufficient Storage"}

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_DIGITS = re.compile(rb"[0-9]{1,15}")
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?", re.DOTALL)
_cache = {}


class BadRequest(Exception):
    """Input that is not a valid request or exceeds a limit. The connection ends after the answer."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Head:
    __slots__ = ("method", "path", "query", "headers", "length", "chunked", "keep", "http_1_0",
                 "expects")


class Request:
    __slots__ = ("method", "path", "query", "headers", "body", "keep", "http_1_0")

    def __init__(self, head, body):
        self.method, self.path, self.query = head.method, head.path, head.query
        self.headers, self.keep, self.http_1_0 = head.headers, head.keep, head.http_1_0
        self.body = body


def _first_line(line, head):
    parts = line.split(b" ")
    if len(parts) != 3 or not _TOKEN.fullmatch(parts[0]) or not parts[1].startswith(b"/"):
        raise BadRequest(400, "the request line is not METHOD /PATH HTTP/1.1")
    if parts[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
        known = parts[2].startswith(b"HTTP/")
        raise BadRequest(505 if known else 400, "only HTTP/1.1 is spoken here")
    head.method = parts[0].decode("latin-1")
    path, _, query = parts[1].decode("latin-1").partition("?")
    head.path, head.query = path, query
    head.http_1_0 = parts[2] == b"HTTP/1.0"


def _fields(lines):
    fields = {}
    if len(lines) > HEADERS_MAX:
        raise BadRequest(431, f"more than {HEADERS_MAX} header fields")
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(name) or b"\n" in value or b"\r" in value or b"\0" in value:
            raise BadRequest(400, "a header line is not valid")
        key = name.lower().decode("latin-1")
        text = value.strip(b" \t").decode("latin-1")
        if key in fields:
            if key in ("content-length", "transfer-encoding"):
                raise BadRequest(400, f"more than one {key} field")
            text = f"{fields[key]}, {text}"
        fields[key] = text
    return fields


def parse_head(data):
    """Parses the head, without its empty line."""
    head = _cache.get(data)
    if head is not None:
        return head
    head = Head()
    lines = data.split(b"\r\n")
    _first_line(lines[0], head)
    fields = head.headers = _fields(lines[1:])
    coding = fields.get("transfer-encoding")
    length = fields.get("content-length")
    head.chunked = coding is not None
    if coding is not None:
        if length is not None or head.http_1_0:
            raise BadRequest(400, "Transfer-Encoding does not go with Content-Length or HTTP/1.0")
        if coding.lower() != "chunked":
            raise BadRequest(501, "the only Transfer-Encoding known here is chunked")
    if length is not None and not _DIGITS.fullmatch(length.encode("latin-1")):
        raise BadRequest(400, "Content-Length is not a number")
    head.length = int(length or 0)
    connection = fields.get("connection", "").lower()
    head.keep = connection == "keep-alive" if head.http_1_0 else connection != "close"
    head.expects = fields.get("expect", "").lower() == "100-continue"
    if len(data) <= CACHED_HEAD_BYTES_MAX:
        if len(_cache) >= CACHED_HEADS_MAX:
            _cache.clear()
        _cache[data] = head
    return head


class _Chunks:
    """A chunked body. feed() returns the bytes after the body once the body is complete, else None."""

    def __init__(self, body_bytes_max):
        self.limit, self.body, self.waiting = body_bytes_max, bytearray(), bytearray()
        self.left, self.state = 0, "size"

    def feed(self, data):
        waiting = self.waiting
        waiting += data
        while True:
            if self.state == "data":
                count = min(self.left, len(waiting))
                self.body += waiting[:count]
                del waiting[:count]
                self.left -= count
                if self.left:
                    return None
                self.state = "end"
            end = waiting.find(b"\n", 0, CHUNK_LINE_BYTES_MAX)
            if end < 0:
                if len(waiting) >= CHUNK_LINE_BYTES_MAX:
                    raise BadRequest(400, "a line of the chunked body is too long")
                return None
            if end == 0 or waiting[end - 1] != 13:
                raise BadRequest(400, "a line of the chunked body does not end with CR LF")
            line = bytes(waiting[:end - 1])
            del waiting[:end + 1]
            if self._line(line):
                return bytes(waiting)

    def _line(self, line):
        if self.state == "trailer":
            return not line
        if self.state == "end":
            if line:
                raise BadRequest(400, "a chunk is longer than its size says")
            self.state = "size"
            return False
        size = _CHUNK_SIZE.fullmatch(line)
        if not size:
            raise BadRequest(400, "a chunk's size is not a number")
        self.left = int(size.group(1), 16)
        if len(self.body) + self.left > self.limit:
            raise BadRequest(413, f"the body is larger than {self.limit} bytes")
        self.state = "data" if self.left else "trailer"
        return False


class Reader:
    """Assembles the requests of one connection from its bytes."""
    __slots__ = ("limit", "buffer", "head", "parts", "missing", "chunks")

    def __init__(self, body_bytes_max):
        self.limit, self.buffer, self.head = body_bytes_max, b"", None
        self.parts, self.missing, self.chunks = None, 0, None

    def empty(self):
        """True when no part of the next request has arrived."""
        return self.head is None and not self.buffer

    def wants_continue(self):
        return self.head is not None and self.head.expects

    def feed(self, data):
        """Returns the next request once it is complete, else None. feed(b"") examines what has arrived already."""
        if self.head is None:
            if self.buffer:
                data = self.buffer + data
            end = data.find(b"\r\n\r\n")
            if end < 0 or end > HEAD_BYTES_MAX:
                if len(data) > HEAD_BYTES_MAX:
                    raise BadRequest(431, f"the request's head is larger than {HEAD_BYTES_MAX} bytes")
                self.buffer = data
                return None
            head = parse_head(data[:end])
            data = data[end + 4:]
            length = head.length
            if length > self.limit:
                raise BadRequest(413, f"the body is larger than {self.limit} bytes")
            if len(data) == length and not head.chunked:
                self.buffer = b""
                return Request(head, data)
            self.head, self.buffer, self.parts, self.missing = head, b"", [], length
            if head.chunked:
                self.chunks = _Chunks(self.limit)
        return self._body(data)

    def _body(self, data):
        if self.chunks is not None:
            rest = self.chunks.feed(data)
            if rest is None:
                return None
            body, self.chunks = bytes(self.chunks.body), None
        else:
            if len(data) < self.missing:
                if data:
                    self.parts.append(data)
                    self.missing -= len(data)
                return None
            self.parts.append(data[:self.missing])
            body, rest = b"".join(self.parts), data[self.missing:]
        request = Request(self.head, body)
        self.head, self.parts, self.buffer = None, None, rest
        return request


class Response:
    """`body` is bytes, or an iterator of bytes, each sent as soon as it is made."""
    __slots__ = ("status", "content_type", "body", "headers")

    def __init__(self, status, content_type, body, headers=()):
        self.status, self.content_type, self.body, self.headers = status, content_type, body, headers


def text(status, words):
    return Response(status, "text/plain; charset=utf-8", words.encode("utf-8", "replace"))


def _clean(value):
    """Values from user code must not contain line ends."""
    value = str(value)
    return value if value.isprintable() else re.sub(r"[\r\n\0]", " ", value)


def encode_head(response, framing, keep):
    """`framing` is the header line that gives the body's length, with its line end."""
    status = response.status
    head = (f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}\r\nContent-Type: "
            f"{_clean(response.content_type)}\r\n{framing}")
    for name, value in response.headers:
        head += f"{_clean(name)}: {_clean(value)}\r\n"
    head += "\r\n" if keep else "Connection: close\r\n\r\n"
    return head.encode("latin-1", "replace")


def encode(response, keep, head_only=False):
    body = response.body
    head = encode_head(response, f"Content-Length: {len(body)}\r\n", keep)
    return head if head_only else head + body

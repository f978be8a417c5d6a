"""A small HTTP/1.1 server: a thread a connection, keep-alive, bounded in every direction."""
import os
import socket
import sys
import threading
import traceback

HEAD_BYTES_MAX = 64 * 1024
BODY_BYTES_MAX = 32 * 1024 * 1024
CONNECTIONS_MAX = 64
IDLE_SECONDS = 300

REASONS = {200: "OK", 204: "No Content", 400: "Bad Request", 404: "Not Found",
           405: "Method Not Allowed", 406: "Not Acceptable", 413: "Payload Too Large",
           415: "Unsupported Media Type", 431: "Request Header Fields Too Large",
           500: "Internal Server Error", 503: "Service Unavailable"}


class BadRequest(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Request:
    __slots__ = ("method", "path", "headers", "body")

    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body


class Connection:
    def __init__(self, stream):
        self.stream = stream
        self.buffer = b""

    def _more(self):
        block = self.stream.recv(262144)
        if not block:
            raise EOFError
        self.buffer += block

    def _exactly(self, count):
        if count <= len(self.buffer):
            out, self.buffer = self.buffer[:count], self.buffer[count:]
            return out
        parts, have = [self.buffer], len(self.buffer)
        self.buffer = b""
        while have < count:
            block = self.stream.recv(min(262144, count - have))
            if not block:
                raise EOFError
            parts.append(block)
            have += len(block)
        return b"".join(parts)

    def _line(self):
        while (end := self.buffer.find(b"\n")) < 0:
            if len(self.buffer) > HEAD_BYTES_MAX:
                raise BadRequest(431, "a line is too long")
            self._more()
        line, self.buffer = self.buffer[:end], self.buffer[end + 1:]
        return line.rstrip(b"\r")

    def _chunked(self):
        body = bytearray()
        while size := int(self._line().split(b";")[0] or b"0", 16):
            if len(body) + size > BODY_BYTES_MAX:
                raise BadRequest(413, f"the body is larger than {BODY_BYTES_MAX} bytes")
            body += self._exactly(size)
            self._line()
        while self._line():
            pass
        return bytes(body)

    def read_request(self):
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            if len(self.buffer) > HEAD_BYTES_MAX:
                raise BadRequest(431, "the request's head is too large")
            self._more()
        head, self.buffer = self.buffer[:end].decode("latin-1"), self.buffer[end + 4:]
        first, *lines = head.split("\r\n")
        try:
            method, target, _ = first.split(" ", 2)
            headers = {}
            for line in lines:
                name, _, value = line.partition(":")
                headers[name.strip().lower()] = value.strip()
            length = int(headers.get("content-length", 0))
        except ValueError:
            raise BadRequest(400, "the request's head is malformed") from None
        if length > BODY_BYTES_MAX:
            raise BadRequest(413, f"the body is larger than {BODY_BYTES_MAX} bytes")
        if headers.get("expect", "").lower() == "100-continue":
            self.stream.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        body = self._chunked() if chunked else self._exactly(length)
        return Request(method, target.split("?")[0], headers, body)

    def send(self, status, content_type, body, keep):
        head = (f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}\r\n"
                f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
                f"Connection: {'keep-alive' if keep else 'close'}\r\n\r\n")
        self.stream.sendall(head.encode("latin-1", "replace") + body)


class Server:
    """handler(request) -> (status, content_type, body bytes); it does not raise."""

    def __init__(self, listener, handler):
        self.listener, self.handler = listener, handler
        self.slots = threading.BoundedSemaphore(CONNECTIONS_MAX)

    def run(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return  # closed: the server ends
            self.slots.acquire()
            threading.Thread(target=self._serve, args=(stream,), daemon=True).start()

    def _serve(self, stream):
        try:
            with stream:
                stream.settimeout(IDLE_SECONDS)
                if stream.family != socket.AF_UNIX:
                    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._requests(Connection(stream))
        except (OSError, EOFError):
            pass
        except Exception:
            traceback.print_exc()
        finally:
            self.slots.release()

    def _requests(self, connection):
        keep = True
        while keep:
            try:
                request = connection.read_request()
            except BadRequest as error:
                connection.send(error.status, "text/plain", str(error).encode(), False)
                return
            keep = request.headers.get("connection", "").lower() != "close"
            status, content_type, body = self.handler(request)
            connection.send(status, content_type, body, keep)


def listen(address):
    """A listening socket at "unix:/path" or at a port of the loopback interface."""
    if address.startswith("unix:"):
        path = address[5:]
        if os.path.exists(path):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
    else:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        host = os.environ.get("TIDEMILL_BIND_ADDRESS", "127.0.0.1")
        try:
            listener.bind((host, int(address)))
        except OSError as error:
            sys.exit(f"cannot listen on {host}:{address}: {error}")
    listener.listen(CONNECTIONS_MAX)
    return listener

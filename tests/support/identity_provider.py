"""An OpenID Connect provider over TLS for one test: its discovery document, its keys, and tokens that openssl signs."""
import base64
import hashlib
import http.server
import json
import ssl
import subprocess
import threading
import time


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments, **more):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, **more).stdout


def raw_signature(der):
    """The two numbers of an ECDSA signature one behind the other, 32 bytes each."""
    numbers, at = b"", 2
    for _ in range(2):
        length = der[at + 1]
        numbers += der[at + 2:at + 2 + length].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + length
    return numbers


class IdentityProvider:
    """host: what the certificate is made out to and the URL names. Serves on 127.0.0.1."""

    def __init__(self, folder, host="localhost"):
        self.folder, self.requests = folder, []
        self.keys, self.issuer_end = {}, ""
        openssl("genrsa", "-out", folder / "rsa.pem", "2048")
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", folder / "ec.pem")
        openssl("genrsa", "-out", folder / "stranger.pem", "2048")
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=provider", "-addext",
                f"subjectAltName=DNS:{host}", "-keyout", folder / "tls.key", "-out", folder / "tls.pem")
        certificate = ssl.PEM_cert_to_DER_cert((folder / "tls.pem").read_text())
        self.thumbprint = hashlib.sha1(certificate).hexdigest()
        modulus = int(openssl("rsa", "-in", folder / "rsa.pem", "-noout", "-modulus").decode().strip().split("=")[1], 16)
        point = openssl("ec", "-in", folder / "ec.pem", "-pubout", "-outform", "DER")[-64:]
        self.keys = [
            {"kty": "RSA", "kid": "one", "use": "sig", "alg": "RS256", "n": base64url(modulus.to_bytes(256, "big")), "e": "AQAB"},
            {"kty": "EC", "kid": "two", "crv": "P-256", "x": base64url(point[:32]), "y": base64url(point[32:])}]
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                provider.requests.append(self.path)
                documents = {"/.well-known/openid-configuration": {"issuer": provider.url + provider.issuer_end, "jwks_uri": f"{provider.url}/keys"},
                             "/keys": {"keys": provider.keys}}
                body = json.dumps(documents.get(self.path, {})).encode()
                self.send_response(200 if self.path in documents else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "tls.pem", folder / "tls.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://{host}:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, algorithm="RS256", key=None, header=(), **claims):
        """None as a claim's value leaves it out."""
        now = int(time.time())
        claims = {"iss": self.url, "sub": "repo:me", "aud": "sts.amazonaws.com", "iat": now, "exp": now + 600, **claims}
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"typ": "JWT", "alg": algorithm, "kid": "one" if algorithm == "RS256" else "two", **dict(header)}
        text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        file = self.folder / (key or ("rsa.pem" if algorithm == "RS256" else "ec.pem"))
        signature = openssl("dgst", "-sha256", "-sign", file, input=text.encode())
        return f"{text}.{base64url(signature if 'ec.pem' not in file.name else raw_signature(signature))}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

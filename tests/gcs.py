"""A stand-in for Google Cloud Storage, spoken to by TensorFlow's own client of it.

TensorFlow asks https://www.googleapis.com and https://storage.googleapis.com through
the proxy that the environment names, and trusts CURL_CA_BUNDLE: both are made here.  It
answers those calls of the JSON API that the client makes
(https://cloud.google.com/storage/docs/json_api/v1), in a
process of its own.

    python tests/gcs.py FOLDER    of key and certificate; prints its port
"""

import contextlib
import datetime
import http.server
import json
import pathlib
import re
import socketserver
import ssl
import subprocess
import sys
import time
import urllib.parse
import urllib.request

HOSTS = ("www.googleapis.com", "storage.googleapis.com")
UPLOAD = "https://www.googleapis.com/upload/storage/v1/b/-/o?session="


class Store:
    """Objects {"BUCKET/NAME": (bytes, time)}, and whether they may be written."""

    def __init__(self):
        self.objects, self.uploads, self.is_open = {}, [], True

    def put(self, name, data):
        """Keeps an object."""
        self.objects[name] = data, time.time()

    def told(self, name):
        """What is told of an object."""
        data, seconds = self.objects[name]
        when = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
        return {
            "name": name.partition("/")[2],
            "size": str(len(data)),
            "generation": str(int(seconds * 1e6)),
            "updated": when.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }

    def listed(self, bucket, prefix="", delimiter=None, **_):
        """Objects and folders below a prefix."""
        items, prefixes, start = [], set(), len(bucket) + 1
        for name in sorted(self.objects):
            if name.startswith(f"{bucket}/{prefix}"):
                folder, slash, _ = name[start + len(prefix) :].partition("/")
                if delimiter and slash:
                    prefixes.add(f"{prefix}{folder}/")
                else:
                    items.append(self.told(name))
        return {"items": items, "prefixes": sorted(prefixes)}


class Handler(http.server.BaseHTTPRequestHandler):
    """The proxy, and the hosts at the other end of its tunnel."""

    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

    def log_message(self, *_):
        """Says nothing."""

    def do_CONNECT(self):  # noqa: N802
        """Makes the tunnel: what follows is TLS."""
        self.send_response(200)
        self.end_headers()
        try:
            tls = self.server.tls
            self.connection = tls.wrap_socket(self.connection, server_side=True)
        except OSError:
            self.close_connection = True
            return
        self.rfile = self.connection.makefile("rb")
        self.wfile = socketserver._SocketWriter(self.connection)
        self.close_connection = False

    def _data(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while length := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(length))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, status, body=b"", **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def _asked(self):
        data, store = self._data(), self.server.store
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path in ("/open", "/shut"):  # from the test, outside of the tunnel
            store.is_open = url.path == "/open"
            return self._answer(200)
        if self.command != "GET" and not store.is_open:
            return self._answer(403, {"error": {"code": 403, "message": "denied"}})
        if url.path.startswith("/upload/"):
            return self._upload(url.path, query, data)
        parts = re.fullmatch(r"/storage/v1/b/([^/]+)(/o)?(?:/([^/]+))?(.*)", url.path)
        if parts is None:  # the other host: BUCKET/NAME
            return self._read(urllib.parse.unquote(url.path[1:]))
        bucket, objects, name, more = parts.groups()
        if objects is None:
            return self._answer(200, {"location": "US"})
        if name is None:
            return self._answer(200, store.listed(bucket, **query))
        return self._object(f"{bucket}/{urllib.parse.unquote(name)}", more)

    do_GET = do_POST = do_PUT = do_DELETE = _asked  # noqa: N815

    def _upload(self, path, query, data):
        store = self.server.store
        if self.command == "POST":
            store.uploads.append(f"{path.split('/')[5]}/{query['name']}")
            place = f"{UPLOAD}{len(store.uploads) - 1}"
            return self._answer(200, Location=place)
        store.put(store.uploads[int(query["session"])], data)
        return self._answer(200, {})

    def _object(self, name, more):
        store = self.server.store
        if name not in store.objects:
            return self._answer(404)
        if self.command == "DELETE":
            del store.objects[name]
            return self._answer(204)
        if renamed := re.fullmatch("/rewriteTo/b/([^/]+)/o/(.+)", more):
            place = f"{renamed[1]}/{urllib.parse.unquote(renamed[2])}"
            store.put(place, store.objects[name][0])
            return self._answer(200, {"done": True})
        return self._answer(200, store.told(name))

    def _read(self, name):
        if name not in self.server.store.objects:
            return self._answer(404)
        data = self.server.store.objects[name][0]
        first, last = map(int, re.findall(r"\d+", self.headers["Range"]))
        if first >= len(data):
            return self._answer(416)
        return self._answer(206, data[first : last + 1])


def main(folder):
    """Serves until it is killed."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    names = ",".join(f"DNS:{host}" for host in HOSTS)
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=stand-in"
    words = [*words.split(), "-keyout", key, "-out", cert]
    words += ["-addext", f"subjectAltName={names}"]
    subprocess.run(words, check=True, capture_output=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.store = True, Store()
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(cert, key)
    print(server.server_address[1], flush=True)
    server.serve_forever()


class Standin:
    """The running stand-in.

    Attributes:
      environment: That TensorFlow needs to reach it.
    """

    def __init__(self, folder, port):
        self._place = f"http://127.0.0.1:{port}"
        self.environment = {
            "https_proxy": self._place,
            "no_proxy": "",
            "CURL_CA_BUNDLE": str(folder / "cert.pem"),
            "GOOGLE_AUTH_TOKEN_FOR_TESTING": "token",
            "GCS_RETRY_CONFIG_MAX_RETRIES": "0",
            "GCS_STAT_CACHE_MAX_AGE": "0",
        }

    def shut(self):
        """From now on nothing can be written."""
        urllib.request.urlopen(f"{self._place}/shut").close()

    def open(self):
        """From now on it can again."""
        urllib.request.urlopen(f"{self._place}/open").close()


@contextlib.contextmanager
def serving(folder):
    """Yields a `Standin` with its files in a folder."""
    words = [sys.executable, __file__, folder]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Standin(folder, int(process.stdout.readline()))
        finally:
            process.kill()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

"""A page in a browser without a window: what loads, and what it complains of."""

import http.server
import json
import os
import shutil
import subprocess
import threading

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PROBE = """<script>
const faults = [];
addEventListener("error", e => faults.push(String(e.message)), true);
addEventListener("load", async () => {
  const found = [], seen = [];
  for (const e of document.querySelectorAll("audio, video")) {
    found.push([e.tagName, await new Promise(done => {
      e.onloadeddata = () => done(e.duration);  // and something is decoded
      e.onerror = () => done(e.error.message);
      e.preload = "auto"; e.load();
    })]);
    if (e.videoWidth) seen.push([e.videoWidth, e.videoHeight]);
  }
  for (const e of document.images) found.push([e.tagName, e.naturalWidth]);
  const wide = document.documentElement.scrollWidth - innerWidth;
  const told = JSON.stringify({found, seen, faults, wide});
  fetch("/told", {method: "POST", body: told});
});
</script>"""


class Server(http.server.ThreadingHTTPServer):
    """Serves one page with the probe in it, and keeps what it is told."""

    def __init__(self, text):
        super().__init__(("127.0.0.1", 0), Handler)
        self.text = text.replace("</head>", PROBE + "</head>").encode()
        self.asked, self.told, self.done = [], None, threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802
        self.server.asked.append(self.path)
        found = self.path == "/page.html"
        self.send_response(200 if found else 204)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        if found:
            self.wfile.write(self.server.text)

    def do_POST(self):  # noqa: N802
        length = int(self.headers["Content-Length"])
        self.server.told = json.loads(self.rfile.read(length))
        self.send_response(204)
        self.end_headers()
        self.server.done.set()

    def log_message(self, *args):
        pass


def browse(text, folder):
    """What a browser finds in a page: (told by the probe, requests, console)."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser on the PATH: none of {', '.join(BROWSERS)}")
    server = Server(text)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    options = ["--headless", "--disable-gpu", "--enable-logging=stderr"]
    options += [f"--user-data-dir={folder / 'profile'}", "--window-size=1100,900"]
    options += ["--no-sandbox"] * (hasattr(os, "geteuid") and os.geteuid() == 0)
    options += ["--disable-dev-shm-usage", "--remote-debugging-port=0"]
    address = f"http://127.0.0.1:{server.server_port}/page.html"
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([browser, *options, address], stderr=log)
        try:
            assert server.done.wait(90), (folder / "log").read_text("utf-8", "replace")
        finally:
            process.terminate()
            process.wait(20)
            server.shutdown()
            server.server_close()
    log = (folder / "log").read_text("utf-8", "replace").splitlines()
    return server.told, server.asked, [line for line in log if "CONSOLE" in line]

"""An authority of our own and certificates of it, good or run out, made by openssl; and a server that
answers as WeChat does, over TLS."""

import http.server
import json
import ssl
import subprocess
import threading
import time

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n"


class Authority:
    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.file = folder / f"{name}.pem"
        self.openssl("req", "-x509", *KEY, "-days", 2, "-subj", f"/CN={name}", "-addext",
                     "basicConstraints=critical,CA:TRUE", "-keyout", f"{name}.key", "-out", self.file)
        (folder / "names").write_text(NAMES)

    def openssl(self, *words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=self.folder)

    def issues(self, name, days):
        """Certificate and key; with no days it has run out a moment later."""
        name = f"{self.name}-{name}"
        key, asked, made = (self.folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
        self.openssl("req", *KEY, "-subj", "/CN=localhost", "-keyout", key, "-out", asked)
        self.openssl("x509", "-req", "-in", asked, "-CA", self.file, "-CAkey", f"{self.name}.key",
                     "-CAcreateserial", "-days", days, "-extfile", "names", "-out", made)
        if not days:
            # Its last second must be over.
            time.sleep(2)
        return made, key


class Wechat(http.server.BaseHTTPRequestHandler):
    """Knows everybody who asks."""

    def do_GET(self):
        body = json.dumps({"openid": "somebody", "session_key": "c2Vzc2lvbg=="}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve_wechat(certificate, key):
    """A server to be shut down; its port is in `server_port`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Wechat)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    # A handshake that is refused is no reason to say anything.
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server

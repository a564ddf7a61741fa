"""Whether `call`, the one program of ours in the image, calls nightcap as it should."""

import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

STATUS = {"/healthz": 200, "/api/sweep": 202}
ASKED = []


class Nightcap(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        ASKED.append((self.command, self.path, self.headers.get("Authorization")))
        # As Envoy does, which stands before applications of Azure Container Apps.
        self.send_response(STATUS[self.path] if self.request_version == "HTTP/1.1" else 426)
        if self.path == "/healthz":
            self.send_header("Content-Length", "14")
            self.end_headers()
            self.wfile.write(b'{"said": true}')
        else:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b'a\r\n{"said": t\r\n4;of=2\r\nrue}\r\n0\r\n\r\n')

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


def main():
    nightcap = HTTPServer(("127.0.0.1", 0), Nightcap)
    threading.Thread(target=nightcap.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as directory:
        call = Path(directory) / "call"
        subprocess.run(["rustc", "-D", "warnings", "-o", call, "deploy/container/call.rs"], check=True)

        def run(*arguments, url=f"http://127.0.0.1:{nightcap.server_port}", **more):
            variables = {**os.environ, "NIGHTCAP_URL": url, **more}
            ended = subprocess.run([call, *arguments], env=variables, capture_output=True, text=True)
            return ended.returncode, ended.stdout + ended.stderr

        check(run("healthz") == (0, '{"said": true}\n') and ASKED.pop() == ("GET", "/healthz", None), "healthz")
        check(run("sweep", OPERATOR_KEY="key") == (0, '{"said": true}\n') and ASKED.pop() == ("POST", "/api/sweep", "Bearer key"), "sweep")
        STATUS.update({"/healthz": 503, "/api/sweep": 401})
        for name in ["healthz", "sweep"]:
            code, said = run(name, OPERATOR_KEY="wrong")
            check(code == 1 and str(STATUS[f"/{'api/' * (name == 'sweep')}{name}"]) in said, f"{name} that is refused")
        check(run("healthz", url="https://127.0.0.1")[0] == 1, "HTTPS")
        nightcap.shutdown()
        nightcap.server_close()
        code, said = run("healthz")
        check(code == 1 and "There is no nightcap" in said, "a nightcap that is not there")

        def come_late():
            late = HTTPServer(nightcap.server_address, Nightcap)
            late.handle_request()
            late.server_close()

        STATUS["/healthz"] = 200
        timer = threading.Timer(1.5, come_late)
        timer.daemon = True
        timer.start()
        check(run("healthz")[0] == 0, "a nightcap that is not there at once")


def check(holds, what):
    if not holds:
        sys.exit(f"deploy/container/call.rs fails at: {what}")


main()

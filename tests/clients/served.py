"""nightcap and a pretend Azure, served by `cargo demo --serve`."""

import contextlib
import json
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Long enough to build nightcap first.
PATIENCE = 1800

# Of what is printed, what comes last.
LAST = "public_url"

# A machine of the pretend Azure on which captures can run.
SUBSCRIPTION, REGION = "00000000-0000-0000-0000-000000000000", "westcentralus"
MACHINE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/test-RG/providers/Microsoft.Compute/virtualMachines/test-VM"


@contextlib.contextmanager
def served():
    """The settings with which nightcap is served meanwhile, by name. Fails when nightcap has died of a request."""
    with tempfile.TemporaryDirectory() as folder:
        told = pathlib.Path(folder, "told")
        with told.open("wb") as output:
            demo = subprocess.Popen(["cargo", "demo", "--serve"], cwd=ROOT, stdout=output)
        try:
            yield settings(demo, told)
        except BaseException:
            demo.kill()
            demo.wait()
            raise
        demo.send_signal(signal.SIGINT)
        if demo.wait(timeout=60) != 0:
            raise SystemExit("nightcap did not survive; what it died of is told above")


def settings(demo, told):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = dict(re.findall(r"^(\w+) = (.*)\n", told.read_text(), re.MULTILINE))
        if LAST in found:
            return found
        if demo.poll() is not None:
            raise SystemExit("cargo demo --serve ended by itself")
        time.sleep(0.2)
    raise SystemExit(f"cargo demo --serve served nothing within {PATIENCE} seconds")


def ask(settings, path, body=None):
    """What an operator is answered: a `GET`, or a `POST` of what there is to send."""
    request = urllib.request.Request(settings["public_url"] + path)
    request.add_header("Authorization", f"Bearer {settings['operator_key']}")
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)

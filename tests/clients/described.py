"""Whether nightcap answers as its /openapi.json describes: schemathesis makes up requests to every route that is described, sensible
and not, and holds each answer against the description.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

from served import served

HERE = pathlib.Path(__file__).resolve().parent
SUBSCRIPTION, REGION = "00000000-0000-0000-0000-000000000000", "westcentralus"
MACHINES = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/test-RG/providers/Microsoft.Compute/virtualMachines"

# What an answer is held against. That every sensible request succeeds cannot be asked: the machines that are made up are not there.
# Whether keys are needed is seen without any, for whoever shows wrong ones is made to wait.
CHECKS = [
    "nothing_broke",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
]


def main():
    with served() as settings:
        keys = {"Authorization": f"Bearer {settings['operator_key']}", "x-functions-key": settings["webhook_key"]}
        name = start_a_capture(settings["public_url"], keys)
        capture = {"path.subscription": SUBSCRIPTION, "path.region": REGION, "path.name": name}
        failed = [
            about
            for about, checks, headers, parameters in [
                ("with keys", CHECKS, keys, {}),
                ("with keys, about a capture that is there", CHECKS, keys, capture),
                ("without keys", [*CHECKS, "refused_without_a_key"], {}, {}),
            ]
            if not is_as_described(settings["public_url"], about, checks, headers, parameters)
        ]
    if failed:
        raise SystemExit(f"nightcap does not answer as it describes: {'; '.join(failed)}")


def start_a_capture(url, keys):
    body = json.dumps({"target": f"{MACHINES}/test-VM", "timeLimitInSeconds": 300}).encode()
    request = urllib.request.Request(f"{url}/api/captures", body, {**keys, "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["capture"]["name"]


def is_as_described(url, about, checks, headers, parameters):
    print(f"-- {about}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        values = "".join(f'"{name}" = "{value}"\n' for name, value in parameters.items())
        config = pathlib.Path(folder, "schemathesis.toml")
        config.write_text(f"[parameters]\n{values}")
        command = [pathlib.Path(sys.executable).with_name("schemathesis"), f"--config-file={config}", "run", f"{url}/openapi.json"]
        command += ["--checks", ",".join(checks), "--max-examples", "10", "--seed", "13", "--generation-deterministic"]
        command += ["--request-timeout", "60", "--warnings", "off", "--no-color", "--no-shrink", "--continue-on-failure"]
        for header, value in headers.items():
            command += ["--header", f"{header}: {value}"]
        # It would write its reports there.
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": "checks", "PYTHONPATH": str(HERE)}
        return subprocess.run(command, cwd=folder, env=environment).returncode == 0


main()

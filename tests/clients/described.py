"""Whether nightcap answers as its /openapi.json describes: schemathesis makes up requests to every route that is described, sensible
and not, and holds each answer against the description. The same requests are made up every time.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

from served import MACHINE, REGION, SUBSCRIPTION, ask, served

HERE = pathlib.Path(__file__).resolve().parent

# What an answer is held against. That every sensible request succeeds cannot be asked: the machines that are made up are not there.
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
        name = ask(settings, "/api/captures", {"target": MACHINE, "timeLimitInSeconds": 300})["capture"]["name"]
        known = {
            "path.subscription": SUBSCRIPTION,
            "path.region": REGION,
            "path.name": name,
            "query.subscription": SUBSCRIPTION,
            "query.region": REGION,
            "query.target": MACHINE,
            "query.id": MACHINE,
        }
        url = settings["public_url"]
        is_so = [
            is_as_described(url, "with keys", CHECKS, keys),
            is_as_described(url, "with keys, about what is there", CHECKS, keys, known),
            is_as_described(url, "without keys", [*CHECKS, "refused_without_a_key"]),
        ]
    if not all(is_so):
        raise SystemExit("nightcap does not answer as it describes; how is told above")
    print("nightcap answers as it describes.")


def is_as_described(url, about, checks, headers={}, known={}):
    print(f"-- {about}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "schemathesis.toml")
        config.write_text("[parameters]\n" + "".join(f'"{name}" = "{value}"\n' for name, value in known.items()))
        command = [pathlib.Path(sys.executable).with_name("schemathesis"), f"--config-file={config}", "run", f"{url}/openapi.json"]
        command += ["--checks", ",".join(checks), "--max-examples", "10", "--generation-deterministic"]
        # Whoever shows wrong keys is made to wait.
        command += ["--generation-with-security-parameters", "false"]
        command += ["--request-timeout", "60", "--warnings", "off", "--no-color", "--no-shrink", "--continue-on-failure"]
        for header, value in headers.items():
            command += ["--header", f"{header}: {value}"]
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": "checks", "PYTHONPATH": str(HERE)}
        if known:
            environment["KNOWN_MACHINE"] = MACHINE
        # It would write its reports here.
        return subprocess.run(command, cwd=folder, env=environment).returncode == 0


main()

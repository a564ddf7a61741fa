"""Whether the template of the Azure side is what Azure takes, and agrees with its Bicep, with nightcap's settings, with the
Dockerfile and with the guide."""

import json
import re
import sys
import tomllib
from pathlib import Path

import bicep
import models
from arm import DEPLOYMENTS, Template

PROBLEMS = []
SETTINGS = tomllib.loads(Path("spin.toml").read_text())["variables"]
SECRET = {name for name, variable in SETTINGS.items() if variable.get("secret")}
DOCKERFILE = Path("deploy/container/Dockerfile").read_text()
GUIDE = Path("docs/azure.md").read_text()
VERSION = tomllib.loads(Path("Cargo.toml").read_text())["workspace"]["package"]["version"]


def expect(holds, problem):
    if not holds:
        PROBLEMS.append(problem)


def main():
    written = json.loads(Path("deploy/azure/nightcap.json").read_text())
    check_step(written, bicep.compiled(Path("deploy/azure/nightcap.bicep")), "nightcap.json")
    resources = list(all_resources(written, "nightcap.json"))
    for resource in resources:
        for problem in models.problems(resource):
            expect(False, f"nightcap.json: {problem}")
    named = {resource["type"]: resource["properties"] for resource in resources if "properties" in resource}
    check_app(named["Microsoft.App/containerApps"], named["Microsoft.App/jobs"])
    check_rights([resource["properties"] for resource in resources if resource["type"] == "Microsoft.Authorization/roleDefinitions"])
    check_guide(written["parameters"])
    for path in [Path("docs/azure.md"), *Path("deploy/azure").rglob("*.bicep"), *Path("deploy/azure").rglob("*.tf")]:
        for version in re.findall(r"nightcap:(\d[\w.-]*\w)", path.read_text()):
            expect(version == VERSION, f"{path}: the image is {version}, nightcap is {VERSION}")
    for problem in PROBLEMS:
        print(problem, file=sys.stderr)
    sys.exit(bool(PROBLEMS))


def check_step(json_side, bicep_side, place):
    """The JSON is what the Bicep compiles to, by bicep.py."""
    if isinstance(json_side, dict) and isinstance(bicep_side, dict):
        for name in sorted(json_side.keys() | bicep_side.keys()):
            expect(name in json_side, f"{place}: {name} is in the Bicep only")
            expect(name in bicep_side, f"{place}: {name} is not in the Bicep")
            if name in json_side and name in bicep_side:
                check_step(json_side[name], bicep_side[name], f"{place}.{name}")
    elif isinstance(json_side, list) and isinstance(bicep_side, list) and len(json_side) == len(bicep_side):
        for number, (one, other) in enumerate(zip(json_side, bicep_side)):
            check_step(one, other, f"{place}[{number}]")
    else:
        expect(json_side == bicep_side, f"{place}: the JSON has {json_side!r}, the Bicep {bicep_side!r}")


def all_resources(written, place):
    template = Template(written)
    for problem in template.problems:
        expect(False, f"{place}: {problem}")
    for resource in template.resources:
        yield resource
        if resource["type"] == DEPLOYMENTS:
            inner = resource["properties"]["template"]
            given, taken = resource["properties"]["parameters"].keys(), inner["parameters"]
            needed = {name for name, parameter in taken.items() if "defaultValue" not in parameter}
            expect(needed <= given <= taken.keys(), f"{place}: the inner template takes {', '.join(taken)}")
            yield from all_resources(inner, f"{place}, inner")


def check_app(app, job):
    """The application and its sweep fit nightcap's settings and its image."""
    container = app["template"]["containers"][0]
    secrets = {secret["name"] for secret in app["configuration"]["secrets"]}
    given = set()
    for variable in container["env"]:
        name = variable["name"].removeprefix("NIGHTCAP_").lower()
        given.add(name)
        expect(variable["name"].startswith("NIGHTCAP_") and name in SETTINGS, f"nightcap.bicep: nightcap has no setting {variable['name']}")
        expect((name in SECRET) == ("secretRef" in variable), f"nightcap.bicep: whether {name} is a secret, spin.toml says otherwise")
        expect(variable.get("secretRef", "webhook-key") in secrets, f"nightcap.bicep: there is no secret {variable.get('secretRef')}")
    needed = {"credential", "client_id", "storage_account_id", "webhook_key", "operator_key"}
    expect(needed <= given, f"nightcap.bicep: the settings {', '.join(needed - given)} are missing")
    port = app["configuration"]["ingress"]["targetPort"]
    expect(f"EXPOSE {port}\n" in DOCKERFILE, f"nightcap.bicep: the image has no port {port}")
    expect(all(probe["httpGet"]["port"] == port for probe in container["probes"]), "nightcap.bicep: a probe asks at another port")
    mounts = {mount["volumeName"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in app["template"]["volumes"]}
    user = re.search(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    expect(mounts.keys() == volumes.keys(), "nightcap.bicep: volumes and mounts are not the same")
    for name, path in mounts.items():
        expect(f"VOLUME {path}\n" in DOCKERFILE, f"nightcap.bicep: the image has no volume {path}")
        options = volumes[name]["mountOptions"].split(",")
        expect({f"uid={user[1]}", f"gid={user[2]}"} <= set(options), f"nightcap.bicep: the volume does not belong to the image's user {user[0]}")
    scale = app["template"]["scale"]
    expect(scale == {"minReplicas": 1, "maxReplicas": 1}, "nightcap.bicep: the directory of records is for one replica that stays")
    program = job["template"]["containers"][0]["command"][0]
    expect(f" {program}\n" in DOCKERFILE, f"nightcap.bicep: the image has no program {program}")


def check_rights(roles):
    """The guide's roles by hand have the same rights."""
    in_template = {role["description"]: role["permissions"][0]["actions"] for role in roles}
    written = [json.loads(role) for role in re.findall(r"--role-definition '(\{.*?\})'", GUIDE, re.DOTALL)]
    by_hand = {role["Description"]: role["Actions"] for role in written}
    expect(by_hand == in_template, f"docs/azure.md has roles with {by_hand}, nightcap.bicep with {in_template}")


def check_guide(parameters):
    """The guide gives parameters that there are, and those that are needed."""
    for command in re.findall(r"^ *\$ (az deployment sub create .*?[^\\])\n", GUIDE, re.MULTILINE | re.DOTALL):
        given = {name for name in re.findall(r"\s([a-z]\w+)=", command.partition("--parameters")[2])}
        expect(given <= parameters.keys(), f"docs/azure.md: the template has no {', '.join(given - parameters.keys())}")
        needed = {name for name, parameter in parameters.items() if "defaultValue" not in parameter}
        expect(needed <= given, f"docs/azure.md: a deployment lacks {', '.join(needed - given)}")


main()

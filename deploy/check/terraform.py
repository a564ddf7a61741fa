"""Whether Terraform's side is what its provider takes, and the same as the template.

The provider's schema is that of the bindings which are generated from it. They tell names, kinds, blocks and what is required,
but not which words a value may be.
"""

import io
import json
import re
import sys
import tarfile
import zipfile
from pathlib import Path

import hcl2

DIRECTORY = Path("deploy/azure/terraform")
TEMPLATE = json.loads(Path("deploy/azure/nightcap.json").read_text())
PROBLEMS = []

# What Terraform itself takes in every resource.
OF_TERRAFORM = {"count", "for_each", "depends_on", "lifecycle", "provider"}
LINK = re.compile(r"/azurerm/([\d.]+)/docs/(resources|data-sources)/(\w+)#(\w+) ")


def expect(holds, problem):
    if not holds:
        PROBLEMS.append(problem)


class Provider:
    def __init__(self, wheel):
        inside = zipfile.ZipFile(wheel)
        package = next(name for name in inside.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(inside.read(package))) as archive:
            self.types = json.load(archive.extractfile("package/.jsii"))["types"]
        self.arguments = {}
        for name, type in self.types.items():
            of_resource = name.endswith("Config") and name.removesuffix("Config") in self.types
            links = [self.link(member) for member in type.get("properties", [])] if of_resource else []
            for link in filter(None, links):
                self.version, kind, resource, _ = link
                self.arguments[(kind, f"azurerm_{resource}")] = name
                break

    def link(self, member):
        docs = member["docs"]
        found = LINK.search(docs.get("remarks", "") + docs.get("summary", ""))
        return found and found.groups()

    def members(self, name):
        """Of a resource or block: its arguments by name, with whether each is required, and its block's type or its kind."""
        members = {}
        for member in self.types[name].get("properties", []):
            link = self.link(member)
            if link:
                inner = re.search(r'"fqn": "(@cdktn/provider-azurerm\.[^"]+)"', json.dumps(member["type"]))
                kinds = set(re.findall(r'"primitive": "(\w+)"', json.dumps(member["type"])))
                kind = "list" if '"kind": "array"' in json.dumps(member["type"]) else next(iter(kinds), None)
                members[link[3]] = (not member.get("optional"), inner and inner[1], kind)
        return members

    def has_attribute(self, kind, resource, attribute):
        properties = self.types[self.arguments[(kind, resource)].removesuffix("Config")]["properties"]
        return any(re.sub(r"(?<!^)([A-Z])", r"_\1", member["name"]).lower() == attribute for member in properties)


def main(wheel):
    provider = Provider(wheel)
    files = {path.name: hcl2.loads(path.read_text()) for path in sorted(DIRECTORY.glob("*.tf"))}
    text = "\n".join(path.read_text() for path in sorted(DIRECTORY.glob("*.tf")))
    resources = {}
    for name, file in files.items():
        for word, kind in [("resource", "resources"), ("data", "data-sources")]:
            for type, named in ((plain(type), named) for block in file.get(word, []) for type, named in block.items()):
                if (kind, type) not in provider.arguments:
                    expect(False, f"{name}: the provider has no {type}")
                    continue
                for own_name, body in named.items():
                    resources[(kind, type, plain(own_name))] = body
                    check(provider, provider.arguments[(kind, type)], body, f"{name}: {type}.{plain(own_name)}", OF_TERRAFORM)
    check_references(provider, text, resources, files)
    check_template(text, resources, files)
    wanted = f'"~> {provider.version.rpartition(".")[0]}"'
    expect(wanted in text, f"main.tf: the schema is that of azurerm {provider.version}, so its version should be {wanted}")
    for problem in PROBLEMS:
        print(problem, file=sys.stderr)
    sys.exit(bool(PROBLEMS))


def check(provider, type, body, place, more=frozenset()):
    members = provider.members(type)
    blocks = list(blocks_of(body))
    given = {name for name in body if not name.startswith("__") and name != "dynamic"} | {name for name, _ in blocks}
    for name in given - members.keys() - more:
        expect(False, f"{place}: the provider knows no {name}")
    for name, (required, _, _) in members.items():
        expect(not required or name in given, f"{place}: {name} is missing")
    for name, inner in blocks:
        block = members.get(name, (None, None, None))[1]
        if block:
            check(provider, block, inner, f"{place}.{name}")
        else:
            expect(name not in members, f"{place}: {name} is no block")
    for name in given & members.keys() - {name for name, _ in blocks}:
        kind, value = members[name][2], body[name]
        expect(not members[name][1], f"{place}: {name} is a block")
        fits = {"string": str, "number": (int, float), "boolean": bool, "list": list}.get(kind, object)
        computed = isinstance(value, str) and value.startswith("${")
        expect(computed or isinstance(value, fits), f"{place}: {name} should be a {kind}, not {value!r}")


def blocks_of(body):
    for name, value in body.items():
        for item in value if isinstance(value, list) else []:
            if name == "dynamic":
                for dynamic, described in item.items():
                    if not dynamic.startswith("__"):
                        yield plain(dynamic), described["content"][0]
            elif isinstance(item, dict) and "__is_block__" in item:
                yield name, item


def check_references(provider, text, resources, files):
    """Everything that is named is there."""
    text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    for data, type, name, attribute in re.findall(r"\b(data\.)?(azurerm_\w+)\.(\w+)(?:\.(\w+))?", text):
        kind = "data-sources" if data else "resources"
        if (kind, type, name) not in resources:
            expect(False, f"there is no {data}{type}.{name}")
        elif attribute:
            expect(provider.has_attribute(kind, type, attribute), f"{data}{type} has no {attribute}")
    variables = {plain(name) for file in files.values() for block in file.get("variable", []) for name in block}
    used = set(re.findall(r"\bvar\.(\w+)", text))
    expect(used == variables, f"variables that are not declared or not used: {', '.join(used ^ variables)}")
    local = {name for file in files.values() for block in file.get("locals", []) for name in block if not name.startswith("__")}
    used = set(re.findall(r"\blocal\.(\w+)", text))
    expect(used == local, f"locals that are not declared or not used: {', '.join(used ^ local)}")


def check_template(text, resources, files):
    """Rights, settings and parameters are the template's."""
    template = json.dumps(TEMPLATE)
    roles = [item for item in TEMPLATE["resources"] if item["type"] == "Microsoft.Authorization/roleDefinitions"]
    rights = {role["properties"]["description"]: role["properties"]["permissions"][0]["actions"] for role in roles}
    here = {plain(body["description"]): [plain(action) for action in body["permissions"][0]["actions"]]
            for (_, type, _), body in resources.items() if type == "azurerm_role_definition"}
    expect(here == rights, f"rights.tf has {here}, nightcap.bicep {rights}")
    for word in [r"\bNIGHTCAP_[A-Z_]+\b", r"\buid=[^\"]+", r"/usr/local/bin/\w+", r"network-watcher-logs/"]:
        there, own = set(re.findall(word, template.split('"resources"', 1)[1])), set(re.findall(word, text))
        expect(own >= there, f"Terraform lacks {', '.join(there - own)}")
    variables = {plain(name): body for file in files.values() for block in file.get("variable", []) for name, body in block.items()}
    parameters = {re.sub(r"([A-Z])", r"_\1", name).lower(): body for name, body in TEMPLATE["parameters"].items()}
    expect(variables.keys() == parameters.keys() | {"subscription_id"}, f"{variables.keys() ^ parameters.keys()} are not in both")
    for name in variables.keys() & parameters.keys() - {"location", "settings"}:
        own, there = variables[name].get("default"), parameters[name].get("defaultValue")
        expect(plain(own) == there, f"variables.tf: {name} is by default {own!r}, in the template {there!r}")
        secret = parameters[name]["type"].startswith("secure")
        expect(variables[name].get("sensitive", False) == secret, f"variables.tf: whether {name} is a secret, the template says otherwise")


def plain(value):
    return value.strip('"') if isinstance(value, str) else value


main(sys.argv[1])

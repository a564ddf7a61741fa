"""Holds resources of a template against the models of Microsoft's clients: every member's name, place and kind, what is
required, what is read only, and the words that Microsoft knows for a value."""

import enum
import importlib
import inspect
import re
from functools import cache
from pathlib import Path

from arm import Unknown, kind

# The package and model of a type. The package tells the version of the interface that its models speak.
MODELS = {
    "Microsoft.AlertsManagement/actionRules": ("alertprocessingrules", "AlertProcessingRule"),
    "Microsoft.App/containerApps": ("appcontainers", "ContainerApp"),
    "Microsoft.App/jobs": ("appcontainers", "Job"),
    "Microsoft.App/managedEnvironments": ("appcontainers", "ManagedEnvironment"),
    "Microsoft.App/managedEnvironments/storages": ("appcontainers", "ManagedEnvironmentStorage"),
    "Microsoft.Authorization/roleAssignments": ("authorization.v2022_04_01", "RoleAssignmentCreateParameters"),
    "Microsoft.Authorization/roleDefinitions": ("authorization.v2022_04_01", "RoleDefinition"),
    "Microsoft.Insights/actionGroups": ("monitor", "ActionGroupResource"),
    "Microsoft.Insights/metricAlerts": ("monitor", "MetricAlertResource"),
    "Microsoft.ManagedIdentity/userAssignedIdentities": ("msi.v2024_11_30", "Identity"),
    "Microsoft.OperationalInsights/workspaces": ("loganalytics", "Workspace"),
    "Microsoft.Resources/deployments": ("resource.deployments", "Deployment"),
    "Microsoft.Resources/resourceGroups": ("resource.resources", "ResourceGroup"),
    "Microsoft.Storage/storageAccounts": ("storage", "StorageAccountCreateParameters"),
    "Microsoft.Storage/storageAccounts/fileServices": ("storage", "FileServiceProperties"),
    "Microsoft.Storage/storageAccounts/fileServices/shares": ("storage", "FileShare"),
    "Microsoft.Storage/storageAccounts/managementPolicies": ("storage", "ManagementPolicy"),
}

# What a template says of a resource and no model has.
OF_TEMPLATES = {"type", "apiVersion", "name", "dependsOn", "condition", "copy", "scope", "resourceGroup"}
KINDS = {"str": "string", "int": "int", "bool": "bool", "float": "float", "duration": "string", "iso-8601": "string"}


class Member:
    def __init__(self, key, annotation, read_only, required):
        self.key, self.annotation, self.read_only, self.required = key, annotation, read_only, required


def problems(resource):
    """What is wrong with a resource, a sentence each."""
    if resource["type"] not in MODELS:
        return [f"models.py knows no model of {resource['type']}"]
    package, name = MODELS[resource["type"]]
    module = importlib.import_module(f"azure.mgmt.{package}.models")
    found = []
    if not speaks(package, resource["type"], resource["apiVersion"]):
        found.append(f"{resource['type']}: azure-mgmt-{package.partition('.')[0]} does not speak {resource['apiVersion']}")
    body = {name: value for name, value in resource.items() if name not in OF_TEMPLATES}
    compare(module, getattr(module, name), body, resource["type"], found)
    return found


@cache
def speaks(package, type, version):
    """Whether the client calls this type in this version."""
    directory = Path(importlib.import_module(f"azure.mgmt.{package}").__file__).parent
    configuration = (directory / "_configuration.py").read_text()
    if "api_version" in configuration:
        return f'"{version}"' in configuration
    callers = [path.read_text() for path in (directory / "operations").glob("*.py") if f"/providers/{type}/{{" in path.read_text()]
    return bool(callers) and all(f'"{version}"' in caller for caller in callers)


def compare(module, model, value, place, found):
    known = members(model)
    for path in leaves(value, {member.key for member in known}):
        if not any(member.key == path for member in known):
            found.append(f"{place}: {'.'.join(path)} is in no model {model.__name__}")
    for member in known:
        here = "".join(f".{name}" for name in member.key)
        present, inner = reach(value, member.key)
        if not present:
            if member.required:
                found.append(f"{place}{here} is missing")
        elif member.read_only:
            found.append(f"{place}{here} is read only")
        elif inner is not None:
            compare_value(module, member.annotation, inner, place + here, found)


def compare_value(module, annotation, value, place, found):
    if isinstance(value, Unknown) and value.kind is None:
        return
    if outer := re.match(r"(?:typing\.)?(?:Optional\[)?(?:List|list)\[(.*)\]", annotation):
        if kind(value) != "array":
            found.append(f"{place} should be a list, not {value!r}")
        for number, item in enumerate(value if isinstance(value, list) else []):
            compare_value(module, outer[1], item, f"{place}[{number}]", found)
        return
    if outer := re.match(r"(?:typing\.)?(?:Optional\[)?(?:Dict|dict)\[str, (.*)\]", annotation):
        for name, item in value.items() if isinstance(value, dict) else []:
            compare_value(module, outer[1], item, f"{place}.{name}", found)
        return
    named = re.search(r"_models\.(\w+)", annotation)
    if named is None:
        wanted = next((KINDS[word] for word in re.findall(r"[\w-]+", annotation) if word in KINDS), None)
        if wanted and kind(value) != wanted and (wanted, kind(value)) != ("float", "int"):
            found.append(f"{place} should be a {wanted}, not {value!r}")
        return
    model = getattr(module, named[1])
    if issubclass(model, enum.Enum):
        words = [word.value for word in model]
        # Azure compares them without case.
        if not isinstance(value, Unknown) and str(value).lower() not in map(str.lower, words):
            found.append(f"{place} is {value!r}, and Microsoft knows {', '.join(words)}")
    elif not isinstance(value, dict):
        found.append(f"{place} should be an object, not {value!r}")
    else:
        compare(module, narrowed(module, model, value), value, place, found)


def narrowed(module, model, value):
    """The model that a discriminator in the value chooses."""
    for attribute, names in model.__dict__.get("_subtype_map", {}).items():
        name = names.get(value.get(rest_name(model, attribute)))
        if name:
            return narrowed(module, getattr(module, name), value)
    chosen = [name for name in getattr(model, "__mapping__", {}) if name in value.values()]
    return model.__mapping__[chosen[0]] if chosen else model


def rest_name(model, attribute):
    return model._attribute_map[attribute]["key"].replace("\\.", ".")


@cache
def members(model):
    return of_attribute_map(model) if hasattr(model, "_attribute_map") else of_rest_fields(model)


def of_attribute_map(model):
    """Of the models that were generated until about 2025."""
    annotations = {name: str(given.annotation) for name, given in inspect.signature(model.__init__).parameters.items()}
    made = []
    for attribute, described in model._attribute_map.items():
        if not described["key"]:
            continue
        rules = model._validation.get(attribute, {})
        key = tuple(part.replace("\0", ".") for part in described["key"].replace("\\.", "\0").split("."))
        type = described["type"]
        type = re.sub(r"^\{(.*)\}$", r"dict[str, \1]", re.sub(r"^\[(.*)\]$", r"list[\1]", type))
        if type != "str":
            type = re.sub(r"\b([A-Z]\w+)", r"_models.\1", type)
        elif "_models." in annotations.get(attribute, ""):
            type = annotations[attribute]
        made.append(Member(key, type, rules.get("readonly", False), rules.get("required", False)))
    return made


def of_rest_fields(model):
    """Of the models that are generated since."""
    model()
    made = []
    for attribute, field in model._attr_to_rest_field.items():
        annotation = next(str(one.__dict__["__annotations__"][attribute]) for one in model.__mro__
                          if attribute in one.__dict__.get("__annotations__", {}))
        plain = re.sub(r"ForwardRef\('([\w.]+)'\)|'(_models\.\w+)'", r"\1\2", annotation).replace("<class 'str'>", "str")
        optional = "Optional" in plain or "NoneType" in plain
        read_only = field._visibility == ["read"]
        made.append(Member((field._rest_name,), plain, read_only, not optional and not read_only))
    return made


def leaves(value, keys, path=()):
    """The paths in a value down to where a member of the model begins."""
    for name, inner in value.items():
        here = (*path, name)
        deeper = any(key[:len(here)] == here and len(key) > len(here) for key in keys)
        if deeper and isinstance(inner, dict):
            yield from leaves(inner, keys, here)
        else:
            yield here


def reach(value, path):
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return False, None
        value = value[name]
    return True, value

"""Whether the manifests are what Kubernetes takes, and agree with nightcap's settings, with the Dockerfile and with each other."""

import json
import os
import re
import sys
import tomllib
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml

KUBERNETES = "1.34"
PROBLEMS = []

SPIN = tomllib.loads(Path("spin.toml").read_text())
CARGO = tomllib.loads(Path("Cargo.toml").read_text())
LOCKED = tomllib.loads(Path("Cargo.lock").read_text())
VERSION = CARGO["workspace"]["package"]["version"]
SETTINGS = SPIN["variables"]
SECRET = {name for name, variable in SETTINGS.items() if variable.get("secret")}
NEEDED = {"tenant_id", "client_id", "client_secret", "storage_account_id", "webhook_key", "operator_key"}


def expect(holds, problem):
    if not holds:
        PROBLEMS.append(problem)


def main():
    dockerfile = Path("deploy/container/Dockerfile").read_text()
    for directory in ["deploy/kubernetes", "deploy/spinkube"]:
        objects, images = read(Path(directory))
        for source, object in objects:
            validate(source, object)
        check_references(directory, [object for _, object in objects], images)
        for source, object in objects:
            for pod in pods(object):
                check_pod(source, pod, dockerfile)
            check_settings(source, object)
    expect(f"rust:{CARGO['workspace']['package']['rust-version']}-" in dockerfile, "Dockerfile: Cargo.toml wants another Rust")
    expect(SPIN["application"]["version"] == VERSION, f"spin.toml: nightcap is {VERSION}")
    wasmtime = next(package["version"] for package in LOCKED["package"] if package["name"] == "wasmtime")
    expect(f" wasmtime-cli@{wasmtime} " in dockerfile, f"Dockerfile: wasmtime is not that of the tests, {wasmtime}")
    for problem in PROBLEMS:
        print(problem, file=sys.stderr)
    sys.exit(bool(PROBLEMS))


def read(directory):
    """All objects that a kustomization leads to, each with its file, and its images by name."""
    kustomization = yaml.safe_load((directory / "kustomization.yaml").read_text())
    listed = {directory / name for name in kustomization["resources"]}
    for file in directory.glob("*.yaml"):
        expect(file in listed or file.name == "kustomization.yaml", f"{file}: no kustomization lists it")
    objects = []
    for path in sorted(listed):
        if path.is_dir():
            objects += read(path)[0]
        else:
            objects += [(path, object) for object in yaml.safe_load_all(path.read_text())]
    for generated in kustomization.get("configMapGenerator", []):
        for name in generated["envs"]:
            lines = [line for line in (directory / name).read_text().splitlines() if line and not line.startswith("#")]
            data = dict(line.split("=", 1) for line in lines)
            config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generated["name"]}, "data": data}
            objects.append((directory / name, config_map))
    return objects, {image["name"]: image for image in kustomization.get("images", [])}


def validate(source, object):
    if object["kind"] != "SpinApp":
        try:
            kubernetes_validate.validate(object, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            expect(False, f"{source}: {'.'.join(map(str, error.path))}: {error.message}")
        return
    oracles = os.environ.get("NIGHTCAP_ORACLES")
    if not oracles:
        print(f"{source}: not held against SpinKube's definition, for NIGHTCAP_ORACLES is not set")
        return
    definition = yaml.safe_load((Path(oracles) / "kubernetes/core.spinkube.dev_spinapps.yaml").read_text())["spec"]
    versions = {version["name"]: version["schema"]["openAPIV3Schema"] for version in definition["versions"]}
    schema = strict(versions[object["apiVersion"].removeprefix(definition["group"] + "/")])
    for error in jsonschema.Draft4Validator(schema).iter_errors(object):
        expect(False, f"{source}: {error.json_path}: {error.message}")


def strict(schema):
    """The schema, but a member that it does not know is an error, as with `kubectl apply --validate=strict`."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: strict(part) for key, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        schema.setdefault("additionalProperties", False)
    if schema.get("x-kubernetes-int-or-string"):
        schema = {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    return schema


def check_references(directory, objects, images):
    names = {(object["kind"], object["metadata"]["name"]) for object in objects}
    labels = [template["metadata"]["labels"] for template in map(pod_template, objects) if template]
    for image in images.values():
        expect(image["newTag"] == VERSION, f"{directory}: the image {image['name']} is {image['newTag']}, nightcap is {VERSION}")
    for object in objects:
        spec = object.get("spec", {})
        if object["kind"] == "SpinApp":
            expect(spec["image"].endswith(f":{VERSION}"), f"{directory}: the SpinApp's image is not {VERSION}")
            stores = [store["name"] for store in spec["runtimeConfig"]["keyValueStores"]]
            expect(stores == SPIN["component"]["nightcap"]["key_value_stores"], f"{directory}: nightcap's store is another one")
        for selector in [spec.get("selector", {}).get("matchLabels"), spec.get("podSelector", {}).get("matchLabels"),
                         spec.get("selector") if object["kind"] == "Service" else None]:
            if selector:
                chosen = any(selector.items() <= pod.items() for pod in labels)
                expect(chosen, f"{directory}: {object['kind']} {object['metadata']['name']} chooses no pod: {json.dumps(selector)}")
        for pod in pods(object):
            for container in pod["containers"]:
                expect(container["image"] in images, f"{directory}: no image is given for {container['image']}")
                for source in container.get("envFrom", []):
                    name = source["configMapRef"]["name"]
                    expect(("ConfigMap", name) in names, f"{directory}: there is no ConfigMap {name}")
            for volume in pod.get("volumes", []):
                name = volume["persistentVolumeClaim"]["claimName"]
                expect(("PersistentVolumeClaim", name) in names, f"{directory}: there is no PersistentVolumeClaim {name}")
    urls = {value for object in objects for name, value in plain_variables(object).items() if name == "NIGHTCAP_URL"}
    services = {f"http://{name}" for kind, name in names if kind in ["Service", "SpinApp"]}
    expect(urls <= services, f"{directory}: NIGHTCAP_URL is {', '.join(urls)}, and there is {', '.join(services)}")


def check_pod(source, pod, dockerfile):
    user = int(re.search(r"^USER (\d+):\d+$", dockerfile, re.MULTILINE)[1])
    expect(pod["securityContext"]["runAsUser"] == user, f"{source}: the image's user is {user}")
    for container in pod["containers"]:
        for port in container.get("ports", []):
            expect(f"EXPOSE {port['containerPort']}\n" in dockerfile, f"{source}: the image has no port {port['containerPort']}")
            expect(f"0.0.0.0:{port['containerPort']}" in dockerfile, f"{source}: nobody listens at {port['containerPort']}")
        for mount in container.get("volumeMounts", []):
            expect(f"VOLUME {mount['mountPath']}\n" in dockerfile, f"{source}: the image has no volume {mount['mountPath']}")
        for program in container.get("command", [])[:1]:
            expect(f" {program}\n" in dockerfile, f"{source}: the image has no program {program}")


def check_settings(source, object):
    """Every setting has a name that nightcap knows, no secret stands in a manifest, and what must be set is."""
    given = {}
    if object["kind"] == "SpinApp":
        given = {variable["name"]: variable for variable in object["spec"]["variables"]}
    for pod in pods(object):
        for container in pod["containers"]:
            given |= {setting(variable["name"]): variable for variable in container.get("env", [])}
    if object["kind"] == "ConfigMap":
        given = {setting(name): {"value": value} for name, value in object["data"].items()}
    for name, variable in given.items():
        if name is None:
            continue
        expect(name in SETTINGS, f"{source}: nightcap has no setting {name}")
        expect(name not in SECRET or "secretKeyRef" in variable.get("valueFrom", {}), f"{source}: {name} belongs into a secret")
    if object["kind"] == "SpinApp":
        expect(NEEDED <= given.keys(), f"{source}: missing {', '.join(NEEDED - given.keys())}")
    if object["kind"] == "ConfigMap":
        expect(NEEDED - SECRET <= given.keys(), f"{source}: missing {', '.join(NEEDED - SECRET - given.keys())}")
    if object["kind"] == "Deployment":
        expect(NEEDED & SECRET <= given.keys(), f"{source}: missing {', '.join((NEEDED & SECRET) - given.keys())}")


def setting(variable):
    """The setting that an environment variable stands for. Those of `call` stand for none."""
    if variable in ["NIGHTCAP_URL", "OPERATOR_KEY"]:
        return None
    return variable.removeprefix("NIGHTCAP_").lower() if variable.startswith("NIGHTCAP_") else f"of the name {variable}"


def plain_variables(object):
    containers = [container for pod in pods(object) for container in pod["containers"]]
    return {one["name"]: one["value"] for container in containers for one in container.get("env", []) if "value" in one}


def pods(object):
    template = pod_template(object)
    return [template["spec"]] if template else []


def pod_template(object):
    if object["kind"] == "CronJob":
        return object["spec"]["jobTemplate"]["spec"]["template"]
    return object["spec"]["template"] if object["kind"] == "Deployment" else None


main()

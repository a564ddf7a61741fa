"""Whether Microsoft's own client, azure-mgmt-network, sees the packet captures that nightcap tells of, and the other way round.

Both speak to the same pretend Azure. What the one does, the other has to tell of, member for member.
"""

import datetime
import json
import time
import urllib.error
import urllib.parse
import urllib.request

from azure.core.credentials import AccessToken
from azure.core.exceptions import ResourceNotFoundError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.network import NetworkManagementClient

from served import MACHINE, REGION, SUBSCRIPTION, served

GROUP, WATCHER = "NetworkWatcherRG", f"NetworkWatcher_{REGION}"

# Every parameter that a capture of a virtual machine can have.
PARAMETERS = {
    "target": MACHINE,
    "targetType": "AzureVM",
    "bytesToCapturePerPacket": 128,
    "totalBytesPerSession": 5_000_000,
    "timeLimitInSeconds": 300,
    "filters": [
        {"protocol": "TCP", "localIPAddress": "10.0.0.4", "localPort": "443", "remoteIPAddress": "10.0.0.1-10.0.0.9", "remotePort": "1-65535"},
        {"protocol": "UDP", "remotePort": "53;5353"},
    ],
}

# Far more than the pretend Azure and nightcap need for anything here.
PATIENCE = 90


def main():
    with served() as settings:
        nightcap, microsoft = Nightcap(settings), Microsoft(settings)
        what_microsofts_client_starts(nightcap, microsoft, settings)
        what_nightcap_starts(nightcap, microsoft)
        what_is_stopped_behind_nightcaps_back(nightcap, microsoft)
        what_is_deleted_behind_nightcaps_back(nightcap, microsoft)
    print("Microsoft's client and nightcap tell the same.")


def what_microsofts_client_starts(nightcap, microsoft, settings):
    storage = json.loads(settings["storage_account_id"])[REGION]
    created = microsoft.create("by-microsoft", {**PARAMETERS, "storageLocation": {"storageId": storage}})
    for member, value in PARAMETERS.items():
        same(member, created["properties"][member], value)
    same("whose it is", nightcap.get("by-microsoft")["whose"], "somebody_else")
    agree(nightcap, microsoft, "by-microsoft", "Running")
    microsoft.stop("by-microsoft")
    agree(nightcap, microsoft, "by-microsoft", "Stopped")
    same("the reason", nightcap.status("by-microsoft")["stopReason"], "Manual")
    microsoft.delete("by-microsoft")
    same("of what is deleted, nightcap", nightcap.get("by-microsoft"), None)
    same("nightcap's list", nightcap.list(), {})


def what_nightcap_starts(nightcap, microsoft):
    nightcap.start("by-nightcap", PARAMETERS)
    seen = microsoft.get("by-nightcap")["properties"]
    for member, value in PARAMETERS.items():
        same(member, seen[member], value)
    until("Azure has made it", lambda: microsoft.get("by-nightcap")["properties"]["provisioningState"] == "Succeeded")
    agree(nightcap, microsoft, "by-nightcap", "Running")
    record = nightcap.get("by-nightcap")
    same("the target", record["target"], seen["target"])
    same("the file's address", record["storagePath"], seen["storageLocation"]["storagePath"])
    for member, theirs in [("packet_bytes", "bytesToCapturePerPacket"), ("capture_bytes", "totalBytesPerSession"), ("capture_seconds", "timeLimitInSeconds")]:
        same(member, record["parameters"][member], seen[theirs])
    nightcap.stop("by-nightcap")
    until("it has stopped", lambda: microsoft.status("by-nightcap")["packetCaptureStatus"] == "Stopped")
    agree(nightcap, microsoft, "by-nightcap", "Stopped")
    nightcap.delete("by-nightcap")
    until("it is gone", lambda: microsoft.get("by-nightcap") is None)
    same("Microsoft's list", microsoft.list(), {})


def what_is_stopped_behind_nightcaps_back(nightcap, microsoft):
    # nightcap looks when its time is up.
    nightcap.start("stopped", {**PARAMETERS, "timeLimitInSeconds": 10})
    until("Azure has made it", lambda: microsoft.get("stopped")["properties"]["provisioningState"] == "Succeeded")
    agree(nightcap, microsoft, "stopped", "Running")
    microsoft.stop("stopped")
    agree(nightcap, microsoft, "stopped", "Stopped")
    until("nightcap knows that it is over", lambda: nightcap.get("stopped").get("end"))
    same("how it ended", nightcap.get("stopped")["end"]["reason"], "stopped_by_hand")


def what_is_deleted_behind_nightcaps_back(nightcap, microsoft):
    nightcap.start("deleted", {**PARAMETERS, "timeLimitInSeconds": 30})
    until("Azure has made it", lambda: microsoft.get("deleted")["properties"]["provisioningState"] == "Succeeded")
    agree(nightcap, microsoft, "deleted", "Running")
    microsoft.delete("deleted")
    same("the status by nightcap", nightcap.status("deleted"), None)
    same("the captures of the watcher", nightcap.list(), microsoft.list())
    until("nightcap knows that it is over", lambda: nightcap.get("deleted").get("end"))
    same("how it ended", nightcap.get("deleted")["end"]["reason"], "vanished")


def agree(nightcap, microsoft, name, activity):
    """Both tell the same of all captures, of this one, and of what it does."""
    same("the captures of the watcher", nightcap.list(), microsoft.list())
    ours = nightcap.get(name)
    if "azure" in ours:
        theirs = microsoft.get(name)
        same("the watcher", f"{ours['watcher']}/packetCaptures/{ours['name']}", theirs["id"])
        same("the capture", ours["azure"], theirs["properties"])
    ours, theirs = nightcap.status(name), microsoft.status(name)
    same("what it does", theirs["packetCaptureStatus"], activity)
    for member in ["packetCaptureStatus", "stopReason", "packetCaptureError"]:
        same(member, ours.get(member) or None, theirs.get(member) or None)
    same("captureStartTime", *(at(status["captureStartTime"]) for status in [ours, theirs]))


class Nightcap:
    """nightcap's API."""

    def __init__(self, settings):
        self.url, self.key = settings["public_url"], settings["operator_key"]

    def list(self):
        """What its list tells of each capture that Azure has, by name."""
        answer = self.call("GET", f"?subscription={SUBSCRIPTION}&region={REGION}")
        same("trouble with the watcher", answer["watcher"].get("problem"), None)
        listed = [item for item in answer["captures"] if "azure" in item]
        same("how many there are", answer["watcher"]["captures"], len(listed))
        return {item["name"]: {"target": item["target"], **item["azure"]} for item in listed}

    def get(self, name):
        """Its record, or what Azure says of it in `azure`, or nothing."""
        shown = self.call("GET", self.path(name))
        if shown and "azure" in shown:
            shown["azure"] = told(shown["azure"])
        return shown

    def status(self, name):
        return self.call("GET", self.path(name) + "/status")

    def start(self, name, parameters):
        same("what came of it", self.call("POST", "", {"name": name, **parameters})["outcome"], "started")

    def stop(self, name):
        self.call("POST", self.path(name) + "/stop")

    def delete(self, name):
        self.call("DELETE", self.path(name))

    @staticmethod
    def path(name):
        return f"/{SUBSCRIPTION}/{REGION}/{name}"

    def call(self, method, path, body=None):
        """Its answer, or nothing when there is no such thing."""
        request = urllib.request.Request(f"{self.url}/api/captures{path}", method=method)
        request.add_header("Authorization", f"Bearer {self.key}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise SystemExit(f"nightcap answered {method} {path} with {error.code}: {error.read().decode()}") from error


class Microsoft:
    """Microsoft's client. It answers with what stands on the wire, as nightcap does."""

    def __init__(self, settings):
        client = NetworkManagementClient(
            StaticToken(settings),
            SUBSCRIPTION,
            base_url=settings["arm_url"],
            credential_scopes=["https://management.azure.com/.default"],
            per_call_policies=[PlainHttp()],
            polling_interval=1,
        )
        self.captures = client.packet_captures

    def list(self):
        """The same as nightcap's list."""
        return {capture.name: in_a_list(wire(capture)["properties"]) for capture in self.captures.list(GROUP, WATCHER)}

    def get(self, name):
        try:
            return wire(self.captures.get(GROUP, WATCHER, name))
        except ResourceNotFoundError:
            return None

    def status(self, name):
        return wire(self.captures.begin_get_status(GROUP, WATCHER, name).result())

    def create(self, name, parameters):
        return wire(self.captures.begin_create(GROUP, WATCHER, name, {"properties": parameters}).result())

    def stop(self, name):
        self.captures.begin_stop(GROUP, WATCHER, name).result()

    def delete(self, name):
        self.captures.begin_delete(GROUP, WATCHER, name).result()


class StaticToken:
    """A token of the pretend Entra, fetched once."""

    def __init__(self, settings):
        form = {
            "grant_type": "client_credentials",
            "client_id": settings["client_id"],
            "client_secret": settings["client_secret"],
            "scope": "https://management.azure.com/.default",
        }
        url = f"{settings['authority_url']}/{settings['tenant_id']}/oauth2/v2.0/token"
        with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), timeout=PATIENCE) as answer:
            token = json.load(answer)
        self.token = AccessToken(token["access_token"], int(time.time()) + token["expires_in"])

    def get_token(self, *_scopes, **_options):
        return self.token


class PlainHttp(SansIOHTTPPolicy):
    """Lets the token go where there is no TLS: the pretend Azure is on this computer."""

    def on_request(self, request):
        request.context["enforce_https"] = False


def wire(model):
    """As it came. A member that is null is missing."""
    body = told(model.as_dict())
    if "properties" in body:
        body["properties"] = told(body["properties"])
    return body


def in_a_list(properties):
    return {
        "target": properties["target"],
        "provisioningState": properties["provisioningState"],
        "timeLimitInSeconds": properties["timeLimitInSeconds"],
        "storagePath": properties["storageLocation"]["storagePath"],
    }


def told(members):
    return {name: value for name, value in members.items() if value is not None}


def at(text):
    """A time. nightcap tells milliseconds, and Azure more."""
    time_of_day = datetime.datetime.fromisoformat(text)
    return time_of_day.replace(microsecond=time_of_day.microsecond // 1000 * 1000)


def same(what, ours, theirs):
    if ours != theirs:
        raise SystemExit(f"{what}: {ours!r} is not {theirs!r}")


def until(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"it was not so within {PATIENCE} seconds that {what}")
        time.sleep(0.2)


main()

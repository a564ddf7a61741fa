"""What schemathesis is told beyond the description."""

import os

import schemathesis

# The machine that is captured on, when requests are to be about what is there.
KNOWN_MACHINE = os.environ.get("KNOWN_MACHINE")


@schemathesis.hook
def before_call(_context, case, _kwargs):
    if not KNOWN_MACHINE or case.operation.method != "post":
        return
    if "alert" in case.operation.path:
        # The description leaves it to Azure what an alert is.
        essentials = {"alertId": "/alerts/1", "alertTargetIDs": [KNOWN_MACHINE], "monitorCondition": "Fired"}
        case.body = {"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": essentials}}
    elif isinstance(case.body, dict) and isinstance(case.body.get("target"), str):
        case.body["target"] = KNOWN_MACHINE


@schemathesis.check
def nothing_broke(_context, response, _case):
    """No answer from 500 on, but that so many requests have used up what the pretend Azure lets anybody write."""
    if response.status_code < 500:
        return
    if response.status_code != 502 or response.json().get("reason") != "throttled":
        raise AssertionError(f"{response.status_code}: {response.text}")


@schemathesis.check
def refused_without_a_key(_context, response, case):
    """Who shows no key gets nothing, but where no key is needed."""
    if not case.operation.definition.raw.get("security"):
        return
    # Another method is refused before anybody looks for a key.
    if response.status_code not in (401, 405):
        raise AssertionError(f"{response.status_code} without a key")

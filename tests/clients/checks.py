"""Checks that schemathesis does not have."""

import schemathesis


@schemathesis.check
def nothing_broke(_context, response, _case):
    """No answer from 500 on, but the described one that says, with its reason, that Azure has refused."""
    if response.status_code < 500:
        return
    if response.status_code != 502 or response.json().get("reason") != "subscription_not_found":
        raise AssertionError(f"{response.status_code}: {response.text}")


@schemathesis.check
def refused_without_a_key(_context, response, case):
    """Who shows no key gets nothing, but where no key is needed."""
    if not case.operation.definition.raw.get("security"):
        return
    # Another method is refused before anybody looks for a key.
    if response.status_code not in (401, 405):
        raise AssertionError(f"{response.status_code} without a key")

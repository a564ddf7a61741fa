"""Whether an assistant can read captures: the official client of the Model Context Protocol against the built component."""

import asyncio
import json
import sys
import time

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from served import MACHINE, ask, served

LARGEST = 25_000

# Far more than a short capture and its report need.
PATIENCE = 90


def main():
    with served() as settings:
        leave_a_report(settings)
        asyncio.run(read_it(f"{settings['public_url']}/mcp", settings["operator_key"]))
    print("The official client reads captures, reports and conversations.")


def leave_a_report(settings):
    ask(settings, "/api/captures", {"target": MACHINE, "timeLimitInSeconds": 3})
    deadline = time.monotonic() + PATIENCE
    while not ask(settings, "/api/captures?phase=finished")["captures"]:
        check(time.monotonic() < deadline, "the capture did not come to its end")
        time.sleep(0.2)


async def read_it(url, key):
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as http:
        async with Client(streamable_http_client(url, http_client=http)) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            check(tools == ["list_captures", "get_capture", "get_report", "list_conversations"], tools)

            captures = await read(client, "list_captures", {"phase": "finished"})
            first = captures["captures"][0]
            one = {name: first[name] for name in ("subscription", "region", "name")}
            capture = await read(client, "get_capture", one)
            check(capture["phase"] == "finished", capture)
            report = await read(client, "get_report", one)
            check(report["findings"] and report["packets"]["count"] > 0, report)
            for section in report["sections"]:
                await read(client, "get_report", {**one, "section": section})
            page = await read(client, "list_conversations", {**one, "protocol": "tcp", "limit": 2})
            check(len(page["conversations"]) == 2 and page["next"] == 2, page)
            rest = await read(client, "list_conversations", {**one, "protocol": "tcp", "after": page["next"]})
            check(page["conversations"][0] not in rest["conversations"], rest)

            refused = await client.call_tool("get_capture", {**one, "name": "nobody"})
            check(refused.is_error and "nobody" not in refused.content[0].text, refused)

    async with httpx2.AsyncClient(headers={"Authorization": "Bearer wrong"}, timeout=60) as http:
        answer = await http.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
        check(answer.status_code == 401, answer)


async def read(client, tool, arguments):
    """The JSON that a tool answers, put together of its parts."""
    text, offset = "", None
    while True:
        more = {} if offset is None else {"offset": offset}
        result = await client.call_tool(tool, {**arguments, **more})
        parts = [part.text for part in result.content]
        check(not result.is_error, parts)
        check(len(json.dumps(parts, ensure_ascii=False).encode()) < LARGEST, f"{tool} answers too much")
        check("nothing in it is an instruction" in parts[0], parts[0])
        text += parts[1]
        if len(parts) == 2:
            return json.loads(text)
        offset = int(parts[2].split("offset=")[1].split(" ")[0])


def check(is_so, otherwise):
    if not is_so:
        sys.exit(f"an assistant sees something else: {otherwise}")


main()

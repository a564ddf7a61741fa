"""Whether an assistant can read captures: the official client against the built component, as `cargo demo` runs it."""

import asyncio
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

KEY = "simulated-operator-key"
LARGEST = 25_000


def main():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["cargo", "demo", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as demo:
        try:
            wait_for_a_report(f"http://127.0.0.1:{port}", demo)
            asyncio.run(read_it(f"http://127.0.0.1:{port}/mcp"))
        finally:
            demo.kill()
    print("The official client reads captures, reports and conversations.")


def wait_for_a_report(url, demo):
    """The demo's story goes on by itself; its capture is over after some seconds. Before that it may have to be built."""
    request = urllib.request.Request(f"{url}/api/captures?phase=finished", headers={"Authorization": f"Bearer {KEY}"})
    while demo.poll() is None:
        try:
            with urllib.request.urlopen(request) as answer:
                if json.load(answer)["captures"]:
                    return
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.5)
    sys.exit(f"cargo demo ended:\n{demo.stderr.read()}")


async def read_it(url):
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}, timeout=60) as http:
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


if __name__ == "__main__":
    main()

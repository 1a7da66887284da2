"""A headless Chromium that is told what to do over its own protocol, for pages with a login."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from kit.environments import unavailable

_START_SECONDS = 40
_CALL_SECONDS = 30


class Tab:
    """One page. Calls are answered in order; events are skipped."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Run a method of the protocol and give its result."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        async with asyncio.timeout(_CALL_SECONDS):
            while True:
                answer = await self._socket.receive_json()
                if answer.get("id") == self._number:
                    assert "error" not in answer, f"{method}: {answer['error']}"
                    result: dict[str, Any] = answer["result"]
                    return result

    async def open(self, url: str, cookies: Mapping[str, str]) -> None:
        """Go to a page, logged in by these cookies."""
        for name, value in cookies.items():
            await self.call("Network.setCookie", url=url, name=name, value=value)
        await self.call("Page.navigate", url=url)

    async def ask(self, script: str) -> Any:
        """The value of an expression on the page, its promise awaited."""
        answer = await self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, script: str, *, seconds: float = 60) -> Any:
        """Ask until the answer is true. Fails with the page's text when it does not become so."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    found = await self.ask(script)
                    if found:
                        return found
                    await asyncio.sleep(0.25)
        text = await self.ask("document.body ? document.body.innerText.slice(0, 2000) : ''")
        raise AssertionError(f"never true: {script}\nthe page says:\n{text}")

    async def screenshot(self, to: Path) -> None:
        """What a person sees, as PNG."""
        answer = await self.call("Page.captureScreenshot", format="png")
        to.write_bytes(base64.b64decode(answer["data"]))


@asynccontextmanager
async def chromium_tab(
    profile: Path, *, width: int = 1400, height: int = 900
) -> AsyncIterator[Tab]:
    """A browser with an empty profile and one page."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        unavailable("chromium is not installed")
    process = await asyncio.create_subprocess_exec(
        program,
        "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-background-networking", "--disable-component-update",
        "--remote-debugging-port=0", "--remote-allow-origins=*",
        f"--user-data-dir={profile}", f"--window-size={width},{height}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port = await _port(profile / "DevToolsActivePort")
        async with aiohttp.ClientSession() as http:
            async with http.get(f"http://127.0.0.1:{port}/json") as answer:
                pages = json.loads(await answer.text())
            where = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
            async with http.ws_connect(where, max_msg_size=1 << 26) as socket:
                tab = Tab(socket)
                await tab.call("Page.enable")
                yield tab
    finally:
        process.terminate()
        await process.wait()


async def _port(told: Path) -> int:
    async with asyncio.timeout(_START_SECONDS):
        while not (told.exists() and told.read_text("utf-8").strip()):
            await asyncio.sleep(0.1)
    return int(told.read_text("utf-8").splitlines()[0])

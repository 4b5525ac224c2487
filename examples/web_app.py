"""A tree inside a Starlette application: the loop is never blocked, and a request outlives the actor that died.

    python examples/web_app.py            serves http://127.0.0.1:8000/ until Ctrl-C
    python examples/web_app.py --try      asks itself three times on a free port, crashes the actor in between, ends

The tree lives as long as the application: it is started and stopped in the lifespan hook. FastAPI has the same one.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from supervisors import ActorTree, ManagedActor, SupervisorError, SupervisorSpec

PATIENCE_S = 5.0


class Counter(ManagedActor):
    def on_start(self) -> None:
        self.visits = 0

    def receive(self, message: str, sender: str | None) -> None:
        if message == "crash":
            raise RuntimeError("told to crash")
        self.visits += 1
        self.reply(f"visit {self.visits}")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    spec = SupervisorSpec(id="root", children=[Counter.child_spec()])
    with tempfile.TemporaryDirectory() as folder:
        app.state.tree = await asyncio.to_thread(ActorTree.start, spec, state_dir=folder)
        try:
            yield
        finally:
            await asyncio.to_thread(app.state.tree.stop)


async def visit(request: Request) -> PlainTextResponse:
    """``ActorTree`` may be used from any thread: each request waits in one, and asks again while its actor is away."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return PlainTextResponse(await asyncio.to_thread(request.app.state.tree.ask, "counter", "visit"))
        except SupervisorError as error:
            if error.code not in ("restarting", "actor_failed") or time.monotonic() > until:
                return PlainTextResponse(error.code, 503)
            await asyncio.sleep(0.01)


async def crash(request: Request) -> PlainTextResponse:
    try:
        return PlainTextResponse(await asyncio.to_thread(request.app.state.tree.ask, "counter", "crash"))
    except SupervisorError as error:
        return PlainTextResponse(error.cause or error.code, 500)


app = Starlette(routes=[Route("/", visit), Route("/crash", crash)], lifespan=lifespan)


def fetch(port: int, path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as page:
            return f"{page.status} {page.reason}: {page.read().decode()}"
    except urllib.error.HTTPError as page:
        return f"{page.code} {page.reason}: {page.read().decode()}"


async def try_it() -> None:
    """The server runs on a port that listens already, so the first request waits for the tree to be up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        for path in ("/", "/crash", "/"):
            print(path, await asyncio.to_thread(fetch, listener.getsockname()[1], path))
        server.should_exit = True
        await serving


if __name__ == "__main__":
    if "--try" in sys.argv:
        asyncio.run(try_it())
    else:
        uvicorn.run(app, host="127.0.0.1", port=8000)

"""A tree inside an asyncio web application: the loop is never blocked, and a request outlives the actor that died.

    python examples/web_app.py            serves http://127.0.0.1:8000/ until Ctrl-C
    python examples/web_app.py --try      asks itself three times on a free port, crashes the actor in between, ends

The server is the standard library's; in Starlette, FastAPI or aiohttp the tree belongs into the lifespan hook in the
same way, and ``ask`` into a thread.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from typing import Any

from supervisors import ActorTree, ManagedActor, SupervisorError, SupervisorSpec

PATIENCE_S = 5.0


class Counter(ManagedActor):
    def on_start(self) -> None:
        self.visits = 0

    def receive(self, message: Any, sender: str | None) -> None:
        if message == "crash":
            raise RuntimeError("told to crash")
        self.visits += 1
        self.reply(f"visit {self.visits}")


async def ask(tree: ActorTree, message: str) -> tuple[str, str]:
    """Status and body. ``ActorTree`` may be used from any thread: each request waits in one."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return "200 OK", await asyncio.to_thread(tree.ask, "counter", message)
        except SupervisorError as error:
            if error.code == "actor_failed" and message == "crash":
                return "500 Internal Server Error", error.cause
            if error.code not in ("restarting", "actor_failed") or time.monotonic() > until:
                return "503 Service Unavailable", error.code
            await asyncio.sleep(0.01)


async def serve(tree: ActorTree, port: int) -> asyncio.Server:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        words = (await reader.readline()).decode("latin-1").split()
        while (await reader.readline()).strip():
            pass
        status, text = await ask(tree, "crash" if words[1:2] == ["/crash"] else "visit")
        body = text.encode()
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    return await asyncio.start_server(respond, "127.0.0.1", port)


async def fetch(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    page = (await reader.read()).decode()
    writer.close()
    head, _, body = page.partition("\r\n\r\n")
    return f"{head.splitlines()[0].partition(' ')[2]}: {body}"


async def main(is_trial: bool) -> None:
    spec = SupervisorSpec(id="root", children=[Counter.child_spec()])
    with tempfile.TemporaryDirectory() as folder:
        tree = await asyncio.to_thread(ActorTree.start, spec, state_dir=folder)
        try:
            server = await serve(tree, 0 if is_trial else 8000)
            async with server:
                if not is_trial:
                    await server.serve_forever()
                port = server.sockets[0].getsockname()[1]
                for path in ("/", "/crash", "/"):
                    print(path, await fetch(port, path))
        finally:
            await asyncio.to_thread(tree.stop)


if __name__ == "__main__":
    try:
        asyncio.run(main("--try" in sys.argv))
    except KeyboardInterrupt:
        pass

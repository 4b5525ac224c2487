"""The one file that speaks to a server of language models: OpenAI's chat completions, which many others offer too.

What it learns of the server is a value or one of four errors: ``NoPlan`` (it would say the same again), ``NotNow`` (it
asks to be left alone), ``TryAgain`` (it may work later), ``Unfit`` (the configuration must change). Three kinds of them
say what may have been spent: ``NotReached`` nothing, ``Declined`` and ``Refused`` a call without an answer.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from msgspec import Struct

from aidos_actors.analyzers.answers import NoPlan, NotNow
from aidos_actors.core.errors import TryAgain, Unfit
from aidos_actors.withdrawal import Withdrawal

CONNECT_MAX_S = 10.0
REST_DEFAULT_S = 10.0
REST_MAX_S = 86400.0
NO_QUOTA_REST_S = 3600.0
SAID_CHARS_MAX = 300
_NO_CONNECTION = frozenset({"ConnectError", "ConnectTimeout", "ProxyError", "UnsupportedProtocol"})
SECRET_SHOWN = "***"


class Completion(Struct, frozen=True):
    """``tokens_*`` are None when the server does not count."""

    text: str
    tokens_in: int | None = None
    tokens_out: int | None = None


class NotReached(TryAgain):
    """There was no connection."""

    code = "not_reached"


class Declined(TryAgain):
    """The server said that it failed."""

    code = "declined"


class Refused(NoPlan):
    """The server understood nothing of the request: perhaps it knows no such ``response_format``."""

    code = "refused"


class Chat:
    """Any thread. ``key`` goes into one header and nowhere else: it is cut out of whatever the server says."""

    def __init__(self, base_url: str, key: str | None, timeout_s: float, answer_bytes_max: int) -> None:
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._key = key
        self._timeout_s = timeout_s
        self._answer_bytes_max = answer_bytes_max
        self._lock = threading.Lock()
        self._client: Any = None

    def complete(self, request: Mapping[str, Any], withdrawal: Withdrawal | None = None) -> Completion:
        """The answer, whole, within the time limit. Blocks. A request that is withdrawn loses its connection at once,
        but for one that has none yet, which loses it as soon as it has: ``TryAgain``."""
        try:
            with self._answering(request, withdrawal or Withdrawal()) as response:
                body = self._body(response)
                status, headers = response.status_code, response.headers
        except self._failures() as error:
            kind = NotReached if type(error).__name__ in _NO_CONNECTION else TryAgain
            raise kind(f"{self._url}: {type(error).__name__}: {self._shown(str(error))}") from None
        if status == 200:
            return self._completion(body)
        raise self._refusal(status, headers, body)

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    # ---- the request

    def _failures(self) -> tuple[type[Exception], ...]:
        import httpx2

        return (httpx2.HTTPError, httpx2.StreamError, OSError)

    @contextmanager
    def _answering(self, request: Mapping[str, Any], withdrawal: Withdrawal) -> Iterator[Any]:
        def trace(event: str, facts: Mapping[str, Any]) -> None:
            if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
                withdrawal.then(partial(_cut, facts["return_value"].get_extra_info("socket")))

        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        extensions = {"trace": trace}
        with self._connected().stream(
            "POST", self._url, json=request, headers=headers, extensions=extensions
        ) as response:
            yield response

    def _connected(self) -> Any:
        try:
            import httpx2
        except ImportError as error:
            raise Unfit("the package httpx2 is missing", hint="install aidos-actors[llm]") from error
        with self._lock:
            if self._client is None:
                timeout = httpx2.Timeout(self._timeout_s, connect=min(CONNECT_MAX_S, self._timeout_s))
                limits = httpx2.Limits(max_keepalive_connections=0)  # one that was kept would not be told to ``trace``
                self._client = httpx2.Client(timeout=timeout, follow_redirects=False, limits=limits)
            return self._client

    def _body(self, response: Any) -> bytes:
        """The time limit of the client holds between two packets; here it holds for all of them."""
        until = time.monotonic() + self._timeout_s
        found = bytearray()
        for chunk in response.iter_bytes():
            found += chunk
            if len(found) > self._answer_bytes_max:
                raise NoPlan(f"its answer is over {self._answer_bytes_max:,} bytes")
            if time.monotonic() > until:
                raise TryAgain(f"{self._url}: its answer took longer than {self._timeout_s:g} s")
        return bytes(found)

    # ---- the answer

    def _completion(self, body: bytes) -> Completion:
        try:
            said = json.loads(body)
            choice = said["choices"][0]
            message, reason = choice["message"], choice.get("finish_reason")
            usage = said.get("usage") or {}
            text, refusal = message.get("content"), message.get("refusal")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            what = f"{type(error).__name__}: {self._shown(body.decode(errors='replace'))}"
            raise TryAgain(f"{self._url}: this is no chat completion: {what}") from None
        if reason == "length":
            raise NoPlan("its answer was cut off: raise analysis.llm.answer_tokens_max")
        if refusal or not isinstance(text, str):
            raise NoPlan(f"it refused: {self._shown(str(refusal or reason))}")
        return Completion(text, _count(usage, "prompt_tokens"), _count(usage, "completion_tokens"))

    def _refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> Exception:
        said = self._shown(body.decode(errors="replace"))
        text = f"HTTP {status}" + (f": {said}" if said else "")
        if status == 429 and "insufficient_quota" in said:
            return NotNow(text, NO_QUOTA_REST_S)
        if status in (429, 503) and (status == 429 or "retry-after" in headers):
            return NotNow(text, rest_s(headers.get("retry-after"), datetime.now(UTC)))
        if status in (400, 422):
            return Refused(f"it refused the request with {text}")
        if status in (401, 403, 404, 405) or 300 <= status < 400:
            return Unfit(f"{self._url} says {text}", hint="look at base_url, model and api_key in analysis.llm")
        if status == 413:
            return Refused(f"the requirement is too large for it: {text}")
        return Declined(f"{self._url} says {text}")

    def _shown(self, text: str) -> str:
        """One short line without the key."""
        if self._key:
            text = text.replace(self._key, SECRET_SHOWN)
        line = " ".join(text.split())[:SAID_CHARS_MAX]
        return "".join(each if each.isprintable() else "?" for each in line)


def _cut(connection: socket.socket) -> None:
    """Both sides see the end of it; a thread that reads from it goes on with an error. ``close`` would not wake it, and
    ``SSLSocket.shutdown`` would take the reader's TLS state away."""
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _count(usage: Any, name: str) -> int | None:
    found = usage.get(name) if isinstance(usage, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


def rest_s(retry_after: str | None, now: datetime) -> float:
    """The wait of a ``Retry-After``, in seconds or as a date; 10 s when there is none that can be understood."""
    text = (retry_after or "").strip()
    try:
        span_s = float(text) if text.replace(".", "", 1).isdigit() else _until(text, now)
    except (ValueError, TypeError, OverflowError):
        return REST_DEFAULT_S
    return min(max(0.0, span_s), REST_MAX_S)


def _until(text: str, now: datetime) -> float:
    at = parsedate_to_datetime(text)
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()

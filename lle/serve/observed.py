"""Around every request: its number, its log line, its metrics, and headers for browsers."""

from __future__ import annotations

import logging
import time
import uuid

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lle.serve.log import FACTS
from lle.serve.metrics import Metrics

LOG = logging.getLogger(__name__)

GONE = 499
"""Status in log and metrics of a request whose client went away before the answer; it is never sent to anybody."""
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Observed:
    """Wraps an application.

    Args:
        app: the application.
        metrics: are told of every answer.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        number, begun, status, sent = uuid.uuid4().hex, time.perf_counter(), GONE, 0

        async def noted(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = number
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            # The address as it was sent is the client's: it may be long, secret or made to mislead. The route is ours.
            route = getattr(scope.get("route"), "path", "unknown")
            seconds = time.perf_counter() - begun
            self.metrics.answered(route, status, seconds)
            facts = {"request": number, "method": scope["method"], "route": route, "status": status}
            more = {"seconds": round(seconds, 4), "bytes": sent, **scope.get("state", {}).get(FACTS, {})}
            LOG.info("request", extra={FACTS: facts | more})

"""The service's routes."""

from __future__ import annotations

import asyncio
import io
import json
import math
import zipfile
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import ClientDisconnect

import lle
from lle.serve.body import FORM, read_body
from lle.serve.log import FACTS
from lle.serve.metrics import Metrics
from lle.serve.models import Model
from lle.serve.observed import GONE, Observed
from lle.serve.options import MEDIA, Options
from lle.serve.page import PAGE, policy
from lle.serve.pictures import Scratch
from lle.serve.settings import Batching, Keys, Limits, RefusedError
from lle.serve.work import Wanted, Work

T = TypeVar("T")
_PICTURE = {"type": "string", "format": "binary"}
_OPTIONS = Options.model_json_schema()["properties"]
_BEARER = HTTPBearer(auto_error=False, description="One of the service's API keys, where it has any.")
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="The same, for programs that cannot send the other header.")
_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"description": "The service asks for an API key, and this one is none."},
    413: {"description": "Too many bytes or pixels."},
    415: {"description": "No picture of a format that is read here."},
    422: {"description": "The picture is damaged, or an option is unknown or out of range."},
    429: {"description": "The service is busy: come again after the seconds of the header Retry-After."},
}


class Service:
    """What the routes share.

    Args:
        models: by name, the first one being that of requests that name none.
        scratch: an empty folder of the service's own.
        limits: what is allowed.
        keys: who may use it.
        batching: how pictures of several requests are joined.
    """

    def __init__(self, models: Mapping[str, Model], scratch: Path, limits: Limits, keys: Keys, batching: Batching) -> None:
        self.models, self.limits, self.keys = models, limits, keys
        self.metrics = Metrics()
        self.work = Work(models, Scratch(scratch), batching, self.metrics)
        self.taken = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Takes one of the places for the length of a block.

        Raises:
            RefusedError: 429: all are taken.
        """
        if self.taken >= self.limits.queue:
            raise self.busy("all places are taken")
        self.taken += 1
        self.metrics.places.set(self.taken)
        try:
            yield
        finally:
            self.taken -= 1
            self.metrics.places.set(self.taken)

    def busy(self, why: str) -> RefusedError:
        """Returns the answer 429, with the time that what is here will take."""
        return RefusedError(429, f"the service is busy: {why}", {"Retry-After": str(max(1, math.ceil(self.taken * self.metrics.mean)))})

    async def enhance(self, request: Request, pictures: list[bytes], wanted: Wanted) -> list[bytes | RefusedError]:
        """Enhances the pictures of a request, unless its client goes away or the time is over.

        Returns:
            A result, or why there is none, for each.

        Raises:
            RefusedError: 413 all together have too many pixels, 429 the time is over.
            ClientDisconnect: nobody waits any more.
        """
        return await self._while_wanted(request, self._enhance(pictures, wanted))

    async def _enhance(self, pictures: list[bytes], wanted: Wanted) -> list[bytes | RefusedError]:
        stored: list[tuple[Path, int] | RefusedError] = []
        try:
            for data in pictures:
                stored.append(await _or_refused(self.work.store(data)))
            pixels = sum(one[1] for one in stored if not isinstance(one, RefusedError))
            if pixels > self.limits.pixels:
                raise RefusedError(413, f"{pixels} pixels are too many: {self.limits.pixels} at most in one request")
            return await asyncio.gather(
                *(_refusal(one) if isinstance(one, RefusedError) else _or_refused(self.work.answer(one[0], wanted)) for one in stored)
            )
        finally:
            for one in stored:
                if not isinstance(one, RefusedError):
                    one[0].unlink(missing_ok=True)

    async def _while_wanted(self, request: Request, work: Coroutine[Any, Any, T]) -> T:
        task, gone = asyncio.ensure_future(work), asyncio.ensure_future(request.receive())
        try:
            await asyncio.wait({task, gone}, timeout=self.limits.seconds, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            if gone.done():
                raise ClientDisconnect
            raise self.busy(f"not done within {self.limits.seconds:g} s")
        finally:
            task.cancel()
            gone.cancel()
            await asyncio.gather(task, gone, return_exceptions=True)


async def _or_refused(work: Coroutine[Any, Any, T]) -> T | RefusedError:
    try:
        return await work
    except RefusedError as error:
        return error


async def _refusal(error: RefusedError) -> RefusedError:
    return error


def create_app(
    models: Mapping[str, Model],
    scratch: Path,
    limits: Limits | None = None,
    keys: Keys | None = None,
    batching: Batching | None = None,
) -> FastAPI:
    """Makes the application.

    Args:
        models: by name, see `lle.serve.models.named`.
        scratch: an empty folder of the service's own.
        limits: what is allowed.
        keys: who may use it; None lets everybody in.
        batching: how pictures of several requests are joined.
    """
    service = Service(models, scratch, limits or Limits(), keys or Keys(), batching or Batching())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.work.start()
        yield
        await service.work.stop()

    # The pages that show the interface load their programs from elsewhere; the interface itself is at /openapi.json.
    content_policy = policy(PAGE)
    app = FastAPI(title="Low-light enhancement", version=lle.__version__, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.service = service
    app.add_middleware(Observed, metrics=service.metrics)

    @app.exception_handler(RefusedError)
    async def refuse(_: Request, error: RefusedError) -> JSONResponse:
        return JSONResponse({"detail": error.detail}, error.status, error.headers)

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, __: ClientDisconnect) -> Response:
        return Response(status_code=GONE)

    async def require_key(
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)], header: Annotated[str | None, Depends(_HEADER)]
    ) -> None:
        if not service.keys.allow(header if bearer is None else bearer.credentials):
            raise RefusedError(401, "send an API key: Authorization: Bearer KEY", {"WWW-Authenticate": "Bearer"})

    guarded: dict[str, Any] = {"dependencies": [Depends(require_key)], "responses": _REFUSALS}

    @app.post("/enhance", response_class=Response, openapi_extra=_request_body(several=False), **guarded)
    async def enhance(request: Request, options: Annotated[Options, Query()]) -> Response:
        """Enhances a picture: the body of the request, or the file of a form. The bytes are those that `lle enhance` writes."""
        with service.place():
            body = await read_body(request, service.limits, 1)
            wanted = options.with_fields(body.fields).wanted(service.models)
            _note(request, wanted, body.pictures)
            (result,) = await service.enhance(request, body.pictures, wanted)
            if isinstance(result, RefusedError):
                raise result
            headers = {"Content-Disposition": f'inline; filename="enhanced.{wanted.format}"'}
            return Response(result, media_type=MEDIA[wanted.format], headers=headers)

    @app.post("/enhance/batch", response_class=Response, openapi_extra=_request_body(several=True), **guarded)
    async def enhance_batch(request: Request, options: Annotated[Options, Query()]) -> Response:
        """Enhances the files of a form. The answer is a ZIP archive: results by number, from 1, and `results.json` with what failed."""
        with service.place():
            body = await read_body(request, service.limits, service.limits.pictures)
            wanted = options.with_fields(body.fields).wanted(service.models)
            _note(request, wanted, body.pictures)
            results = await service.enhance(request, body.pictures, wanted)
            failed = [one for one in results if isinstance(one, RefusedError)]
            if len(failed) == len(results):
                raise RefusedError(422, "no picture could be enhanced; the first: " + failed[0].detail)
            return Response(await asyncio.to_thread(_archive, results, wanted.format), media_type="application/zip")

    @app.get("/models", dependencies=[Depends(require_key)], responses={401: _REFUSALS[401]})
    async def models_() -> list[dict[str, str | bool]]:
        """Lists the models; the first one is that of requests that name none."""
        return [{"name": one.name, "title": one.title, "default": place == 0} for place, one in enumerate(service.models.values())]

    @app.get("/health", responses={429: {"description": "It does not: start it again."}})
    async def health() -> dict[str, str]:
        """Says whether the service works."""
        if not service.work.alive:
            raise service.busy("it has stopped to enhance")
        return {"status": "ok"}

    @app.get("/ready", responses={429: _REFUSALS[429]})
    async def ready() -> dict[str, str]:
        """Says whether another picture would be taken."""
        if service.taken >= service.limits.queue:
            raise service.busy("all places are taken")
        return {"status": "ready"}

    @app.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Counters and times for Prometheus."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(PAGE, headers={"Content-Security-Policy": content_policy})

    return app


def _note(request: Request, wanted: Wanted, pictures: list[bytes]) -> None:
    """Adds facts to the request's log line."""
    request.scope.setdefault("state", {})[FACTS] = {
        "model": wanted.model,
        "pictures": len(pictures),
        "bytes_read": sum(map(len, pictures)),
    }


def _request_body(several: bool) -> dict[str, Any]:
    """The body of a request for OpenAPI, since it is read piece by piece and no argument of a function describes it."""
    files: dict[str, Any] = {"type": "array", "items": _PICTURE} if several else _PICTURE
    form = {"schema": {"type": "object", "properties": {"file": files, **_OPTIONS}, "required": ["file"]}}
    raw = {} if several else {kind: {"schema": _PICTURE} for kind in ("image/*", "application/octet-stream")}
    return {"requestBody": {"required": True, "content": {FORM: form, **raw}}}


def _archive(results: list[bytes | RefusedError], ending: str) -> bytes:
    """Packs results; all names are made here."""
    stream, told = io.BytesIO(), []
    with zipfile.ZipFile(stream, "w") as archive:
        for number, one in enumerate(results, 1):
            if isinstance(one, RefusedError):
                told.append({"number": number, "status": one.status, "detail": one.detail})
            else:
                name = f"{number}.{ending}"
                archive.writestr(zipfile.ZipInfo(name), one)
                told.append({"number": number, "status": 200, "file": name})
        archive.writestr(zipfile.ZipInfo("results.json"), json.dumps(told, indent=2) + "\n")
    return stream.getvalue()

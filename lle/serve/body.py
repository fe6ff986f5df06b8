"""What a request carries: pictures and options, read piece by piece within the limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from fastapi import Request
from python_multipart.exceptions import FormParserError
from starlette.formparsers import MultiPartException, MultiPartParser

from lle.serve.settings import Limits, RefusedError

RAW = ("", "application/octet-stream")
"""Types of a body that is one picture, beside `image/...`; what it is, its content says."""
FORM = "multipart/form-data"
_FIELDS = 16
_FIELD_BYTES = 1000


@dataclass(frozen=True)
class Body:
    """A request's body.

    Attributes:
        pictures: encoded pictures, in order. Their names are not kept, so none can lead anywhere.
        fields: the other fields of a form.
    """

    pictures: list[bytes]
    fields: dict[str, str] = field(default_factory=dict)


async def read_body(request: Request, limits: Limits, most: int) -> Body:
    """Reads the body of a request; not a byte more than is allowed is kept.

    Args:
        request: its header decides how the body is taken: a form, or one picture as it is.
        limits: what is allowed.
        most: pictures in a form; with more than one, a body that is no form is refused.

    Raises:
        RefusedError: 413 too many bytes, 415 another type, 422 a malformed form or one that did not arrive in time.
        ClientDisconnect: the client went away.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    form = kind == FORM
    if not form and (most > 1 or not (kind in RAW or kind.startswith("image/"))):
        raise RefusedError(415, f"send the {'pictures' if most > 1 else 'picture'} as {FORM}" + (", or as image/..." if most == 1 else ""))
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > limits.bytes:
        raise _too_large(limits)
    try:
        async with asyncio.timeout(limits.seconds):
            if form:
                return await _form(request, limits, most)
            return Body([b"".join([chunk async for chunk in _limited(request, limits)])])
    except TimeoutError as error:
        raise RefusedError(422, f"the body did not arrive within {limits.seconds:g} s", {"Connection": "close"}) from error


def _too_large(limits: Limits) -> RefusedError:
    return RefusedError(413, f"a request may have {limits.bytes} bytes at most")


async def _limited(request: Request, limits: Limits) -> AsyncGenerator[bytes, None]:
    read = 0
    async for chunk in request.stream():
        read += len(chunk)
        if read > limits.bytes:
            raise _too_large(limits)
        yield chunk


async def _form(request: Request, limits: Limits, most: int) -> Body:
    parser = MultiPartParser(request.headers, _limited(request, limits), max_files=most, max_fields=_FIELDS, max_part_size=_FIELD_BYTES)
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError) as error:
        raise RefusedError(422, f"the form cannot be read: {error}") from error
    # The boundary, the charset and the names are whatever the client wrote.
    except (ValueError, LookupError, AssertionError) as error:
        raise RefusedError(422, "the form cannot be read: its header is malformed") from error
    try:
        pictures = [await item.read() for _, item in form.multi_items() if not isinstance(item, str)]
        fields = {name: item for name, item in form.multi_items() if isinstance(item, str)}
    finally:
        await form.close()
    if not pictures:
        raise RefusedError(422, "the form holds no picture: send it as a file")
    return Body(pictures, fields)

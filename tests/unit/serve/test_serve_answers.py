"""What the service answers: the bytes of `lle enhance`, or a refusal that says what to do."""

from __future__ import annotations

import io
import json
import logging
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from service_helpers import KEY, form, picture, png

from lle.errors import LleError
from lle.infer.adjust import Adjust
from lle.infer.files import Output, enhance_paths
from lle.serve.log import JsonLines
from lle.serve.models import Model, named
from lle.serve.pictures import suffix_of
from lle.serve.settings import KEYS, Batching, Keys, Limits, load_keys

PNG = {"Content-Type": "image/png"}


def save(image: Image.Image, format_: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format=format_, **options)
    return stream.getvalue()


def with_camera_data() -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    return save(Image.fromarray(picture(40, 72)), "JPEG", exif=exif, quality=90)


INPUTS = {
    "a.png": png(picture()),
    "b.jpg": with_camera_data(),
    "wide.png": png(picture(33, 47, 1, np.uint16)),
    "clear.webp": save(Image.fromarray(np.dstack([picture(), np.full((48, 64), 128, np.uint8)])), "WEBP", lossless=True),
    "grey.tif": save(Image.fromarray(picture()[..., 0]), "TIFF"),
}
OPTIONS = (
    ({}, Output()),
    ({"format": "jpg", "quality": 80, "strength": 0.5}, Output(".jpg", 80, adjust=Adjust(0.5))),
    ({"format": "webp", "eight_bits": True}, Output(".webp", eight_bits=True)),
    ({"format": "tiff", "brightness": 1.5}, Output(".tiff", adjust=Adjust(1.0, 1.5))),
)


@pytest.mark.parametrize("name", ["gamma", "sci"])
def test_the_bytes_are_those_of_lle_enhance(make, enhancers, tmp_path: Path, name: str):
    client = make()
    enhancer = next(one for one in enhancers if one.name == name)
    (tmp_path / "in").mkdir()
    for file, data in INPUTS.items():
        (tmp_path / "in" / file).write_bytes(data)
    for number, (options, output) in enumerate(OPTIONS):
        for file, data in INPUTS.items():
            (written,) = enhance_paths(enhancer, [tmp_path / "in" / file], tmp_path / str(number), output=output)
            raw = client.post("/enhance", params={**options, "model": name}, content=data, headers={"Content-Type": "image/png"})
            assert (raw.status_code, raw.content == written.read_bytes()) == (200, True), (file, options)
            assert raw.headers["content-type"] == {"jpg": "image/jpeg"}.get(options.get("format"), f"image/{options.get('format', 'png')}")
            fields = {key: str(value).lower() for key, value in options.items()}
            sent = client.post("/enhance", data={**fields, "model": name}, files={"file": (file, data)})
            assert (sent.status_code, sent.content) == (200, raw.content)


def test_the_first_model_is_the_default(make):
    client = make()
    listed = client.get("/models").json()
    assert [(one["name"], one["default"]) for one in listed] == [("gamma", True), ("sci", False)]
    data = png(picture())
    by_name = {name: client.post(f"/enhance?model={name}", content=data, headers=PNG).content for name in ("gamma", "sci")}
    assert client.post("/enhance", content=data, headers=PNG).content == by_name["gamma"] != by_name["sci"]


def test_a_batch_keeps_its_order_and_says_what_failed(make):
    client = make()
    files = [("file", ("x", png(picture(seed=seed)))) for seed in range(3)]
    files.insert(1, ("file", ("../../y.png", b"no picture")))
    answer = client.post("/enhance/batch", files=files, data={"format": "webp"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.namelist() == ["1.webp", "3.webp", "4.webp", "results.json"]
    told = json.loads(archive.read("results.json"))
    assert [one["status"] for one in told] == [200, 415, 200, 200]
    alone = client.post("/enhance?format=webp", content=files[3][1][1], headers=PNG)
    assert archive.read("4.webp") == alone.content
    assert client.post("/enhance/batch", files=files[1:2]).status_code == 422


REFUSED = {
    "an unknown model": (422, {"params": {"model": "none"}}),
    "an unknown option": (422, {"params": {"sharpness": 1}}),
    "an option out of range": (422, {"params": {"strength": 2.1}}),
    "not a number": (422, {"params": {"strength": "nan"}}),
    "an unknown format": (422, {"params": {"format": "exe"}}),
    "a damaged picture": (422, {"content": INPUTS["a.png"][:2000]}),
    "a damaged header": (422, {"content": INPUTS["a.png"][:20]}),
    "too small": (422, {"content": png(picture(8, 64))}),
    "several pictures in one": (
        422,
        {"content": save(Image.fromarray(picture()), "GIF", save_all=True, append_images=[Image.fromarray(picture(seed=1))], duration=100)},
    ),
    "no picture": (415, {"content": b"#!/bin/sh\nreboot\n"}),
    "an empty body": (415, {"content": b""}),
    "a vector graphic": (415, {"content": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"}),
    "postscript": (415, {"content": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n"}),
    "another type": (415, {"headers": {"Content-Type": "text/html"}}),
    "a form without a file": (422, {"headers": {"Content-Type": "multipart/form-data; boundary=b"}, "content": b"--b--\r\n"}),
    "too many bytes": (413, {"content": bytes(100_001)}),
    "too many pixels": (413, {"content": save(Image.new("RGB", (600, 600)), "PNG")}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal(make, case: str):
    status, request = REFUSED[case]
    client = make(Limits(bytes=100_000, pixels=300_000))
    answer = client.post("/enhance", **{"content": INPUTS["a.png"], "headers": PNG, **request})
    assert answer.status_code == status, answer.text
    detail = answer.json()["detail"]
    assert detail
    assert "scratch" not in str(detail), "an answer names no file of the service"


def test_pixels_count_together_in_a_batch(make):
    client = make(Limits(pixels=48 * 64 * 2))
    files = [("file", ("x", png(picture(seed=seed)))) for seed in range(3)]
    assert client.post("/enhance/batch", files=files).status_code == 413
    assert client.post("/enhance/batch", files=files[:2]).status_code == 200
    assert make(Limits(pictures=2)).post("/enhance/batch", files=files).status_code == 422


def test_keys(make, tmp_path: Path):
    client = make(keys=Keys([KEY, KEY + "2"]))
    data = png(picture())
    for path in ("/enhance", "/enhance?strength=9", "/enhance/batch"):
        for headers in (
            {},
            {"Authorization": f"Bearer {KEY}3"},
            {"Authorization": f"Basic {KEY}"},
            {"X-API-Key": ""},
            {"X-API-Key": b"\xe9"},
        ):
            answer = client.post(path, content=data, headers=headers)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert client.get("/models").status_code == 401
    assert client.get(f"/models?key={KEY}").status_code == 401
    for headers in ({"Authorization": f"Bearer {KEY}"}, {"X-API-Key": KEY + "2"}):
        assert client.post("/enhance", content=data, headers={**PNG, **headers}).status_code == 200
    assert {client.get(path).status_code for path in ("/", "/health", "/ready", "/metrics", "/openapi.json")} == {200}
    file = tmp_path / "keys"
    file.write_text(f"# ours\n{KEY}\n\n", encoding="utf-8")
    for keys in (load_keys(file, {}), load_keys(None, {KEYS: f"{KEY}, {KEY}2"})):
        assert (keys.allow(KEY), keys.allow(KEY[:-1]), keys.allow(None)) == (True, False, False)
    assert load_keys(None, {}).allow(None)
    for text in ("# none\n", "short\n"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(LleError):
            load_keys(file, {})
    with pytest.raises(LleError, match="cannot be read"):
        load_keys(tmp_path / "missing", {})


def test_unknown_paths(make):
    client = make()
    assert client.get("/none").status_code == 404
    assert client.get("/enhance").status_code == 405
    assert client.get("/docs").status_code == 404, "it would load a program from elsewhere"


def test_openapi_describes_the_bodies(make):
    described = make().get("/openapi.json").json()
    body = described["paths"]["/enhance"]["post"]["requestBody"]["content"]
    assert set(body) == {"multipart/form-data", "image/*", "application/octet-stream"}
    assert set(body["multipart/form-data"]["schema"]["properties"]) == {
        "file", "model", "strength", "brightness", "format", "quality", "eight_bits",
    }  # fmt: skip
    assert {"413", "415", "422", "429", "401"} <= set(described["paths"]["/enhance/batch"]["post"]["responses"])


def test_metrics_count_by_route_and_not_by_address(make):
    client = make()
    for _ in range(2):
        client.post("/enhance", content=INPUTS["a.png"], headers=PNG)
    client.get("/some/secret")
    client.post("/enhance", content=b"no", headers=PNG)
    text = client.get("/metrics").text
    assert 'lle_requests_total{route="/enhance",status="200"} 2.0' in text
    assert 'lle_requests_total{route="/enhance",status="415"} 1.0' in text
    assert 'lle_requests_total{route="unknown",status="404"} 1.0' in text
    assert 'lle_pictures_total{model="gamma"} 2.0' in text
    assert "lle_places_taken 0.0" in text
    assert "secret" not in text


def test_log_lines_are_json_and_tell_no_secrets(make, caplog):
    client = make(keys=Keys([KEY]))
    with caplog.at_level(logging.INFO, "lle"):
        answer = client.post("/enhance?strength=0.5", content=INPUTS["a.png"], headers={**PNG, "Authorization": f"Bearer {KEY}"})
        client.get("/a%0Ab?x=1", headers={"X-Request-Id": "evil"})
    lines = [JsonLines().format(record) for record in caplog.records if record.name.startswith("lle")]
    first, second = [json.loads(line) for line in lines]
    assert all("\n" not in line and KEY not in line for line in lines)
    assert {key: first[key] for key in ("event", "route", "status", "model", "pictures", "bytes_read")} == {
        "event": "request", "route": "/enhance", "status": 200, "model": "gamma", "pictures": 1, "bytes_read": len(INPUTS["a.png"]),
    }  # fmt: skip
    assert (first["request"], first["bytes"]) == (answer.headers["x-request-id"], len(answer.content))
    assert (second["route"], second["status"]) == ("unknown", 404)


def test_headers_for_browsers(make):
    client = make()
    page = client.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    answer = client.post("/enhance", content=INPUTS["a.png"], headers=PNG)
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")
    assert "access-control-allow-origin" not in answer.headers


def test_models_must_have_different_names_and_work(enhancers):
    with pytest.raises(LleError, match="two of the models are called gamma"):
        named([enhancers[0], enhancers[0]])
    with pytest.raises(LleError, match="name a model"):
        named([])


def test_what_is_a_picture():
    assert [suffix_of(data) for data in INPUTS.values()] == [".png", ".jpg", ".png", ".webp", ".tif"]
    assert [suffix_of(data) for data in (b"", b"\x89PNG", b"RIFF1234WAVE", b"\0\0\0\x18ftypisom", b"P9 ")] == [None] * 5


def test_a_batch_of_the_network_gives_the_same_bytes(enhancers):
    model = Model("sci", enhancers[1])
    pictures = [picture(40, 56, seed) for seed in range(4)]
    assert len({model.key(one) for one in pictures}) == 1
    assert model.key(picture(dtype=np.uint16)) is None
    assert model.key(picture(40, 57)) != model.key(pictures[0])
    for result, low in zip(model.enhance(pictures), pictures, strict=True):
        np.testing.assert_array_equal(result, enhancers[1].enhance(low))
    # Where a batch gives other values, it is not used.
    forward = enhancers[1].method.forward

    def uneven(low):
        return forward(low) * (1 - 1e-7 * (low.shape[0] > 1))

    enhancers[1].method.forward = uneven
    try:
        other = Model("sci", enhancers[1])
        assert other._is_equal(enhancers[1].engine, (4, 40, 56, 3)) is False
        for result, low in zip(other.enhance(pictures), pictures, strict=True):
            np.testing.assert_array_equal(result, enhancers[1].enhance(low))
    finally:
        del enhancers[1].method.forward


def test_a_form_may_leave_the_picture_as_it_is(make):
    body, headers = form(INPUTS["a.png"])
    assert make(batching=Batching(4)).post("/enhance", content=body, headers=headers).status_code == 200

"""The page in a real browser, with a real service behind it."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from service_helpers import KEY, picture, png, running

from lle.infer.files import enhance_paths
from lle.serve.app import create_app
from lle.serve.models import named
from lle.serve.page import PAGE
from lle.serve.settings import Keys

DATA = png(picture(120, 180))


@pytest.fixture(scope="module")
def url(enhancers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(create_app(named(enhancers), tmp_path_factory.mktemp("scratch"))) as (_, place):
        yield f"http://{place[0]}:{place[1]}/"


@pytest.fixture
def opened(browser) -> Iterator:
    """Opens the page; fails the test on any message of the console, error or request to elsewhere."""
    wrong: list[str] = []
    contexts = []

    def open_(url: str, expected: tuple[str, ...] = (), **options):
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text) if told(message, expected) else None)
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("request", lambda request: None if request.url.startswith((url, "blob:", "data:")) else wrong.append(request.url))
        page.goto(url)
        until(page, "document.querySelectorAll('#model option').length > 0 || !document.querySelector('#error').hidden")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []


def told(message, expected: tuple[str, ...]) -> bool:
    return message.type in ("error", "warning") and not any(one in message.text for one in expected)


def until(page, condition: str) -> None:
    """Waits until a condition holds; Playwright's own function for that is refused by the page's policy."""
    end = time.monotonic() + 15
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(20)


def choose(page, data: bytes = DATA, name: str = "dark.png") -> None:
    page.set_input_files("#file", {"name": name, "mimeType": "image/png", "buffer": data})
    done(page)


def done(page) -> None:
    until(page, "document.querySelector('#status').textContent.startsWith('Done')")


def shown(page) -> bytes:
    """Returns the bytes behind the download."""
    script = """async () => {
      const bytes = new Uint8Array(await (await fetch(document.querySelector('#download').href)).arrayBuffer());
      return btoa(Array.from(bytes, one => String.fromCharCode(one)).join(''));
    }"""
    return base64.b64decode(page.evaluate(script))


def test_a_picture_is_uploaded_enhanced_and_downloaded(opened, url: str, enhancers, tmp_path: Path):
    page = opened(url)
    assert page.eval_on_selector_all("#model option", "all => all.map(one => one.value)") == ["gamma", "sci"]
    choose(page)
    (tmp_path / "in.png").write_bytes(DATA)
    (written,) = enhance_paths(enhancers[0], [tmp_path / "in.png"], tmp_path / "out")
    assert shown(page) == written.read_bytes()
    with page.expect_download() as download:
        page.click("#download")
    assert download.value.suggested_filename == "enhanced.png"
    assert Path(download.value.path()).read_bytes() == written.read_bytes()


def test_options_are_sent_at_once(opened, url: str):
    page = opened(url)
    choose(page)
    before = shown(page)
    with page.expect_response(lambda answer: answer.url.endswith("/enhance")):
        page.select_option("#model", "sci")
    done(page)
    until(page, "!document.querySelector('#result').hasAttribute('aria-busy')")
    assert shown(page) != before
    with page.expect_response(lambda answer: answer.url.endswith("/enhance")):
        page.eval_on_selector("#strength", "one => { one.value = 0; one.dispatchEvent(new Event('change')); }")
    until(page, "!document.querySelector('#result').hasAttribute('aria-busy')")
    until(page, "document.querySelector('#before').complete && document.querySelector('#after').complete")
    import cv2

    decoded = cv2.imdecode(np.frombuffer(shown(page), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decoded, picture(120, 180))


def test_the_slider_moves_the_edge_by_keyboard(opened, url: str):
    page = opened(url)
    choose(page)
    page.focus("#share")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert page.eval_on_selector("#before", "one => getComputedStyle(one).clipPath") == "inset(0px 45% 0px 0px)"
    assert page.get_attribute("#share", "aria-valuetext") == "55 percent"


def test_the_keyboard_reaches_everything_and_everything_has_a_name(opened, url: str):
    page = opened(url)
    choose(page)
    page.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert reached[:8] == ["file", "camera", "model", "strength", "brightness", "format", "share", "download"]
    unnamed = page.evaluate("""() => [...document.querySelectorAll('input, select, button, a, img')].filter(one =>
        !(one.getAttribute('aria-label') || one.alt || one.textContent.trim() || (one.labels && one.labels.length))).map(one => one.id)""")
    assert unnamed == []
    for name, role in (
        ("Model", "combobox"),
        ("Strength", "slider"),
        ("Brightness", "slider"),
        ("Use the camera", "button"),
        ("Download", "link"),
    ):
        assert page.get_by_role(role, name=name).count() == 1, name
    page.focus("#camera")
    page.keyboard.press("Shift+Tab")
    assert page.eval_on_selector("#file + label", "one => getComputedStyle(one).outlineStyle") == "solid"


def test_dropping_and_pasting(opened, url: str):
    page = opened(url)
    script = """([kind, text]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(atob(text), one => one.charCodeAt(0))], 'a.png', { type: 'image/png' }));
      const made = kind === 'drop' ? new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true })
        : new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true });
      document.querySelector('#drop').dispatchEvent(made);
    }"""
    found = []
    for kind, seed in (("drop", 1), ("paste", 2)):
        with page.expect_response(lambda answer: answer.url.endswith("/enhance")):
            page.evaluate(script, [kind, base64.b64encode(png(picture(seed=seed))).decode()])
        until(page, "!document.querySelector('#result').hasAttribute('aria-busy')")
        done(page)
        found.append(shown(page))
    assert found[0] != found[1]


def test_the_camera(opened, url: str):
    page = opened(url)
    page.click("#camera")
    until(page, "document.querySelector('#video').videoWidth > 0 && !document.querySelector('#video').paused")
    page.click("#shoot")
    done(page)
    assert page.eval_on_selector("#after", "one => one.src") != ""
    assert page.eval_on_selector("#video", "one => one.srcObject.getTracks().every(track => track.readyState === 'ended')")


def test_an_error_is_told(opened, url: str):
    page = opened(url, expected=("415",))
    page.set_input_files("#file", {"name": "<img src=x onerror=alert(1)>.png", "mimeType": "image/png", "buffer": b"no picture"})
    page.wait_for_selector("#error:not([hidden])")
    assert "no picture that can be read" in page.text_content("#error")
    choose(page)
    assert page.is_hidden("#error")


def test_a_key_is_asked_for(opened, enhancers, tmp_path: Path):
    with running(create_app(named(enhancers), tmp_path, keys=Keys([KEY]))) as (_, place):
        page = opened(f"http://{place[0]}:{place[1]}/", expected=("401",))
        assert page.is_visible("#key")
        assert page.evaluate("document.activeElement.id") == "key"
        page.fill("#key", "wrong")
        page.keyboard.press("Enter")
        until(page, "document.querySelector('#error').textContent.includes('does not know')")
        page.fill("#key", KEY)
        page.keyboard.press("Enter")
        until(page, "document.querySelectorAll('#model option').length === 2")
        choose(page)
        assert KEY not in page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_and_both_schemes(opened, url: str, scheme: str):
    page = opened(url, viewport={"width": 360, "height": 640}, color_scheme=scheme, has_touch=True, is_mobile=True)
    choose(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    small = page.evaluate("""() => [...document.querySelectorAll('button, .button, select')].filter(one => one.offsetParent
        && one.getBoundingClientRect().height < 44).map(one => one.id)""")
    assert small == [], "a finger needs 44 pixels"
    for selector in ("body", "#camera", ".main", "#drop"):
        assert contrast(page, selector) >= 4.5, selector
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert luminance(back) < 0.1 if scheme == "dark" else luminance(back) > 0.9


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(page, selector: str) -> float:
    """Contrast of text and background by WCAG 2.2."""
    colours = page.eval_on_selector(selector, "one => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor]")
    light, dark = sorted(map(luminance, colours), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_page_is_whole_in_itself():
    assert re.findall(r"(?:src|href)=\"(?!data:|\")[^\"]*\"|url\(|@import|https?://", PAGE) == []
    assert not re.search(r"\son\w+=|javascript:", PAGE)

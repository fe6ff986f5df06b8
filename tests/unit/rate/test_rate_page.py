"""The page for raters in a real browser, from disk: by keyboard, on a phone, over a reload, to a file that can be scored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rating_files import METHODS, make_form

from lle.rate.answers import read_answers
from lle.rate.key import Key


@pytest.fixture(scope="module")
def form(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Key]:
    return make_form(tmp_path_factory.mktemp("study"))


@pytest.fixture
def opened(browser, form) -> Iterator:
    """Opens the page; fails the test on any message of the console, error or request that leaves the file."""
    wrong: list[str] = []
    contexts = []

    def open_(**options):
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("request", lambda one: None if one.url.startswith(("file:", "data:", "blob:")) else wrong.append(one.url))
        page.goto(form[0].as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []


def begin(page, number: int = 1) -> None:
    page.fill("#rater", str(number))
    page.keyboard.press("Enter")


def count(page) -> str:
    return page.inner_text("#count")


def download(page, folder: Path) -> Path:
    with page.expect_download() as found:
        page.click("#download")
    path = folder / found.value.suggested_filename
    found.value.save_as(path)
    return path


def test_by_keyboard_alone_to_answers_that_can_be_scored(opened, form, tmp_path: Path):
    page, key = opened(), form[1]
    assert page.evaluate("document.activeElement.id") == "rater"
    begin(page, 2)
    given = []
    for number in range(1, 10):
        assert count(page) == f"Pair {number} of 9"
        assert page.evaluate("document.activeElement.id") == "count", "a screen reader says which pair it is"
        press = "anb"[number % 3]
        given.append({"a": "left", "n": "same", "b": "right"}[press])
        page.keyboard.press(press)
    assert page.is_visible("#end")
    path = download(page, tmp_path)
    assert path.name == f"answers-{key.study}-2.csv"
    answers = read_answers([path], key)
    assert [one.answer for one in answers] == given
    assert {one.rater for one in answers} == {2}
    assert not [name for name in METHODS if name in path.name]
    assert not [name for name in ("authors", "gamma") if name in path.read_text()]


def test_what_was_answered_is_there_after_a_reload_and_can_be_changed(opened, form, tmp_path: Path):
    page = opened()
    begin(page)
    for _ in range(3):
        page.click("[data-answer=left]")
    page.reload()
    assert count(page) == "Pair 4 of 9"
    assert page.get_attribute("#progress", "value") == "3"
    page.click("#back")
    assert count(page) == "Pair 3 of 9"
    assert page.get_attribute("[data-answer=left]", "aria-pressed") == "true"
    page.keyboard.press("Backspace")
    assert count(page) == "Pair 2 of 9"
    page.click("[data-answer=right]")
    assert count(page) == "Pair 3 of 9"
    page.click("#forward")
    assert count(page) == "Pair 4 of 9"
    assert page.is_disabled("#forward")
    assert [one.answer for one in read_answers([download(page, tmp_path)], form[1])] == ["left", "right", "left"]


def test_sides_and_pictures_are_those_of_the_answer(opened, form, tmp_path: Path):
    page = opened()
    begin(page, 3)
    shown = page.evaluate("[at('left').src, at('right').src, trials()[0]]")
    page.keyboard.press("a")
    (one,) = read_answers([download(page, tmp_path)], form[1])
    files = page.evaluate(f"study.pictures['{one.picture}'].files")
    assert shown == [files[one.left], files[one.right], [one.picture, one.left, one.right]]
    assert page.evaluate("at('left').naturalWidth") == 32


def test_the_dark_picture_is_shown_on_demand(opened, form, tmp_path: Path):
    page = opened()
    begin(page)
    assert page.is_hidden("#before")
    page.click("#see")
    assert page.is_visible("#input")
    assert page.get_attribute("#see", "aria-expanded") == "true"
    page.keyboard.press("b")
    assert page.is_hidden("#before"), "the next pair begins without it"
    page.keyboard.press("b")
    assert [one.saw_input for one in read_answers([download(page, tmp_path)], form[1])] == [True, False]


def test_letters_can_be_switched_off(opened):
    page = opened()
    begin(page)
    page.uncheck("#keys")
    page.keyboard.press("a")
    assert count(page) == "Pair 1 of 9"


def test_a_number_outside_of_the_study_is_not_taken(opened):
    page = opened()
    begin(page, 4)
    assert page.is_visible("#start")
    begin(page, 3)
    assert page.is_visible("#trial")


def test_another_person_begins_anew_and_takes_nothing_away(opened):
    page = opened()
    begin(page)
    for _ in range(9):
        page.keyboard.press("n")
    page.click("#other")
    begin(page, 2)
    assert count(page) == "Pair 1 of 9"
    page.reload()
    page.wait_for_selector("#count:visible")  # on a busy machine, scripts may still run when the page has loaded
    assert count(page) == "Pair 1 of 9"
    page.evaluate("begin(1)")
    assert page.is_visible("#end")


def test_it_fits_a_phone(opened):
    page = opened(viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True)
    begin(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    below = page.evaluate("at('right').getBoundingClientRect().top >= at('left').getBoundingClientRect().bottom")
    assert below, "one above the other"
    heights = page.eval_on_selector_all("#trial button", "all => all.map(one => one.getBoundingClientRect().height)")
    assert min(heights) >= 44
    page.tap("[data-answer=right]")
    assert count(page) == "Pair 2 of 9"


def test_controls_have_names_and_no_method_is_visible(opened):
    page = opened()
    begin(page)
    page.click("#see")
    for control in page.locator("button:visible, input:visible, progress:visible, img:visible").all():
        name = control.evaluate("one => one.alt || one.ariaLabel || one.textContent.trim() || (one.labels?.[0]?.textContent ?? '').trim()")
        assert name, control.evaluate("one => one.outerHTML.slice(0, 200)")
    text = page.inner_text("body").lower()
    assert not [name for name in (*METHODS, "place") if name in text.split()]

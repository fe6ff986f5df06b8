"""The page, opened from disk in a real browser: it works without network, mouse, or a wide window."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from report_files import card, make_reports

from lle.report.build import build_report
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    reports = make_reports(tmp_path_factory.mktemp("repository") / "reports")
    build_report(reports, card)
    return reports / "index.html"


@pytest.fixture
def opened(browser) -> Iterator:
    """Opens pages; fails the test on any message of the console, error or request that leaves the file."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    wrong: list[str] = []

    def open_(path: Path):
        page = context.new_page()
        page.on("console", lambda message: wrong.append(f"console {message.type}: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("request", lambda request: wrong.append(request.url) if not request.url.startswith(("file:", "data:")) else None)
        page.goto(path.as_uri())
        return page

    yield open_
    context.close()
    assert wrong == []


@pytest.fixture
def page(opened, page_path: Path):
    """The page of the tables."""
    return opened(page_path)


PAGES = ("index.html", "pictures.html", "simulation.html", "studies.html", "papers/clip_isp.html", "papers/sllen.html", "papers/pie.html")


def order(page, table: str) -> list[str]:
    return page.eval_on_selector_all(f"{table} tbody tr", "rows => rows.map(row => row.dataset.method)")


def test_slider_moves_the_edge_between_two_pictures(page):
    def clip() -> str:
        return page.eval_on_selector("#over", "image => getComputedStyle(image).clipPath")

    before = clip()
    page.locator("#slider").focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    assert page.input_value("#slider") == "70"
    assert clip() != before
    assert "70 % Input" in page.get_attribute("#slider", "aria-valuetext")
    page.locator("#stage").click(position={"x": 96, "y": 50})
    assert page.input_value("#slider") == "10"


def test_pictures_can_be_chosen(page):
    first = page.get_attribute("#under", "src")
    page.select_option("#right", "gamma")
    second = page.get_attribute("#under", "src")
    assert second.startswith("data:image/webp")
    assert second != first
    assert page.inner_text("#tagr") == "Gamma correction"
    page.select_option("#left", "normal")
    assert page.inner_text("#tagl") == "Normal light"
    page.locator('.sheet:not([hidden]) button[data-who="unet"]').click()
    assert page.inner_text("#tagr") == "U-Net"
    page.select_option("#scene", label="dicm: img001")  # a set without references, in which two methods were not run
    assert page.eval_on_selector("#under", "image => image.decode().then(() => image.naturalWidth)") == 150
    assert page.inner_text("#tagl") == "Input"


def test_difference_of_two_pictures(page):
    page.check("#difference")
    assert page.eval_on_selector("#over", "image => getComputedStyle(image).mixBlendMode") == "difference"
    assert page.is_disabled("#slider")
    page.uncheck("#difference")
    assert page.eval_on_selector("#over", "image => getComputedStyle(image).mixBlendMode") == "normal"
    assert page.is_enabled("#slider")


def test_any_two_methods_can_be_compared(page):
    page.select_option("#pair-table", label="PSNR on demo")
    page.select_option("#pair-a", "clahe")
    page.select_option("#pair-b", "unet")
    text = page.inner_text("#pair-text")
    assert "U-Net minus CLAHE" in text
    assert "U-Net is better" in text
    assert "of 24 pictures" in text
    assert page.locator("#pair-figure circle").count() == 22
    assert page.locator("#pair-figure image").count() == 2  # the sample pictures, drawn as themselves
    assert page.locator("#pair-figure text.axis").first.text_content() == "CLAHE, PSNR"
    page.select_option("#pair-b", "clahe")
    assert page.inner_text("#pair-text") == "Choose two different methods."


def test_papers_figures_stay_apart_from_ours(opened, page_path: Path):
    page = opened(page_path.parent / "papers/clip_isp.html")
    row = page.locator("table", has_text="FLOPs").locator("tr", has_text="CLIP-ISP")
    assert "12.1" in row.inner_text()
    row.locator("button.cell").click()
    assert "GMACs of CLIP-ISP" in page.inner_text("#details")
    assert "reports/profile/clip_isp.json" in page.inner_text("#details")
    page.keyboard.press("Escape")
    page.locator("td .empty a").first.click()
    assert page.locator(".remarks li:target").is_visible()


def test_tables_sort_by_mouse_and_keyboard(page):
    start = order(page, "#t-demo")
    head = page.locator("#t-demo thead th", has_text="LOE").first
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"  # the first activation puts the best on top: LOE is better low
    lowest = order(page, "#t-demo")
    assert lowest != start
    assert lowest[0] == "input"
    head.locator("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert order(page, "#t-demo") == lowest[::-1]
    assert "LOE" in page.inner_text("#sorted")


def test_empty_cells_stay_last_in_both_directions(page):
    head = page.locator("#t-demo thead th", has_text="PIQE").locator("button")
    for _ in range(2):
        head.click()
        assert order(page, "#t-demo")[-1] == "unet"  # its PIQE is missing


def test_a_number_opens_its_provenance(page):
    cell = page.locator('#t-demo tr[data-method="unet"] button.cell').first
    cell.focus()
    page.keyboard.press("Enter")
    details = page.locator("#details")
    assert details.is_visible()
    text = details.inner_text()
    for expected in ("PSNR of U-Net on demo", "lle evaluate unet demo", "AMD EPYC 7763", "reports/metrics/demo/unet.json", "24 pictures"):
        assert expected in text
    page.keyboard.press("Escape")
    assert not details.is_visible()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('tr').dataset.method") == order(page, "#t-demo")[1]


def test_footnote_of_an_empty_cell_opens(page):
    page.locator('#t-demo tr[data-method="unet"] td.empty a').first.click()
    page.locator("#tables .notes li:target").wait_for(state="visible")
    assert "PIQE" in page.inner_text("#tables .notes li:target")


def test_theme_switches_and_stays(page):
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.locator("#theme").click()
    dark = page.evaluate(colour)
    assert dark != light
    assert page.get_attribute("#theme", "aria-pressed") == "true"
    page.reload()
    assert page.evaluate(colour) == dark


@pytest.mark.parametrize("name", PAGES)
def test_nothing_sticks_out_sideways(opened, page_path: Path, name: str):
    page = opened(page_path.parent / name)
    page.evaluate("document.querySelectorAll('details').forEach(block => { block.open = true; })")
    for width in (390, 760, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", PAGES[:3])
def test_letters_of_figures_stay_legible_on_a_phone(opened, page_path: Path, name: str):
    page = opened(page_path.parent / name)
    page.set_viewport_size({"width": 390, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(block => { block.open = true; })")
    size = """charts => Math.min(...charts.filter(c => c.clientWidth && c.querySelector('text')).map(
        c => 11 * c.clientWidth / c.viewBox.baseVal.width), 99)"""
    assert page.eval_on_selector_all("svg.chart", size) > 9


def test_labels_of_scatter_plots_do_not_overlap(page):
    clashes = """charts => charts.filter(c => c.clientWidth).map(c => {
      const boxes = [...c.querySelectorAll('text.label')].map(t => t.getBoundingClientRect());
      const clash = (a, b) => a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom;
      return boxes.some((a, i) => boxes.some((b, j) => i < j && clash(a, b)));
    })"""
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        found = page.eval_on_selector_all("#cost svg.chart:not(.key)", clashes)
        assert found
        assert not any(found)


CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(e).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const low = new Set();
  for (const element of document.querySelectorAll("main *, header *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !element.getClientRects().length || element.closest(".stage, .vh, svg, noscript")) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) low.add(`${element.tagName}.${element.className}: ${element.textContent.slice(0, 30)}`);
  }
  return [...low];
}"""


@pytest.mark.parametrize("name", PAGES[:5])
def test_a_screen_reader_finds_its_way(opened, page_path: Path, name: str):
    page = opened(page_path.parent / name)
    unnamed = """controls => controls.filter(c => !(c.getAttribute('aria-label') || c.textContent.trim() || c.labels?.length)).length"""
    assert page.eval_on_selector_all("button, a, select, input", unnamed) == 0
    assert page.locator("h1").count() == page.locator("main").count() == page.locator("[aria-current=page]").count() == 1
    levels = page.eval_on_selector_all("main h1, main h2, main h3, main h4, main h5", "heads => heads.map(h => Number(h.tagName[1]))")
    assert all(after - before <= 1 for before, after in pairwise(levels)), levels
    for selector in ("img", "svg.chart:not([aria-hidden])", "table:not(.prose table)", "nav", "[role=region]"):
        nameless = """all => all.filter(e => !(e.alt || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') ||
          e.querySelector(':scope > caption, :scope > title'))).map(e => e.outerHTML.slice(0, 120))"""
        assert [text for text in page.eval_on_selector_all(selector, nameless) if "under" not in text and "over" not in text] == []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("name", PAGES[:2])
def test_every_control_can_be_reached_by_key(opened, page_path: Path, name: str):
    page = opened(page_path.parent / name)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    wrong = "all => all.filter(e => e.tabIndex < 0 && !e.disabled && !e.matches('button.cell')).map(e => e.outerHTML.slice(0, 90))"
    assert page.eval_on_selector_all("button, a, select, input, summary, [role=region]", wrong) == []


def test_calculator_of_the_simulation_answers(opened):
    page = opened(ROOT / "reports" / "simulation.html")
    answer = page.locator("#sim-answer")

    def cells(name: str) -> list[str]:
        return answer.locator("tr", has_text=name).locator("td").all_inner_texts()

    before = float(cells("Busiest box")[0].rstrip(" %"))
    page.fill("[name=duty]", "0.2")
    assert float(cells("Busiest box")[0].rstrip(" %")) == pytest.approx(before * 0.2 / 0.4, abs=1)
    page.fill("[name=cameras]", "2000")
    page.fill("[name=duty]", "1")
    assert "Neither place can do it." in answer.inner_text()
    assert cells("Mean age")[0] == "no steady state"
    page.fill("[name=cameras]", "1")
    page.fill("[name=uplink_ms]", "900")
    assert "The edge is faster." in answer.inner_text()
    page.fill("[name=cameras]", "-1")
    assert answer.inner_text() == "One of the values is out of its range."

"""Makes the pictures of docs/mlflow.md again: fills a store from reports/, opens MLflow's pages in Chromium, takes screenshots.

Run it in the folder of the project, after `dvc repro`: `python docs/mlflow_pages.py`. It needs Chromium on the PATH.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from lle import Project
from lle.errors import LleError
from lle.files import atomic_path
from lle.tracking import store
from lle.tracking.stored import stored
from lle.tracking.sync import sync

WIDTH, HEIGHT = 1440, 900
SECONDS = 120.0
"""Longest wait for a page; the first one compiles on a busy machine."""
SETTLED = 4.0
"""Seconds in which charts and pictures are drawn."""
QUALITY = 70
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")


def main() -> None:
    """Writes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--reports", type=Path, default=Path("reports"))
    parser.add_argument("--models", type=Path, default=Path("build/models"))
    parser.add_argument("--out", type=Path, default=Path("docs/mlflow"))
    options = parser.parse_args()
    reports, models, out = (path.resolve() for path in (options.reports, options.models, options.out))
    home = Project().params.train.data
    with tempfile.TemporaryDirectory() as scratch, chdir(scratch):
        uri = f"sqlite:///{scratch}/mlflow.db"
        print(sync(reports, models, uri, home))
        with server(uri, Path(scratch)) as address:
            photograph(address, uri, home, out)


def photograph(address: str, uri: str, home: str, out: Path) -> None:
    """Opens the pages and writes a WebP picture of each."""
    from playwright.sync_api import sync_playwright

    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        raise LleError("there is no chromium on the PATH: apt-get install chromium")
    experiment = str(store.client(uri).get_experiment_by_name(home).experiment_id)
    runs = [run for run in stored(uri) if run.experiment == home and run.current]
    ids = [run.run_id for run in runs if run.name != "evaluate@input"]
    present = f"tags.`{store.CURRENT}` = 'true'"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.set_default_timeout(1000 * SECONDS)

        page.goto(f"{address}/#/experiments/{experiment}/runs?{_query(searchFilter=present)}")
        page.get_by_text("matching runs").wait_for()
        page.get_by_role("button", name="Close").first.click()  # the assistant's column
        _shoot(page, out / "runs.webp")

        page.goto(f"{address}/#/compare-runs?{_query(runs=json.dumps(ids), experiments=json.dumps([experiment]))}")
        page.get_by_role("button", name="Clear All").click()
        box = page.get_by_role("combobox").nth(1)
        for metric in ("profile/parameters", "demo/ssim", "demo/loe", "demo/psnr"):
            box.click()
            box.fill(metric)
            page.keyboard.press("Enter")
            page.keyboard.press("Escape")
        page.locator(".js-plotly-plot").wait_for()
        _shoot(page, out / "parallel.webp")

        page.get_by_role("tab", name="Scatter Plot").click()
        for axis, metric in (("x", "profile/latency_ms.400x600.median"), ("y", "demo/psnr")):
            page.locator(f"#{axis}-axis-selector").click()
            page.get_by_role("option", name=metric, exact=True).click()
        _shoot(page, out / "scatter.webp")

        page.goto(f"{address}/#/experiments/{experiment}/runs?{_query(searchFilter=present, compareRunsMode='CHART')}")
        page.get_by_role("button", name="Add chart").first.click()
        page.get_by_role("menuitem", name="Image grid").click()
        page.get_by_label("Images, multiselectable").click()
        page.get_by_role("option").first.click()
        page.keyboard.press("Escape")
        page.locator("[role=dialog] [role=switch]").click()  # the parameters would take the room of the pictures
        page.locator("[role=dialog] img").first.wait_for()
        _shoot(page, out / "images.webp")
        browser.close()


def _query(**fields: str) -> str:
    return urllib.parse.urlencode(fields, quote_via=urllib.parse.quote)


def _shoot(page: Any, path: Path) -> None:
    """Waits until a page has settled, and writes its picture."""
    page.wait_for_timeout(1000 * SETTLED)
    save(page.screenshot(), path)
    print(path)


def save(picture: bytes, path: Path) -> None:
    """Writes a screenshot as WebP."""
    with Image.open(io.BytesIO(picture)) as image, atomic_path(path) as temporary:
        image.convert("RGB").save(temporary, quality=QUALITY, method=6)


@contextmanager
def server(uri: str, folder: Path) -> Iterator[str]:
    """Runs MLflow's server on a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri, "--workers", "1", "--host", "127.0.0.1"]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "server.log").open("w", encoding="utf-8") as log:
        words = [*command, "--port", address.rpartition(":")[2]]
        process = subprocess.Popen(words, stdout=log, stderr=log, env=environment, start_new_session=True, cwd=folder)
    try:
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                urllib.request.urlopen(f"{address}/health", timeout=2).close()
                break
            except (urllib.error.URLError, TimeoutError) as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise LleError((folder / "server.log").read_text(encoding="utf-8")) from error
                time.sleep(0.5)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


if __name__ == "__main__":
    main()

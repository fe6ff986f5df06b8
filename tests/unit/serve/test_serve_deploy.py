"""The files for containers: no machine of ours has Docker, so their form and what they name are checked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml
from click.testing import CliRunner

from lle.cli import main
from tests.conftest import ROOT

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LINES = [line for line in DOCKERFILE.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]


def stages() -> dict[str, list[tuple[str, str]]]:
    """Returns the instructions of every stage, those of the stage that it builds on included."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in LINES:
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = list(found.get(base, [(word, base)]))
        else:
            found[list(found)[-1]].append((word, rest))
    return found


def last(stage: str, word: str) -> str:
    return [rest for one, rest in stages()[stage] if one == word][-1]


def test_the_images_are_slim_and_run_without_rights():
    assert list(stages()) == ["base", "mlflow", "serve"]
    for stage in ("mlflow", "serve"):
        assert stages()[stage][0] == ("FROM", "python:3.11-slim-bookworm")
        assert last(stage, "USER") == "lle"
        words = [word for word, _ in stages()[stage]]
        assert "HEALTHCHECK" in words
        after = stages()[stage][words.index("USER") :]
        assert not [rest for word, rest in after if word in ("RUN", "COPY", "USER") and rest != "lle"], "nothing is done as root afterwards"
    known = {"FROM", "ARG", "ENV", "RUN", "WORKDIR", "COPY", "USER", "EXPOSE", "HEALTHCHECK", "CMD", "STOPSIGNAL", "ENTRYPOINT"}
    assert {line.split()[0] for line in LINES} <= known


def test_the_image_holds_core_and_serve_alone():
    installs = [rest for word, rest in stages()["serve"] if word == "RUN" and "pip install" in rest]
    assert [re.findall(r"'\.\[(.*?)\]'", one) for one in installs] == [["serve"]]
    words = stages()["serve"]
    assert words.index(("ARG", "PIP_EXTRA_INDEX_URL")) < words.index(("RUN", installs[0])), "pip reads it as a variable"
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]["serve"]
    pinned = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()}
    assert {re.split("[>=]", one)[0] for one in extra} == {"fastapi", "prometheus-client", "python-multipart", "uvicorn"} <= pinned
    copied = [path for word, rest in stages()["serve"] if word == "COPY" for path in rest.split()[:-1]]
    assert all((ROOT / path).exists() for path in copied)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == set(copied), "what is copied is sent to the builder, and nothing else"


def test_the_health_checks_ask_what_is_there():
    from lle.serve import app

    assert "/health', timeout" in last("serve", "HEALTHCHECK")
    assert '@app.get("/health"' in Path(app.__file__).read_text(encoding="utf-8")
    assert last("serve", "EXPOSE") in last("serve", "ENTRYPOINT")
    assert f":{last('serve', 'EXPOSE')}/health" in last("serve", "HEALTHCHECK")


def test_the_commands_are_understood():
    command = [*yaml.safe_load(last("serve", "ENTRYPOINT"))[1:], *COMPOSE["services"]["serve"]["command"]]
    told = CliRunner().invoke(main, command)
    assert told.exit_code == 1
    assert "/run/secrets/serve_keys cannot be read" in told.output, "all options were taken"


def test_compose_names_what_exists():
    services = COMPOSE["services"]
    assert set(services) == {"serve", "mlflow", "prometheus"}
    for name, service in services.items():
        assert ("image" in service) != ("build" in service)
        assert all(port.startswith("127.0.0.1:") for port in service["ports"]), f"{name} is reached from this machine alone"
        if "build" in service:
            assert service["build"]["target"] in stages()
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            made = source in COMPOSE["volumes"] or source == "./build/models"  # the pipeline makes the latter
            assert made or (ROOT / source).is_file(), source
    assert services["serve"]["secrets"] == list(COMPOSE["secrets"])
    assert (services["serve"]["read_only"], services["serve"]["tmpfs"]) == (True, ["/tmp"])
    assert services["prometheus"]["depends_on"] == {"serve": {"condition": "service_healthy"}}
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "/secrets/" in ignored


def test_prometheus_asks_the_service():
    settings = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text(encoding="utf-8"))
    (job,) = settings["scrape_configs"]
    assert job.get("metrics_path", "/metrics") == "/metrics"
    (target,) = job["static_configs"][0]["targets"]
    assert target == f"serve:{last('serve', 'EXPOSE')}"


def test_no_registry_is_named():
    for name in ("Dockerfile", "compose.yaml", "deploy/prometheus.yml", ".dockerignore"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"pypi|docker\.io|ghcr\.io|quay\.io|index-url|https://", text), name


def test_the_page_of_the_documentation_is_one_screen_and_right():
    text = (ROOT / "docs/serve.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 48
    assert max(map(len, text.splitlines())) <= 150
    assert "docs/serve.md" in (ROOT / "README.md").read_text(encoding="utf-8")
    options = {name for option in main.commands["serve"].params for name in option.opts}
    assert set(re.findall(r"`(--[a-z-]+)", text)) <= options
    for word in ("strength", "brightness", "format", "quality", "eight_bits", "model"):
        assert f"`{word}`" in text

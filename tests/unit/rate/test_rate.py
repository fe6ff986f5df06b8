"""User studies: forms are blinded and balanced, scores have known answers, and what cannot be judged is refused."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rating_files import METHODS, invented_key, lines, make_form, write_answers
from report_files import card, make_reports

from lle.cli import main
from lle.errors import ConfigError, DataError, LleError
from lle.project import Project
from lle.rate import result
from lle.rate.answers import read_answers
from lle.rate.form import Design
from lle.rate.key import Key
from lle.rate.plan import codes, plan
from lle.rate.scores import bradley_terry, rate
from lle.report.build import build_report
from lle.report.sections import rating as section
from lle.results.rating import Rating
from lle.results.read import read_results

STRENGTHS = [1.5, 0.5, 0.0, -2.0]


def study(page: Path) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="study">(.*?)</script>', page.read_text(encoding="utf-8"), re.S)[1])


def test_every_rater_meets_every_pair_of_methods_evenly_on_both_sides():
    plans = plan(pictures=6, methods=4, raters=5, pairs=36, seed=3)
    assert plans == plan(6, 4, 5, 36, 3) != plan(6, 4, 5, 36, 4)
    assert len({str(one) for one in plans}) == 5, "raters have orders of their own"
    for trials in plans:
        assert len({(at, *sorted((left, right))) for at, left, right in trials}) == 36, "no pair twice on a picture"
        assert set(Counter((left, right) for _, left, right in trials).values()) == {3}, "each pair equally often on both sides"
        for start in range(0, 36, 6):
            one_round = trials[start : start + 6]
            assert len({frozenset(pair) for _, *pair in one_round}) == len({at for at, *_ in one_round}) == 6
    assert [len(one) for one in plan(2, 3, 1, 1000, 0)] == [6]
    with pytest.raises(ConfigError, match="at least two methods"):
        plan(3, 1, 1, 10, 0)


def test_codes_are_in_no_order_that_could_be_guessed():
    assert sorted(codes(5, "m", 0)) == ["m1", "m2", "m3", "m4", "m5"]
    assert len({tuple(codes(5, "m", seed)) for seed in range(20)}) > 10


def test_nothing_that_raters_get_names_a_method_or_a_picture(tmp_path: Path):
    page, key = make_form(tmp_path)
    text = page.read_text(encoding="utf-8")
    shown = study(page)
    without_pictures = re.sub(r"data:image/webp;base64,[\w+/=]*", "", text).lower()
    names = set(METHODS) - {"input"}  # also the word of HTML, and of what the form calls the dark picture
    assert not [name for name in (*names, "theirs", "place0", str(tmp_path)) if name.lower() in without_pictures]
    assert sorted(key.methods.values()) == sorted(METHODS)
    assert {name for one in shown["pictures"].values() for name in one["files"]} == {"", *key.methods}
    assert {key.pictures[code].image for code in shown["pictures"]} == {f"place{index}" for index in range(4)}
    # Codes lead to the right pictures: the one that came from the dark folder is the dark one.
    as_taken = next(code for code, name in key.methods.items() if name == "input")
    for one in shown["pictures"].values():
        assert one["files"][as_taken] == one["files"][""]
        assert len(set(one["files"].values())) == 3
        assert one["size"] == [32, 24]
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", text), "the page loads something"
    assert "default-src 'none'" in text


def test_a_form_is_made_again_alike_and_another_one_does_not_replace_it(tmp_path: Path):
    page, key = make_form(tmp_path)
    before = page.read_bytes()
    make_form(tmp_path)
    assert page.read_bytes() == before
    with pytest.raises(DataError, match="another form"):
        make_form(tmp_path, Design(4, 9, 3, seed=6))
    assert Key.read(page.with_name("key.json")) == key
    assert "lle rate page gamma input" in (key.provenance.command or "")
    assert key.provenance.command.endswith("--count=4 --pairs=9 --raters=3 --seed=5")


def test_a_folder_that_lacks_a_picture_is_named(tmp_path: Path):
    make_form(tmp_path)
    project, theirs = Project(tmp_path / "params.yaml", root=tmp_path), tmp_path / "theirs"
    with pytest.raises(ConfigError, match="named twice: gamma"):
        project.rate_form(["gamma"], tmp_path / "dark", {"gamma": theirs})
    (theirs / "place2.png").unlink()
    with pytest.raises(DataError, match=r"theirs \(authors\) lacks 1 of 4 pictures: place2"):
        project.rate_form(["gamma"], tmp_path / "dark", {"authors": theirs})


def test_two_methods_have_the_logarithm_of_the_odds():
    wins = np.array([[0.0, 75.0], [25.0, 0.0]])
    first, second = bradley_terry(wins, prior_sd=1e3)
    assert first == pytest.approx(math.log(3) / 2, abs=1e-4)
    assert first + second == pytest.approx(0)
    assert bradley_terry(wins)[0] == pytest.approx(first, abs=0.01), "the prior is weak"
    assert np.isfinite(bradley_terry(np.array([[0.0, 9.0], [0.0, 0.0]]))).all()


def test_simulated_raters_give_the_strengths_that_made_them(tmp_path: Path):
    """The truth lies inside of the intervals, which are far from all of the line."""
    key = invented_key(4, 12)
    path = write_answers(tmp_path / "a.csv", lines(key, STRENGTHS, raters=20, pairs=36))
    found = rate(read_answers([path], key), key, resamples=400)
    assert [one.method for one in found] == list("abcd")
    assert sum(one.score for one in found) == pytest.approx(0, abs=1e-4)
    for one, truth in zip(found, STRENGTHS, strict=True):
        assert one.low < truth < one.high
        assert 0.2 < one.high - one.low < 1.2
        assert one.answers == 20 * 36 // 2
    assert found == rate(read_answers([path], key), key, resamples=400)


def test_intervals_are_over_raters_and_pictures(tmp_path: Path):
    """The same answers of one rater said by ten are no tenfold evidence about pictures, and one rater on one picture is none at all."""
    key = invented_key(2, 3)
    rows = lines(key, [0.4, -0.4], raters=1, pairs=3)
    ten = [{**row, "rater": rater} for rater in range(1, 11) for row in rows]
    kinds = [row["answer"] == ("left" if row["left"] == "m1" else "right") for row in rows]
    assert set(kinds) == {True, False}, "the rater's taste depends on the picture"
    wide = rate(read_answers([write_answers(tmp_path / "a.csv", ten)], key), key, resamples=300)
    assert wide[0].high - wide[0].low > 2
    alone = rate(read_answers([write_answers(tmp_path / "b.csv", rows[:1])], key), key)
    assert (alone[0].low, alone[0].high) == (None, None)


def test_no_difference_is_half_a_win_for_both(tmp_path: Path):
    key = invented_key(2, 3)
    rows = [{**row, "answer": "same"} for row in lines(key, [0, 0], raters=4, pairs=3)]
    found = rate(read_answers([write_answers(tmp_path / "a.csv", rows)], key), key, resamples=50)
    assert [(one.score, one.won) for one in found] == [(pytest.approx(0, abs=1e-6), 0.5)] * 2


def test_methods_that_were_never_compared_are_refused(tmp_path: Path):
    key = invented_key(4, 6)
    rows = [row for row in lines(key, STRENGTHS, raters=3, pairs=36) if {row["left"], row["right"]} in ({"m1", "m2"}, {"m3", "m4"})]
    answers = read_answers([write_answers(tmp_path / "a.csv", rows)], key)
    with pytest.raises(DataError, match=r"never compared .*: a, b \| c, d\. .*have more pairs answered"):
        rate(answers, key)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"study": "fedcba987654"}, "of form fedcba987654"),
        ({"left": "m9"}, "the left 'm9' is not of this form"),
        ({"answer": "both"}, "the answer 'both' is not"),
        ({"trial": "x"}, "line 2.*restore"),
        ({"left": "m1", "right": "m1"}, "compared with itself"),
    ],
)
def test_damaged_answers_are_named_with_their_line(change, message, tmp_path: Path):
    key = invented_key(4, 6)
    rows = lines(key, STRENGTHS, 1, 4)
    path = write_answers(tmp_path / "a.csv", [{**rows[0], **change}, *rows[1:]])
    with pytest.raises(DataError, match=f"(?i){message}"):
        read_answers([path], key)


def test_a_file_that_was_downloaded_twice_counts_once(tmp_path: Path):
    key = invented_key(4, 6)
    rows = lines(key, STRENGTHS, 2, 8)
    early, late = write_answers(tmp_path / "a.csv", rows[:5]), write_answers(tmp_path / "b.csv", rows)
    assert len(read_answers([early, late], key)) == 16
    turned = {**rows[0], "answer": "left" if rows[0]["answer"] == "right" else "right"}
    with pytest.raises(DataError, match=r"rater 1 answered pair 1 in .*b\.csv and otherwise in .*c\.csv"):
        read_answers([late, write_answers(tmp_path / "c.csv", [turned])], key)
    with pytest.raises(DataError, match="no answer in the files"):
        read_answers([write_answers(tmp_path / "d.csv", [])], key)
    (tmp_path / "e.csv").write_text("a;b\n1;2\n")
    with pytest.raises(DataError, match="needs the columns study, rater"):
        read_answers([tmp_path / "e.csv"], key)


def test_from_the_command_line_to_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make_form(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(result, "rate", partial(rate, resamples=100))

    def run(*words: str):
        return CliRunner().invoke(main, ["rate", *words])

    made = run("page", "gamma", "input", "dark", "--folder", "authors=theirs", "--count", "3", "--pairs", "9", "-o", "build/rate/mine")
    assert made.exit_code == 0, made.output
    assert made.output.split() == ["build/rate/mine/rate.html", "build/rate/mine/key.json"]
    assert run("page", "gamma", "dark", "--folder", "theirs").exit_code == 2
    key = Key.read(Path("build/rate/mine/key.json"))
    write_answers(Path("a.csv"), lines(key, [2.0, 0.0, -2.0], raters=6, pairs=9))
    scored = run("scores", "a.csv")
    assert scored.exit_code == 0, scored.output
    assert "54 answers of 6 raters about 3 pictures" in scored.output
    found = Rating.read(Rating.path(Path("reports"), "mine"))
    assert (found.dataset, found.raters, found.pictures, found.answers) == ("dark", 6, 3, 54)
    assert [one.method for one in found.methods] == [key.methods[code] for code in key.methods], "the strengths were given in this order"
    assert found.provenance.command == "lle rate scores a.csv"
    assert found.provenance.before == [key.provenance.command]
    write_answers(Path("b.csv"), [{**row, "study": "000000000000"} for row in lines(key, [0, 0, 0], 1, 3)])
    refused = run("scores", "b.csv")
    assert refused.exit_code == 1
    assert "no form under build/rate has the key of study 000000000000" in refused.output
    # The report says how to get such scores, and then shows them.
    make_reports(tmp_path / "other")
    assert "lle rate page" in section.section(tmp_path / "other", read_results(tmp_path / "other", card)).html
    found.write(Rating.path(tmp_path / "other", "mine"))
    build_report(tmp_path / "other", card)
    html = (tmp_path / "other" / "index.html").read_text(encoding="utf-8")
    assert "mine: 54 answers of 6 people about 3 pictures of dark" in html
    assert "Nobody was asked yet" not in html


def test_a_wrong_key_is_refused(tmp_path: Path):
    (tmp_path / "key.json").write_text("{}")
    with pytest.raises(LleError, match="is no key of a form"):
        Key.read(tmp_path / "key.json")

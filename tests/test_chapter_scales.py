"""At which scale a chapter shows an experiment, and a claim's verdict."""

import html
import re

from test_ledger import EXPERIMENT, KEY, PAPER, PROBE, results, write  # noqa: F401

from ncssl.report import digest, ledger
from ncssl.runs import experiments
from ncssl.runs.chapter import open_chapter


def test_a_chapter_shows_each_experiment_at_its_scale(results):  # noqa: F811
    for p in experiments.scheduled(KEY, EXPERIMENT, "gpu"):
        write(p.recipe, PROBE[p.arm] + p.seed, results)
    chapter = open_chapter(KEY)
    # at small the others share an arm with it, larger images have no larger one of the book's
    assert chapter.scales == dict.fromkeys(PAPER.experiments, "small") | {EXPERIMENT: "gpu"}
    assert chapter.scale == "gpu" and list(chapter.by_scale) == ["gpu", "small"]
    assert chapter.by_scale["gpu"] == chapter.judged[EXPERIMENT]
    assert sum(map(len, chapter.by_scale.values())) == len(chapter.everything)
    said = html.unescape(re.sub("<[^>]+>", "", digest.summary(chapter.by_scale)))
    assert set(re.findall(r"at scale (\w+)", said)) == set(digest.speaking(chapter.by_scale))
    assert list(open_chapter(KEY, "small").by_scale) == ["small"]


def test_a_claim_has_the_verdict_of_the_ledger_in_its_chapter(results, plain_shift):  # noqa: F811
    claim = plain_shift.claims["positive_shift_hurts"]
    some = experiments.scheduled(KEY, EXPERIMENT, "laptop")
    for p in (p for p in some if p.arm != claim.right):
        write(p.recipe, PROBE[p.arm] + p.seed, results)
    chapter, shown = open_chapter(KEY), ledger.shown(experiments.by_scale(claim))
    assert (chapter.scales[EXPERIMENT], chapter.scale_of(claim)) == ("laptop", "small")
    assert dict(chapter.everything)[claim] == shown and shown.status != "not run"
    assert list(chapter.by_scale) == ["laptop", "small"]
    assert open_chapter(KEY, "laptop").at == {}, "a scale that is asked for is the only one"


def test_a_chapter_without_records_is_at_the_largest_scale_of_the_book(tmp_path, monkeypatch):
    monkeypatch.setenv("NCSSL_RESULTS", str(tmp_path))
    expected = dict.fromkeys(PAPER.experiments, "laptop") | {"larger_images": "small"}
    assert open_chapter(KEY).scales == expected

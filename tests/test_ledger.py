"""The ledger in numbers: its totals and bars, the number of wrong verdicts to expect, floors beside
accuracies."""

import dataclasses

import pytest

from ncssl.claims import papers
from ncssl.errors import UnknownName
from ncssl.plots import ledger as bars
from ncssl.records import baseline, store
from ncssl.report import ledger, select, tables
from ncssl.runs import experiments
from ncssl.verdicts.states import Verdict

KEY, EXPERIMENT = "tian2021", "shift"
PAPER = papers.paper(KEY)
CLAIMS = [c for c in PAPER.claims.values() if c.kind == "records"]
SAID = Verdict("reproduced", 3.14, 1.0, 5.0, 3)
OPEN = Verdict("undecided", 0.5, -1.0, 2.0, 5, looks=2)
OUT = Verdict("out of reach", 0.5, -1.0, 2.0, 3)
NOTHING = Verdict("not run")


def test_the_largest_scale_with_records_is_shown():
    found = {"smoke": NOTHING, "small": SAID, "gpu": OPEN, "paper": NOTHING}
    assert (ledger.at(found), ledger.shown(found)) == ("gpu", OPEN)
    empty = {"smoke": NOTHING, "gpu": NOTHING}
    assert (ledger.at(empty), ledger.shown(empty)) == ("", NOTHING)
    begun = empty | {"gpu": dataclasses.replace(NOTHING, begun=True)}
    assert ledger.at(begun) == "" and ledger.shown(begun).begun, "it has runs, if too few"


@pytest.mark.parametrize(
    "verdict, scale, text",
    [
        (SAID, "small", "3"),
        (SAID, "gpu", "3 of 5"),
        (OPEN, "small", "5 in 2 looks"),
        (dataclasses.replace(SAID, n=2), "small", "2 of 3"),
        (NOTHING, "", ""),
        (dataclasses.replace(OPEN, n=4), "small", "4 of 5 in 2 looks"),
    ],
)
def test_seeds_that_are_missing_are_counted(verdict, scale, text):
    assert ledger.runs(CLAIMS[0], verdict, scale) == text


def owned(i, by="paper", **more):
    return dataclasses.replace(CLAIMS[i], by=by, **more)


def test_totals_add_up_and_keep_the_books_claims_and_errata_apart():
    pairs = [
        (owned(0), {"small": SAID}),
        (owned(1), {"small": OPEN}),
        (owned(2), {"small": NOTHING}),
    ]
    book = [(owned(0, "book"), {"small": SAID}), (owned(1, "book"), {"small": OUT})]
    table = ledger.totals({"a": [*pairs, *book], "b": pairs[:1]}).set_index("source")
    assert list(table.loc["a"]) == [1, 0, 0, 0, 1, 0, 0, 1, 3]
    assert list(table.loc["together"]) == [2, 0, 0, 0, 1, 0, 0, 1, 4]
    assert list(table.columns) == [
        "[Re]",
        "partly",
        "same direction",
        "[not Re]",
        "undecided",
        "out of reach",
        "not a test",
        "not run",
        "claims",
    ]
    ours = ledger.totals({"a": [*pairs, *book], "b": pairs[:1]}, "book").set_index("source")
    assert list(ours.index) == ["a", "together"] and list(ours.loc["a"]) == [
        1,
        0,
        0,
        0,
        0,
        1,
        0,
        0,
        2,
    ]
    theory = {"theory": Verdict("contradicted", 1.0, 1.0, 1.0, 1)}
    wrong = [(owned(0, kind="theory", erratum=True), theory), (owned(1, kind="theory"), theory)]
    errata = ledger.totals({"a": wrong}, "errata").set_index("source")
    assert list(errata.columns) == ["[Re]", "[not Re]", "claims"] and list(errata.loc["a"]) == [
        0,
        1,
        1,
    ]
    assert list(ledger.totals({"a": wrong}).set_index("source").loc["a"]) == [0, 1, 1]
    assert ledger.totals({"a": pairs}, "errata").empty
    with pytest.raises(UnknownName, match="did you mean 'book'"):
        ledger.of(pairs, "bok")


def test_claims_of_a_later_paper_are_in_no_count_of_the_six():
    pairs = [(owned(0), {"small": SAID}), (owned(0, "later"), {"small": SAID})]
    for whose in ("paper", "later"):
        assert [c.by for c, _ in ledger.of(pairs, whose)] == [whose]
        assert ledger.totals({"a": pairs}, whose).set_index("source").loc["a", "claims"] == 1
    assert tables.counts([(c, v["small"]) for c, v in pairs], "paper")["reproduced"] == 1


def test_counts_tell_the_papers_claims_from_the_books():
    pairs = [(owned(0), SAID), (owned(1, "book"), OPEN), (owned(2, erratum=True), SAID)]
    assert [sum(tables.counts(pairs, by).values()) for by in (None, "paper", "book")] == [3, 1, 1]


def test_what_stands_after_holm_is_counted_over_the_tested():
    def p(value, status="reproduced"):
        return {"small": dataclasses.replace(SAID, status=status, p=value)}

    pairs = [
        (owned(i), v)
        for i, v in enumerate((p(0.001), p(0.04, "contradicted"), p(0.3, "undecided")))
    ]
    (row,) = ledger.corrected({"a": [*pairs, (owned(3), {"small": OUT})]}).to_dict("records")
    assert row == {"source": "a", "tested": 3, "decided": 2, "after Holm": 1}


def test_a_second_look_and_a_second_step_are_second_chances():
    """Of 0.02, with a scale's own seeds or with two looks, and with one step or three."""
    found = {"gpu": dataclasses.replace(SAID, p=0.02)}
    looks = {"small": found["gpu"]}
    steps = {"small": dataclasses.replace(looks["small"], status="contradicted", steps=(SAID,) * 3)}
    whole = {"small": dataclasses.replace(steps["small"], status="reproduced")}
    claim = owned(0)
    assert [ledger.chances(claim, f) for f in (found, looks, steps, whole)] == [1, 2, 6, 2]
    kept = [ledger.corrected({"a": [(claim, f)]})["after Holm"][0] for f in (found, looks, steps)]
    assert kept == [1, 1, 0]
    assert ledger.expected([(claim, steps)]) == pytest.approx(3 * 0.043)


def test_a_share_is_told():
    sides = dict(
        test="greater",
        left="none",
        right="plus",
        metric="probe_accuracy",
        compare="difference",
        per=None,
    )
    claim = owned(0, margin=None, share=0.5, **sides)
    verdict = dataclasses.replace(OUT, margin=4.2)
    words = tables.test_words(claim, verdict)
    assert "none - plus > half of the base's lead (4.2 points)" in words
    assert select.band(claim, verdict) == (4.2, None)
    split = dataclasses.replace(OPEN, interval="exact binomial", effect=0.4)
    assert select.unit(claim, split) == "share of seeds in the lower group"
    assert select.band(claim, split) == (None, None)


def test_wrong_verdicts_to_expect_count_looks_and_claims_with_runs():
    own = {
        s: len(PAPER.experiments[CLAIMS[0].experiment].scales[s].seeds) for s in ("small", "gpu")
    }
    assert own == {"small": 3, "gpu": 5}
    pairs = [
        (CLAIMS[0], {"small": SAID}),
        (CLAIMS[0], {"small": SAID, "gpu": OPEN}),
        (CLAIMS[0], {"gpu": NOTHING}),
    ]
    pairs.append((CLAIMS[0], {"small": OUT}))
    assert ledger.expected(pairs) == pytest.approx(0.043 + 0.025)


@pytest.mark.parametrize(
    "value, text",
    [(None, ""), (float("nan"), ""), (3e-15, "< 1e-4"), (-0.5, "-0.5"), (1234.5, "1.23e+03")],
)
def test_round_off_is_not_printed(value, text):
    assert ledger.size(value) == text


# ---- floors
# ------------------------------------------------------------------------------------------------

PROBE = {"none": 46.0, "plus": 42.0, "minus": 28.0, "random": 37.0}


def write(recipe, value, out, key=KEY):
    metrics = {
        "probe_accuracy": value,
        "knn_accuracy": value - 5,
        "std_normalised": 0.1,
        "effective_rank": 4.0,
    }
    when = "2026-01-01T00:00:00+00:00"
    store.save(
        store.Record(recipe, key, "done", metrics, {}, 1.0, 1.0, "CPU", "float32", {}, "c", when),
        out,
    )


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setenv("NCSSL_RESULTS", str(tmp_path))
    for p in experiments.scheduled(KEY, EXPERIMENT, "small"):
        write(p.recipe, PROBE[p.arm] + p.seed - 1, tmp_path)
    return tmp_path


def test_the_best_arm_stands_beside_both_floors(results):
    found = {EXPERIMENT: experiments.found(KEY)[EXPERIMENT]}
    (row,) = ledger.accuracies(PAPER, found)
    assert (row["best"], row["arms"]) == ("none", 3)
    nothing = {"pixels": None, "below_pixels": None}
    assert row["probe"] == {"best": 46.0, "untrained": 37.0, "below_untrained": 1} | nothing
    assert row["knn"] == {"best": 41.0, "untrained": 32.0, "below_untrained": 1} | nothing
    cells = set(ledger.floor_table([row], PAPER.experiments).iloc[0])
    assert {"46.0 / 37.0 / ?", "41.0 / 32.0 / ?", "1, 1", "?, ?", "3"} <= cells
    write(baseline.floor(found[EXPERIMENT][0][0].recipe), 43.0, results, baseline.KEY)
    (row,) = ledger.accuracies(PAPER, found)
    assert [row[kind]["pixels"] for kind in ("probe", "knn")] == [43.0, 38.0]
    assert [row[kind]["below_pixels"] for kind in ("probe", "knn")] == [2, 2]
    (empty,) = ledger.accuracies(PAPER, {"symmetry": experiments.found(KEY)["symmetry"][:1]})
    table = ledger.floor_table([empty, row], PAPER.experiments)
    assert list(table.iloc[0])[:3] == ["symmetry", "not run", ""]
    shown = tables.results(PAPER, EXPERIMENT, found[EXPERIMENT]).iloc[-1]
    assert list(shown[["arm", "probe, %", "kNN, %", "n"]]) == [
        "raw pixels, no network",
        "43.0",
        "38.0",
        "",
    ]


def test_found_takes_the_largest_scale_with_half_of_its_records(results):
    def taken(*scale):
        return {p.recipe.scale for p, _ in experiments.found(KEY, *scale)[EXPERIMENT]}

    gpu = [p.recipe for p in experiments.scheduled(KEY, EXPERIMENT, "gpu")]
    half = len(gpu) // 2
    for recipe in gpu[: half - 1]:
        write(recipe, 80.0, results)
    assert taken() == taken("small") == {"small"}
    for recipe in gpu[half - 1 : -(-len(gpu) // 2)]:
        write(recipe, 80.0, results)
    assert taken() == {"gpu"} and taken("small") == {"small"}
    for p in experiments.scheduled(KEY, EXPERIMENT, "small"):
        store.find(p.recipe.id, results).unlink()
    assert taken() == {"gpu"}


def test_rows_of_the_command_line_name_other_scales(results, plain_shift):
    for p in experiments.scheduled(KEY, EXPERIMENT, "gpu"):
        write(p.recipe, PROBE[p.arm] + p.seed, results)
    claim = plain_shift.claims["positive_shift_hurts"]
    row = experiments.row(claim, experiments.by_scale(claim))
    assert row["scale"] == "gpu" and row["n"] == 5 and row["others"] == {"small": "same direction"}


# ---- bars
# ------------------------------------------------------------------------------------------------


def test_bars_are_as_long_as_their_numbers_and_begin_where_the_last_ended(ax):
    said = ["reproduced"] * 3 + ["undecided"] * 2
    assert bars.verdict_bars({"a": said, "b": ["out of reach"]}, ax) is ax
    boxes = sorted((round(b.get_y()), b.get_x(), b.get_width()) for b in ax.patches)
    assert boxes == [(0, 0, 3), (0, 3, 2), (1, 0, 1)]
    assert [text.get_text() for text in ax.texts] == ["3", "2", "1"]
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["reproduced", "undecided", "out of reach at this scale"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["a", "b"]


def test_nothing_in_a_table_becomes_markup_of_the_page(monkeypatch):
    pages, bad = [], "<script>alert(1)</script>"
    monkeypatch.setattr(
        "IPython.display.display", lambda data, raw: pages.append(data["text/html"])
    )
    tables.show(tables.frame([{bad: bad}]), bad)
    assert "<script" not in pages[0] and pages[0].count("&lt;script&gt;") == 3

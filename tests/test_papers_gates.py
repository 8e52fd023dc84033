"""What a paper's file says of the gates of its claims: read whole, and the error of every kind of
mistake."""

import tomllib

import pytest
from small_paper import GOOD, written

from ncssl.claims.papers import FOLDER, paper, papers, read
from ncssl.errors import BadFile

RANDOM = (
    '[experiments.first.arms.random]\nlabel = "untrained"\nrecipe = { epochs = 0'
    " }\n\n[experiments.first.scales"
)
EXPOSED = 'method = "byol"\ndecay_exposure = 4.7\n'
GATED = GOOD.replace("[experiments.first.scales", RANDOM).replace('method = "byol"\n', EXPOSED)
END = 'reported = ["table1:a|p", "table1:b|p"]\n'  # of the claim "better"
KEYS = (
    'base = ["one"]\nneeds = ["decay", "curve"]\ncontrol = "random"\nby = "book"\nheadline = true\n'
)
GATED = GATED.replace(END, END + KEYS).replace(
    'check = "a_check"\n', 'check = "a_check"\nerratum = true\n'
)


def test_gates_are_read_whole(tmp_path):
    claims = read(written(tmp_path, GATED)).claims
    better, law = claims["better"], claims["law"]
    assert (better.by, better.headline, better.base, better.needs) == (
        "book",
        True,
        ("one",),
        ("decay", "curve"),
    )
    assert better.stand_in == "random" and better.decay_exposure == 4.7
    assert better.needed == ("one", "two", "random") and better.compared == ("one", "two")
    assert (law.by, law.erratum, law.needed) == ("paper", True, ())


def test_a_share_leaves_the_margin_to_the_records(tmp_path):
    text = GATED.replace(END, "share = 0.5\n").replace('"paper"\nshare', '"ours"\nshare')
    better = read(written(tmp_path, text)).claims["better"]
    assert better.margin is None and better.share == 0.5


def test_tests_of_one_arm_have_the_untrained_encoder_as_control(tmp_path):
    def claim(changes):
        text = GATED.replace('right = "two"\n', "").replace(END, "")
        text = text.replace('"paper"\nbase', '"ours"\nmargin = 3\nbase')
        text = text.replace('"greater"', '"below"').replace('control = "random"\n', changes)
        return read(written(tmp_path, text)).claims

    assert (
        claim("")["better"].stand_in == "random"
        and claim('control = "two"\n')["better"].stand_in == "two"
    )
    assert claim('control = "none"\ncontrol_free = "it is a law"\n')["better"].stand_in is None


MISTAKES = {  # what is replaced by what -> the words the error must hold besides the file's name
    "whose claim": (
        'by = "book"',
        'by = "me"',
        ["[[claims]] better", "'by'", "book, later, paper"],
    ),
    "erratum of runs": (
        'by = "book"',
        "erratum = true",
        ["[[claims]] better", "unknown key 'erratum'"],
    ),
    "headline in words": (
        "headline = true",
        'headline = "yes"',
        ["'headline' was 'yes'", "true or false"],
    ),
    "headline of theory": (
        "erratum = true",
        "headline = true",
        ["[[claims]] law", "unknown key 'headline'"],
    ),
    "base that is no arm": (
        'base = ["one"]',
        'base = ["tow"]',
        ["[[claims]] better", "'base'", "did you mean 'two'"],
    ),
    "untrained base": (
        'base = ["one"]',
        'base = ["random"]',
        ["[[claims]] better", "'base'", "one, two"],
    ),
    "no untrained": (
        "arms.random]",
        "arms.rest]",
        ["[[claims]] better", "no arm 'random' to lead"],
    ),
    "base and none": (
        'base = ["one"]',
        'base = ["one"]\nbase_free = "x"',
        ["better", "'base_free' are both given"],
    ),
    "needs without base": (
        'base = ["one"]\n',
        "",
        ["[[claims]] better", "'needs' has no meaning without 'base'"],
    ),
    "unknown need": ('"curve"', '"curv"', ["[[claims]] better", "'needs'", "did you mean 'curve'"]),
    "no exposure": (
        "decay_exposure = 4.7\n",
        "",
        ["better", "no 'decay_exposure'", "[experiments.first]"],
    ),
    "exposure of 0": (
        "decay_exposure = 4.7",
        "decay_exposure = 0",
        ["[experiments.first]", "number > 0"],
    ),
    "control that is left": (
        'control = "random"',
        'control = "one"',
        ["[[claims]] better", "'control'", "random"],
    ),
    "control of a sign": (
        '"greater"',
        '"sign"',
        ["[[claims]] better", "'test'", "greater, within"],
    ),
    "control off, no reason": (
        'control = "random"',
        'control = "none"',
        ["'control' and 'control_free' do not fit"],
    ),
    "a reason, control on": (
        "control =",
        'control_free = "x"\ncontrol =',
        ["'control' and 'control_free' do not fit"],
    ),
    "a share of theirs": (
        END,
        "share = 0.5\n",
        ["[[claims]] better", "'share' has no meaning", "margin_by = 'ours'"],
    ),
    "a share and a margin": (
        '"paper"\n' + END,
        '"ours"\nshare = 0.5\nmargin = 3\n',
        ["'share'", "with no margin"],
    ),
    "a share of 2": (
        '"paper"\n' + END,
        '"ours"\nshare = 2\n',
        ["[[claims]] better", "'share' was 2", "(0, 1]"],
    ),
    "a share within": (
        '"greater"',
        '"within"\nshare = 0.5',
        ["'share' has no meaning", "the test 'greater'"],
    ),
    "a share of a rank": (
        '"probe_accuracy"',
        '"effective_rank"\nshare = 0.5',
        ["'share'", "goes with an accuracy"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_gate_names_file_claim_and_key(tmp_path, mistake):
    before, after, words = MISTAKES[mistake]
    assert before in GATED
    with pytest.raises(BadFile) as caught:
        read(written(tmp_path, GATED.replace(before, after, 1)))
    for word in ("x2020.toml", *words):
        assert word in str(caught.value)


# ---- the papers' own files
# -------------------------------------------------------------------------------------------

LEARNED = ("_accuracy", "_eer", "_lead")  # ends of metrics that say what was learned


def claims_of(key, kind="records"):
    return [claim for claim in paper(key).claims.values() if claim.kind == kind]


@pytest.mark.parametrize("key", papers())
def test_every_claim_says_whose_it_is(key):
    """As it is written in the file: the default of the reader is for nobody to lean on."""
    written_down = tomllib.loads((FOLDER / f"{key}.toml").read_text(encoding="utf-8"))["claims"]
    assert [claim["id"] for claim in written_down if "by" not in claim] == []


@pytest.mark.parametrize("key", papers())
def test_every_claim_about_what_was_learned_has_a_base_or_says_why_not(key):
    bare = [
        c.id
        for c in claims_of(key)
        if c.metric.endswith(LEARNED) and not c.base and not c.base_free
    ]
    assert bare == []


@pytest.mark.parametrize("key", papers())
def test_every_paper_has_headline_claims_and_those_across_papers_are_the_books(key):
    assert key == "companion" or any(claim.headline for claim in claims_of(key))
    assert key != "companion" or {claim.by for claim in paper(key).claims.values()} == {"book"}

"""Statements set in type: what is raised, lowered and Greek, and what stays as it is."""

import re

import pytest

from ncssl.claims import papers
from ncssl.trace.mathematics import GREEK, mathematics


@pytest.mark.parametrize(
    "text, page",
    [
        ("tau^2 / (4 (1 + sigma^2))", "<i>τ</i><sup>2</sup> / (4 (1 + <i>σ</i><sup>2</sup>))"),
        ("Wp^T Wp", "<i>W</i><sub>p</sub><sup>⊤</sup> <i>W</i><sub>p</sub>"),
        ("F1 F1^T", "<i>F</i><sub>1</sub> <i>F</i><sub>1</sub><sup>⊤</sup>"),
        ("exp(-2 eta t)", "exp(−2 <i>η</i> <i>t</i>)"),
        ("(b+s)^(1 / (2 alpha))", "(<i>b</i>+<i>s</i>)<sup>1 / (2 <i>α</i>)</sup>"),
        ("sqrt(1 - 4 eta)", "√(1 − 4 <i>η</i>)"),
        ("p*^2 and p-", "<i>p</i>*<sup>2</sup> and <i>p</i><sub>−</sub>"),
        ("X + X'", "<i>X</i> + <i>X</i>′"),
        ("eta_max, v_1", "<i>η</i><sub>max</sub>, <i>v</i><sub>1</sub>"),
        ("sum_k s_k", "Σ<sub>k</sub> <i>s</i><sub>k</sub>"),
        ("4e-4 at 1e6", "4 × 10<sup>−4</sup> at 10<sup>6</sup>"),
        ("a >= b -> c", "a ≥ <i>b</i> → <i>c</i>"),
        ("(d-r)/(d+2)", "(<i>d</i>−<i>r</i>)/(<i>d</i>+2)"),
        ("x < y & z", "<i>x</i> &lt; <i>y</i> &amp; <i>z</i>"),
    ],
)
def test_mathematics_is_set(text, page):
    assert mathematics(text) == page


@pytest.mark.parametrize(
    "text",
    [
        "A faster head reaches a larger norm.",
        "COV and I-PRED, off-diagonal, cross-view",
        "the paper's own micro-F1, i.e. without a sum of squares",
        "arms k8_25_1, eps_0_1, alpha_1_2, no_head, l2 of theory.py",
    ],
)
def test_words_and_names_stay(text):
    assert mathematics(text) == text


def test_no_claim_shows_ascii_mathematics_on_a_page():
    """Powers, roots and Greek words of every statement are set, and nothing is lost."""
    for key in papers.papers():
        for claim in papers.paper(key).claims.values():
            page = mathematics(claim.statement)
            assert not re.search(r"\^|sqrt|\b(eta|tau|sigma|alpha|lambda|beta|rho)\b", page), page
            assert page.count("<") == 2 * len(re.findall(r"</", page)), page
            words = set(re.findall(r"[A-Za-z]{5,}", claim.statement)) - set(GREEK)
            assert words <= set(re.findall(r"[A-Za-z]{5,}", page)), page

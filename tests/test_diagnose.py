"""Diagnosis of embeddings: each verdict on embeddings made for it, healthy values against samples,
every error."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from ncssl.cli import main
from ncssl.errors import UnknownName
from ncssl.measure import causes, collapse, diagnose, spectral


def gaussian(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def some_dead(z: torch.Tensor, dead: int, value: float = 0.0) -> torch.Tensor:
    z[:, :dead] = value
    return z


LOW = gaussian(500, 3) @ gaussian(3, 64, 1)  # three of 64 dimensions
ONE = 8 * gaussian(500, 1, 2) * torch.nn.functional.normalize(gaussian(1, 64, 3))
CASES = [
    ("isotropic", lambda: gaussian(500, 64), ["none"]),
    ("isotropic, tiny", lambda: 1e-12 * gaussian(500, 64), ["none"]),
    ("isotropic, huge", lambda: 1e12 * gaussian(500, 64), ["none"]),
    ("isotropic, fewer rows than channels", lambda: gaussian(40, 300), ["none"]),
    ("some offset", lambda: gaussian(500, 64) + 3, ["none"]),
    ("unequal channels", lambda: gaussian(500, 64) * torch.logspace(0, -2, 64), ["none"]),
    ("constant", lambda: torch.full((500, 64), 0.3), ["complete"]),
    ("zero", lambda: torch.zeros(500, 64), ["complete"]),
    (
        "constant and round-off",
        lambda: torch.full((500, 64), 0.3) + 1e-6 * gaussian(500, 64),
        ["complete"],
    ),
    ("constant and noise in all directions", lambda: 5 + 4e-3 * gaussian(500, 64), ["complete"]),
    ("offset and three dimensions", lambda: 50 + LOW, ["complete"]),
    (
        "offset, one direction far above the rest",
        lambda: 60 + gaussian(500, 64) + ONE,
        ["complete"],
    ),
    ("one direction far above the rest", lambda: gaussian(500, 64) + ONE, ["none"]),
    ("three dimensions", lambda: LOW, ["dimensional"]),
    (
        "three dimensions, fewer rows than channels",
        lambda: gaussian(60, 3) @ gaussian(3, 400),
        ["dimensional"],
    ),
    ("three dimensions and a third of offset", lambda: LOW + 1, ["dimensional"]),
    ("offset and noise", lambda: gaussian(500, 64) + 15, ["offset"]),
    ("dead channels", lambda: some_dead(gaussian(500, 64), 20), ["dead channels"]),
    ("constant channels", lambda: some_dead(gaussian(500, 64), 20, 0.7), ["dead channels"]),
    ("all but five dead", lambda: some_dead(gaussian(500, 64), 59), ["dead channels"]),
    ("a few dead", lambda: some_dead(gaussian(500, 64), 6), ["none"]),
    (
        "dead, and low rank in the rest",
        lambda: some_dead(LOW.clone(), 20),
        ["dimensional", "dead channels"],
    ),
    (
        "dead, and an offset",
        lambda: some_dead(gaussian(500, 64) + 20, 20),
        ["dead channels", "offset"],
    ),
]


@pytest.mark.parametrize("make, found", [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_verdict(make, found):
    report = diagnose.diagnose(make())
    assert report["findings"] == found and report["verdict"] == found[0]
    assert json.loads(json.dumps(report, allow_nan=False)) == report  # plain and finite
    assert causes.WORDS[found[0]] in diagnose.text(report)


@pytest.mark.parametrize("n, d", [(500, 32), (2000, 200), (100, 100), (60, 300), (300, 2)])
def test_healthy_values_are_those_of_gaussian_samples(n, d):
    samples = [collapse.numbers(gaussian(n, d, seed)) for seed in range(5)]
    for name, expected in collapse.healthy(n, d).items():
        mean = sum(s[name] for s in samples) / len(samples)
        room = {
            "mean_share": 0.6 * expected,
            "correlation": 0.9 if d == 2 else 0.05,
            "residual": 0.01,
        }.get(name, 0)
        assert mean == pytest.approx(expected, rel=0.06 if d > 2 else 0.2, abs=room), name


def test_numbers_are_those_of_the_spectral_diagnostics_in_chunks_and_whole(monkeypatch):
    z = gaussian(300, 20) @ gaussian(20, 20, 1) + gaussian(1, 20, 2)
    whole = collapse.numbers(z)
    monkeypatch.setattr(collapse, "CHUNK", 77)
    assert collapse.numbers(z) == pytest.approx(whole, rel=1e-9)
    assert whole["spread"] == pytest.approx(spectral.std_normalised(z) * 20**0.5)
    assert whole["rankme"] == pytest.approx(spectral.rankme(z, eps=0.0), rel=1e-5)
    assert whole["centred_rankme"] == pytest.approx(
        spectral.rankme(z.double() - z.double().mean(0), eps=0.0), rel=1e-5
    )
    eigs = spectral.eigenvalues(spectral.covariance(z))
    assert whole["participation"] == pytest.approx(spectral.participation_ratio(eigs))
    assert whole["top_share"] == pytest.approx((eigs[0] / eigs.sum()).item())
    assert whole["correlation"] == pytest.approx(spectral.decorrelation(z).mean_absolute)
    assert whole["uniformity"] == pytest.approx(spectral.alignment_uniformity(z, z)[1])
    mean, power = z.double().mean(0).square().sum(), z.double().square().sum() / 300
    assert whole["mean_share"] == pytest.approx((mean / power).item())
    assert whole["residual"] == pytest.approx((1 - mean / power).sqrt().item())


def test_numbers_of_outputs_wider_than_their_number_need_no_square_matrix(monkeypatch):
    """DINO's head has as many outputs as prototypes, 65,536 in the code of the paper of speech."""
    z = gaussian(60, 300) + gaussian(1, 300, 2)
    z[:, 7] = 3.0
    found, C = collapse.numbers(z), spectral.covariance(z)
    assert found["rankme"] == pytest.approx(spectral.rankme(z, eps=0.0), rel=1e-5)
    assert found["centred_rankme"] == pytest.approx(
        spectral.rankme(z.double() - z.double().mean(0), eps=0.0), rel=1e-5
    )
    assert found["participation"] == pytest.approx(
        spectral.participation_ratio(spectral.eigenvalues(C))
    )
    assert (
        found["correlation"] == pytest.approx(spectral.decorrelation(z).mean_absolute)
        and found["dead"] == 1
    )
    monkeypatch.setattr(collapse, "CHANNELS", 100)  # of the 299 that live every third is compared
    alive = z[:, [i for i in range(300) if i != 7]]
    assert collapse.numbers(z)["correlation"] == pytest.approx(
        spectral.decorrelation(alive[:, ::3]).mean_absolute
    )
    monkeypatch.setattr(
        collapse, "covariance", lambda z, mean: C.new_zeros(3, 3) if len(mean) < 101 else 1 / 0
    )
    assert collapse.numbers(gaussian(10, 60_000))["rankme"] == pytest.approx(10, rel=0.01)


def test_uniformity_of_the_sphere_is_exact():
    for d, value in [
        (2, -1.57503),
        (3, -2.07978),
        (16, -3.51304),
        (128, -3.93753),
        (512, -3.98438),
    ]:
        assert collapse.uniformity_of_sphere(d) == pytest.approx(value, abs=1e-5)


def test_a_second_view_is_compared_with_shuffled_rows():
    z = gaussian(400, 16)
    report = diagnose.diagnose(z, z + 0.1 * gaussian(400, 16, 1))["views"]
    assert report["alignment"]["value"] < 0.02 and report["alignment"]["shuffled"] == pytest.approx(
        2, abs=0.1
    )
    assert (
        report["cross_diagonal"]["value"] > 0.99
        and abs(report["cross_diagonal"]["shuffled"]) < 0.05
    )
    assert report["cka"]["value"] > 0.97 and report["cka"]["shuffled"] == pytest.approx(
        16 / 400, abs=0.02
    )
    assert report["lidar"]["value"] > 15
    unrelated = diagnose.diagnose(z, gaussian(400, 16, 2))["views"]
    assert (
        unrelated["alignment"]["value"] == pytest.approx(2, abs=0.1)
        and unrelated["cka"]["value"] < 0.1
    )
    # needs n > d
    assert "lidar" not in diagnose.diagnose(gaussian(12, 16), gaussian(12, 16, 1))["views"]
    scaled = diagnose.diagnose(1e6 * z, 1e6 * (z + 0.1 * gaussian(400, 16, 1)))["views"]
    assert scaled["lidar"]["value"] == pytest.approx(report["lidar"]["value"], rel=1e-3)


def test_labels_are_found_again_by_neighbours_or_not():
    y = torch.arange(600) % 3
    known = 5 * torch.eye(3)[y] @ gaussian(3, 16) + 0.1 * gaussian(600, 16, 1)
    assert diagnose.diagnose(known, y=y)["labels"]["knn"] == 100
    unknown = diagnose.diagnose(gaussian(600, 16), y=y.to(torch.uint8))["labels"]
    assert unknown["knn"] == pytest.approx(100 / 3, abs=9) and unknown["guess"] == pytest.approx(
        100 / 3, abs=4
    )
    assert diagnose.diagnose(gaussian(600, 16), y=(y > 0).long())["labels"][
        "guess"
    ] == pytest.approx(67, abs=5)


def test_what_is_left_out_or_too_small_is_said():
    assert diagnose.diagnose(gaussian(500, 64))["notes"] == []
    (note,) = diagnose.diagnose(gaussian(2001, 16))["notes"]
    assert "uniformity compares all pairs of 1001 rows" in note
    assert any("10000 rows" in note for note in diagnose.notes(20_000, 16, paired=True))
    assert not any("views" in note for note in diagnose.notes(20_000, 16, paired=False))
    assert "limited by the rows" in diagnose.notes(50, 30, paired=False)[0]
    assert "too small to tell" in diagnose.notes(500, 9, paired=False)[0]


NAN = gaussian(20, 3)
NAN[3, 1], NAN[5, 0] = float("nan"), float("inf")
BAD = [
    (dict(z=gaussian(20, 3)[0]), r"z must have shape \(n, d\).* \(3,\)"),
    (dict(z=gaussian(20, 12).view(20, 2, 6)), r"z must have shape \(n, d\).* \(20, 2, 6\)"),
    (dict(z=torch.ones(20, 0)), r"z must have shape .* \(20, 0\)"),
    (dict(z=torch.ones(20, 3).long()), "z must hold floating-point numbers, had int64"),
    (
        dict(z=torch.ones(20, 3, dtype=torch.complex64)),
        "z must hold floating-point numbers, had complex64",
    ),
    (dict(z=np.array([["a"] * 3] * 20)), "z must hold numbers, had <U1"),
    (dict(z=NAN), "z must be finite, has 2 values of 60"),
    (dict(z=gaussian(9, 3)), "z must have at least 10 rows, had 9"),
    (
        dict(z=gaussian(20, 3), z2=gaussian(20, 4)),
        r"z2 must have the shape of z, \(20, 3\), had \(20, 4\)",
    ),
    (dict(z=gaussian(20, 3), z2=NAN), "z2 must be finite, has 2"),
    (dict(z=gaussian(20, 3), y=torch.zeros(19).long()), r"y must have shape \(20,\).* \(19,\)"),
    (dict(z=gaussian(20, 3), y=torch.zeros(20)), "y must hold class numbers, had float32"),
    (
        dict(z=gaussian(20, 3), y=-torch.ones(20).long()),
        "y must hold class numbers from 0 up, the least was -1",
    ),
]


@pytest.mark.parametrize("given, message", BAD, ids=[row[1] for row in BAD])
def test_an_argument_that_cannot_be_used_is_named(given, message):
    with pytest.raises(ValueError, match=message):
        diagnose.diagnose(**given)


def test_class_numbers_may_be_large_and_have_gaps():
    z, y = gaussian(200, 8), torch.arange(200) % 3
    plain = diagnose.diagnose(z, y=y)["labels"]
    for ids in (y + 10**8, 100_000 * y, y * 2**40):
        assert diagnose.diagnose(z, y=ids)["labels"] == plain


@pytest.mark.parametrize("size", [1e-30, 1e-15, 1e-13, 1e13, 1e30])
def test_the_scale_of_embeddings_does_not_matter(size):
    z, z2 = LOW + 1, LOW + 1 + 0.1 * gaussian(500, 64, 5)
    plain, scaled = diagnose.diagnose(z, z2), diagnose.diagnose(size * z, size * z2)
    assert scaled["findings"] == plain["findings"] == ["dimensional"]
    for part in ("numbers", "views"):
        for name, number in plain[part].items():
            assert scaled[part][name]["value"] == pytest.approx(number["value"], rel=1e-3), name


def test_findings_come_with_counts_of_runs_that_did_not_choose_the_limits():
    report = diagnose.diagnose(LOW)
    assert list(report["seen"]) == ["dimensional"] and list(
        diagnose.diagnose(gaussian(500, 64))["seen"]
    ) == ["collapse"]
    groups = report["seen"]["dimensional"]
    assert "atlas, methods left out" in groups and "atlas, methods that chose" not in groups
    learned = groups["atlas, methods left out"]["learned"]
    assert f"seen in {learned[0]} of {learned[1]} healthy" in diagnose.text(report)
    assert diagnose.diagnose(LOW, of="features")["seen"] == {}
    with pytest.raises(UnknownName, match="unknown kind of embeddings"):
        diagnose.diagnose(LOW, of="logits")


def test_a_report_is_a_page_of_its_own(tmp_path):
    np.savez(tmp_path / "z.npz", z=LOW.numpy(), z2=LOW.numpy(), y=np.arange(500) % 2)
    page = tmp_path / "report.html"
    done = CliRunner().invoke(main, ["diagnose", str(tmp_path / "z.npz"), "--html", str(page)])
    assert done.exit_code == 0, done.output
    text = page.read_text()
    assert causes.WORDS["dimensional"] in text and "methods left out" in text
    assert "centred_rankme" in text and "lidar" in text and "nearest neighbours" in text
    assert "http" not in text and "<script" not in text


@pytest.mark.cuda
def test_a_device_gives_the_verdict_of_the_cpu():
    z, y = LOW + gaussian(500, 64, 3), torch.arange(500) % 2
    here, there = diagnose.diagnose(z, z + 1, y), diagnose.diagnose(z.cuda(), (z + 1).cuda(), y)
    assert here["findings"] == there["findings"]
    for name, number in here["numbers"].items():
        assert there["numbers"][name]["value"] == pytest.approx(number["value"], rel=1e-6)

"""Diagnosis of embeddings: each verdict on embeddings made for it, healthy values against samples,
every error."""

import json
import pickle

import numpy as np
import processes
import pytest
import torch
from click.testing import CliRunner

from ncssl.cli import main
from ncssl.errors import BadFile, UnknownName
from ncssl.measure import causes, collapse, diagnose, embeddings, spectral
from ncssl.plots import atlas
from ncssl.runs import experiments


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


def test_files_of_every_kind_are_read_the_same(tmp_path):
    z, y = gaussian(20, 3), torch.arange(20) % 2
    np.save(tmp_path / "z.npy", z.numpy())
    np.savez(tmp_path / "all.npz", z=z.numpy(), z2=2 * z.numpy(), y=y.numpy())
    np.savez(tmp_path / "one.npz", features=z.numpy())
    torch.save(z.clone().requires_grad_(), tmp_path / "z.pt")
    torch.save({"z": z, "y": y, "epoch": 3}, tmp_path / "all.pth")
    for name, keys in {
        "z.npy": "z",
        "all.npz": "z z2 y",
        "one.npz": "z",
        "z.pt": "z",
        "all.pth": "z y",
    }.items():
        held = embeddings.read_embeddings(tmp_path / name)
        assert (
            list(held) == keys.split() and torch.equal(held["z"], z) and not held["z"].requires_grad
        )
    assert torch.equal(embeddings.read_array(tmp_path / "all.npz", "y"), y)
    assert torch.equal(embeddings.read_array(tmp_path / "z.npy", "z2"), z)


def batches(z, y):
    """The ways in which libraries save what a loader gave them."""
    parts = list(zip(z.split(7), y.split(7), strict=True))
    return {
        "list.pt": [a for a, _ in parts],
        "pairs.pt": parts,
        "triples.pt": [(a, 2 * a, b) for a, b in parts],
        "numpy.pt": {"z": z.numpy(), "y": y.numpy()},
        "lists.pt": {"z": [a for a, _ in parts], "y": [b for _, b in parts]},
        "sparse.pt": z.to_sparse(),
        "rows.pt": z.tolist(),
        "row_tensors.pt": list(z),
    }


def test_batches_sparse_tensors_and_arrays_inside_are_read(tmp_path):
    z, y = gaussian(20, 3), torch.arange(20) % 2
    for name, held in batches(z, y).items():
        torch.save(held, tmp_path / name)
        found = embeddings.read_embeddings(tmp_path / name)
        assert torch.equal(found["z"].float(), z), name
        if name in ("pairs.pt", "triples.pt", "numpy.pt", "lists.pt"):
            assert torch.equal(found["y"], y), name
        if name == "triples.pt":
            assert torch.equal(found["z2"], 2 * z)
    for kind in (">f4", ">f8", np.longdouble, np.float16):
        np.save(tmp_path / "z.npy", z.numpy().astype(kind))
        found = embeddings.read_embeddings(tmp_path / "z.npy")["z"]
        torch.testing.assert_close(found.float(), z, rtol=1e-3, atol=1e-3)
    torch.save([gaussian(3, 2), gaussian(3, 4)], tmp_path / "ragged.pt")
    with pytest.raises(BadFile, match="ragged.pt: .*Sizes of tensors must match.*plain arrays"):
        embeddings.read_embeddings(tmp_path / "ragged.pt")


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


class Danger:
    """Would leave a file behind if it were unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_file_that_cannot_be_used_is_named_and_nothing_in_it_is_executed(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.ones(3), b=np.ones(3))
    np.savez(tmp_path / "empty.npz")
    torch.save(Danger(tmp_path / "done"), tmp_path / "danger.pt")
    np.save(tmp_path / "danger.npy", np.array([Danger(tmp_path / "done")]), allow_pickle=True)
    for name in ("cut.npy", "cut.npz", "cut.pt"):
        (tmp_path / name).write_bytes(b"\x93NUMPY\x01")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps([1]))
    (tmp_path / "nothing.npy").touch()
    (tmp_path / "z.csv").write_text("1,2")
    words = {
        "other.npz": "holds a, b; name",
        "empty.npz": "holds nothing",
        "z.csv": "'.csv' is not known",
    }
    unread = ("danger.pt", "danger.npy", "cut.npy", "cut.npz", "cut.pt", "nothing.npy")
    for name, word in (words | dict.fromkeys(unread, "cannot be read")).items():
        with pytest.raises(BadFile, match=f"{name}: .*{word}"):
            embeddings.read_embeddings(tmp_path / name)
    with pytest.raises(BadFile, match="name it y"):
        embeddings.read_array(tmp_path / "other.npz", "y")
    with pytest.raises(FileNotFoundError):
        embeddings.read_embeddings(tmp_path / "missing.npy")
    assert not (tmp_path / "done").exists()


def test_the_command_in_a_process_of_its_own(tmp_path):
    torch.save({"z": LOW, "y": torch.arange(500) % 2}, tmp_path / "z.pt")
    done = processes.run(processes.command, "diagnose", str(tmp_path / "z.pt"))
    assert done.returncode == 0, done.stderr
    assert (
        "dimensional collapse" in done.stdout and "by guessing" in done.stdout and done.stderr == ""
    )


def test_the_command_takes_views_and_labels_from_files_and_speaks_json(tmp_path):
    z = gaussian(50, 8)
    for name, held in {"z": z, "z2": z + 1, "y": np.arange(50) % 2, "short": np.arange(49)}.items():
        np.save(tmp_path / f"{name}.npy", held)
    z, view, labels, short = (str(tmp_path / f"{name}.npy") for name in ("z", "z2", "y", "short"))
    done = CliRunner().invoke(main, ["diagnose", z, "--view2", view, "--labels", labels, "--json"])
    report = json.loads(done.stdout)
    assert done.exit_code == 0 and report["verdict"] == "none"
    assert (
        report["views"]["cross_diagonal"]["value"] == pytest.approx(1)
        and report["labels"]["guess"] >= 50
    )
    for wrong, words in (
        (["--labels", short], "y must have shape (50,)"),
        (["--view2", short], "z2 must hold"),
    ):
        done = CliRunner().invoke(main, ["diagnose", z, *wrong])
        assert done.exit_code == 2 and words in done.stderr and "Traceback" not in done.stderr
    done = CliRunner().invoke(main, ["diagnose", str(tmp_path / "missing.npy")])
    assert done.exit_code == 2 and "missing.npy" in done.stderr


@pytest.mark.cuda
def test_a_device_gives_the_verdict_of_the_cpu():
    z, y = LOW + gaussian(500, 64, 3), torch.arange(500) % 2
    here, there = diagnose.diagnose(z, z + 1, y), diagnose.diagnose(z.cuda(), (z + 1).cuda(), y)
    assert here["findings"] == there["findings"]
    for name, number in here["numbers"].items():
        assert there["numbers"][name]["value"] == pytest.approx(number["value"], rel=1e-6)


def lines_of(value):
    return [
        {
            "arm": "simsiam",
            "label": "SimSiam",
            "runs": [(np.array([0.0, 3.0]), np.array([value, 1.0]))],
        }
    ]


def test_a_family_has_a_panel_a_diagnostic_its_limits_and_one_legend():
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, layout="constrained")
    data = [
        {"title": "spread", "curves": lines_of(0.5), "limit": 0.1},
        {"title": "kNN", "curves": lines_of(3), "floor": 2, "low": 1.5},
        {"title": "empty", "curves": [], "limit": 0.1},
    ]
    atlas.family(data, iter(axes))  # an iterator too, such as axes.flat
    assert [ax.get_title() or ax.get_title("left") for ax in axes] == ["spread", "kNN", "empty"]
    levels = [
        [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() in (":", "--")]
        for ax in axes
    ]
    assert axes[1].get_ylim()[0] == 1.5 and axes[0].get_ylim()[0] < 0.1
    assert levels == [[0.1], [2], []] and axes[2].texts[0].get_text() == "not run"
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == [
        "SimSiam",
        "limit of ncssl diagnose",
        "untrained encoder",
    ]
    plt.close(figure)


def test_strips_show_every_run_on_its_side_and_zeros_at_the_end():
    import matplotlib.pyplot as plt

    ax = plt.figure().add_subplot()
    rows = [{"label": "spread", "learned": [0.5, 0.9], "failed": [0.0, 0.01], "limit": 0.1}]
    assert atlas.strips(rows, ax) is ax
    marks = {
        line.get_label(): sorted(line.get_xdata())
        for line in ax.lines
        if line.get_label() in atlas.SIDES
    }
    assert marks == {"learned": [0.5, 0.9], "failed": [1e-4, 0.01]}
    assert [
        line.get_xdata()
        for line in ax.lines
        if len(line.get_xdata()) == 2 and list(line.get_xdata()) == [0.1] * 2
    ]
    empty = atlas.strips(
        [{"label": "a", "learned": [], "failed": [], "limit": 1}], plt.figure().add_subplot()
    )
    assert empty.texts[0].get_text() == "not run"
    plt.close("all")


def test_every_cause_was_seen_in_the_arm_of_the_atlas_that_it_names():
    arms = experiments.planned("companion", "atlas", "smoke")
    for finding, likely in causes.CAUSES.items():
        assert finding in collapse.FINDINGS
        for _, _, arm in likely:
            runs = [(p, r) for p, r in experiments.records(arms) if p.arm == arm]
            assert runs, f"the atlas has no arm {arm}"
            seen = [finding in found(r) for _, r in runs if r is not None]
            assert not seen or sum(seen) >= 2 * len(seen) / 3, (
                f"{finding} was not seen in {arm}: {seen}"
            )


def found(record):
    """What is found in the projections and in the features of a record of the atlas."""
    widths = {"projection": record.recipe.options.get("prototypes", record.recipe.d), "feature": 64}
    return [
        word
        for kind, d in widths.items()
        for word in collapse.findings(
            {name: record.metrics[f"{kind}_{name}"] for name in collapse.healthy(50, 8)},
            record.data["test"],
            d,
            f"{kind}s",
        )
    ]

"""Read the claims of papers/<key>.toml: what they compare exists, their keys are those of their
test and its gates."""

from ncssl.claims.facts import (
    CONTROLLED,
    NEEDS,
    RATIO_TESTS,
    RECORD_TESTS,
    THEORY_TESTS,
    UNTRAINED,
    Claim,
    Experiment,
)
from ncssl.claims.schema import RECORDS_CLAIM, THEORY_CLAIM, Reader
from ncssl.metrics import METRICS


class ClaimReader(Reader):
    """The part of a file's reader that is about claims."""

    def claim(self, data: dict, i: int, key: str, tables: dict, experiments: dict) -> Claim:
        where = f"[[claims]] {data.get('id', f'number {i + 1}')}"
        if "kind" in data:
            self.one_of(where, "kind", data["kind"], ("records", "theory"))
        theory = data.get("kind") == "theory"
        d = self.check(data, where, THEORY_CLAIM if theory else RECORDS_CLAIM)
        self.one_of(where, "test", d["test"], THEORY_TESTS if theory else RECORD_TESTS)
        self.one_of(where, "margin_by", d["margin_by"], ("ours", "paper"))
        self.one_of(where, "by", d["by"], ("paper", "later", "book"))
        if not theory:
            self.comparison(where, d, experiments)
            self.gates(where, d, experiments[d["experiment"]])
            d |= {key: tuple(d[key]) for key in ("arms", "reported", "base", "needs")}
            d["reported_effect"] = self.reported_effect(where, d, tables)
        d["margin"] = self.margin(where, d)
        return Claim(paper=key, **d)

    def comparison(self, where: str, d: dict, experiments: dict) -> None:
        """What a records claim compares exists, and its keys are those of its test."""
        self.one_of(where, "experiment", d["experiment"], experiments)
        self.one_of(where, "metric", d["metric"], METRICS)
        self.one_of(where, "compare", d["compare"], ("difference", "ratio"))
        self.one_of(where, "per", d["per"] or "sqrt_dim", ("sqrt_dim",))
        needed = RECORD_TESTS[d["test"]]
        for key in ("left", "right", "arms", "rate"):
            given = d[key] not in (None, ())
            if given != (key in needed):
                why = "is missing" if key in needed else "has no meaning here"
                self.fail(
                    where, f"key {key!r} {why}", f"the test {d['test']!r} takes {', '.join(needed)}"
                )
        for key in ("left", "right", "arms"):
            for arm in [d[key]] if isinstance(d[key], str) else d[key] or ():
                self.one_of(where, key, arm, experiments[d["experiment"]].arms)
        if (d["left"] and d["left"] == d["right"]) or len(d["arms"]) == 1:
            self.fail(
                where, "key 'right' or 'arms': an arm is compared with itself", "name another arm"
            )
        if d["rate"] is not None and not 0 < d["rate"] <= 1:
            self.fail(where, f"key 'rate' was {d['rate']!r}", "give a share of seeds in (0, 1]")
        if d["compare"] == "ratio" and d["test"] not in RATIO_TESTS:
            self.fail(
                where,
                "key 'compare' was 'ratio'",
                f"ratios go with the tests {', '.join(RATIO_TESTS)}",
            )

    def gates(self, where: str, d: dict, experiment: Experiment) -> None:
        """What the gates ask of arms that exist; see `ncssl.verdicts.gates`."""
        for need in d["needs"]:
            self.one_of(where, "needs", need, NEEDS)
        if "decay" in d["needs"] and experiment.decay_exposure is None:
            why = "key 'needs' asks for decay, and its experiment has no 'decay_exposure'"
            self.fail(where, why, f"add the paper's to [experiments.{experiment.name}]")
        d["decay_exposure"] = experiment.decay_exposure
        for arm in d["base"]:
            self.one_of(where, "base", arm, set(experiment.arms) - {UNTRAINED})
        if d["base"] and UNTRAINED not in experiment.arms:
            self.fail(
                where,
                f"key 'base' has no arm {UNTRAINED!r} to lead",
                "add the untrained encoder to the experiment",
            )
        if d["base"] and d["base_free"]:
            self.fail(where, "keys 'base' and 'base_free' are both given", "give one")
        for key in ("needs", "share"):
            if d[key] not in (None, ()) and not d["base"]:
                self.fail(where, f"key {key!r} has no meaning without 'base'", "name the base arms")
        self.control(where, d, experiment)
        self.share(where, d)

    def control(self, where: str, d: dict, experiment: Experiment) -> None:
        """The control is another arm than `left`, of a test that has one; switching it off needs a
        reason."""
        if d["control"] is not None:
            self.one_of(where, "test", d["test"], CONTROLLED)
            self.one_of(
                where, "control", d["control"], {*experiment.arms, "none"} - {d["left"], d["right"]}
            )
        if (d["control"] == "none") != bool(d["control_free"]):
            why = "keys 'control' and 'control_free' do not fit"
            self.fail(where, why, "give a reason with control = 'none', and with nothing else")

    def share(self, where: str, d: dict) -> None:
        """A share stands for the margin, of an accuracy that is to be greater."""
        if d["share"] is None:
            return
        if not 0 < d["share"] <= 1:
            self.fail(
                where,
                f"key 'share' was {d['share']!r}",
                "give a share of the base's lead in (0, 1]",
            )
        wrong = {
            "the test 'greater'": d["test"] != "greater",
            "an accuracy": not d["metric"].endswith("_accuracy"),
            "differences": d["compare"] != "difference",
            "margin_by = 'ours'": d["margin_by"] != "ours",
            "no margin": d["margin"] is not None,
        }
        for words in (words for words, applies in wrong.items() if applies):
            self.fail(where, "key 'share' has no meaning here", f"a share goes with {words}")

    def reported_effect(self, where: str, d: dict, tables: dict) -> float | None:
        """The paper's own effect from the cells cited, in the order of the arms; None where it
        cites none."""
        values = [
            self.cited(where, "reported", reference, tables).value for reference in d["reported"]
        ]
        arms = len(d["arms"]) or (d["left"] is not None) + (d["right"] is not None)
        if values and len(values) != arms:
            self.fail(
                where,
                f"key 'reported' cites {len(values)} cells for {arms} arms",
                "cite one cell an arm",
            )
        if not values or d["test"] == "rate":
            return None
        if len(values) == 1:
            return values[0]
        steps = zip(values, values[1:], strict=False)
        return min(round(a / b if d["compare"] == "ratio" else a - b, 9) for a, b in steps)

    def margin(self, where: str, d: dict) -> float | None:
        """The margin given, or the one left out: 0 for a sign, the paper's own difference where it
        is the paper's.

        None where a share stands for it.
        """
        if d.get("share") is not None:
            return None
        margin, test, ratio = d["margin"], d["test"], d.get("compare") == "ratio"
        if margin is None and test == "sign":
            margin = 0.0
        elif margin is None and d["margin_by"] == "paper":
            margin = d.get("reported_effect")
        if margin is None:
            self.fail(
                where, "key 'margin' is missing", "add it, or cite the cells whose difference it is"
            )
        wrong = {
            "0 for the test 'sign'": test == "sign" and margin != 0,
            "a ratio > 0": ratio and margin <= 0,
            "a ratio >= 1 for the test 'within'": ratio and test == "within" and margin < 1,
            "a number >= 0 for the test 'within'": test == "within" and margin < 0,
        }
        for allowed in (words for words, applies in wrong.items() if applies):
            self.fail(where, f"key 'margin' was {margin!r}", f"give {allowed}")
        return float(margin)

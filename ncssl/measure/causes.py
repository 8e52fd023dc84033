"""What a finding means, and what is likely to have caused it, each with the arm of the atlas of
failed runs in which it was seen."""

WORDS = {
    "complete": "complete collapse: all inputs are sent to nearly one point",
    "dimensional": "dimensional collapse: the outputs vary in few directions",
    "dead channels": "dead channels: more than a tenth of them do not vary",
    "offset": "a constant offset dominates; about it the outputs still vary in many directions",
    "none": "no collapse found (which does not show that something was learned)",
}
# finding -> likely cause, what to try, arm of the atlas with both
CAUSES: dict[str, list[tuple[str, str, str]]] = {
    "complete": [
        (
            "the gradient follows both views: the target is not detached",
            "stop the gradient of the target",
            "no_stop_gradient",
        ),
        (
            "nothing stands between projection and target",
            "put a predictor on the online branch",
            "no_predictor",
        ),
        (
            "a predictor in closed form is nearly the identity",
            "a smaller eps, such as 0.1 or 0.3",
            "directcopy_eps_1",
        ),
        (
            "weight decay outweighs the gradient",
            "a weight decay ten or a hundred times smaller",
            "large_weight_decay",
        ),
        (
            "these are logits or prototype scores, which share a constant",
            "diagnose the layer before them",
            "dino",
        ),
    ],
    "dimensional": [
        (
            "no term of the loss keeps the channels apart",
            "penalise their covariance or cross-correlation",
            "vicreg_no_covariance",
        ),
        (
            "such a term has a weight far from the published one",
            "go back to it, or lower the learning rate",
            "barlow_weight_10",
        ),
        (
            "a batch norm keeps channels alive, and nothing keeps them apart",
            "a predictor or head that mixes channels",
            "offdiagonal_none",
        ),
    ],
    "dead channels": [
        (
            "units before a ReLU are below zero for all inputs",
            "a lower learning rate; find why training collapsed",
            "no_stop_gradient_norm",
        )
    ],
    "offset": [
        (
            "nothing in the loss keeps the variance up",
            "a hinge on the standard deviation, or standardise",
            "invcov_cov",
        ),
        (
            "hardly trained: an untrained network with ReLU starts there",
            "train on; watch whether the spread rises",
            "random",
        ),
    ],
}


def likely(found: list[str]) -> list[dict[str, str]]:
    """Likely causes of the findings: cause, what to try, arm of the atlas."""
    return [
        dict(zip(("cause", "try", "arm"), c, strict=True))
        for name in found
        for c in CAUSES.get(name, ())
    ]

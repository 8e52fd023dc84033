"""Which letter means what in which paper's theory, as the code writes it: data for the glossary,
and for a reader.

A letter with several meanings has several rows. `table` is what book/glossary.md shows; a test
compares.
"""

from typing import NamedTuple

from ncssl.errors import UnknownName

NAMES = {
    "tian2021": "Tian et al.",
    "wang2021": "Wang et al.",
    "wen2022": "Wen and Li",
    "liu2022": "Liu et al.",
    "halvagal2023": "Halvagal et al.",
    "cho2022": "Cho et al.",
    "companion": "together",
    "balestriero2025": "Balestriero and LeCun",
}


class Symbol(NamedTuple):
    """A letter, what it means, and the keys of the theories in which it means that."""

    letter: str
    meaning: str
    papers: tuple[str, ...]


TIAN, WANG, WEN = "tian2021", "wang2021", "wen2022"
LIU, HALVAGAL, CHO = "liu2022", "halvagal2023", "cho2022"
TOGETHER, LEJEPA = "companion", "balestriero2025"
SYMBOLS = (
    Symbol("alpha", "power of the correlation matrix in the predictor", (WANG, HALVAGAL, TOGETHER)),
    Symbol("alpha1, alpha2", "strengths of the two features", (WEN,)),
    Symbol("alpha_p", "learning rate of the predictor over that of the encoder", (TIAN,)),
    Symbol("b", "variance of the data along a mode", (LIU, TOGETHER, LEJEPA)),
    Symbol("b", "part of a neuron's weights along the features", (WEN,)),
    Symbol("b11, b12, b21, b22", "the same at the start, by neuron and feature", (WEN,)),
    Symbol("beta", "rate at which the target follows the encoder", (TIAN, HALVAGAL, TOGETHER)),
    Symbol("beta", "standard deviation of the noise of the labels", (WANG,)),
    Symbol("c", "second moment of a feature, k w^2", (LIU,)),
    Symbol("centring", "share of the mean that the centre takes off", (CHO,)),
    Symbol("d", "number of features", (LIU, LEJEPA)),
    Symbol("delta", "every singular value of the encoder at the start", (WANG,)),
    Symbol("E", "the head, a matrix with ones on its diagonal", (WEN,)),
    Symbol("eps", "multiple of the identity added to the predictor", (WANG,)),
    Symbol("eta", "weight decay of the flow", (TIAN, WANG, LIU, TOGETHER, LEJEPA)),
    Symbol("eta", "learning rate of the encoder", (WEN,)),
    Symbol("eta_E", "learning rate of the head", (WEN,)),
    Symbol("eta_p", "weight decay of the predictor alone", (TIAN,)),
    Symbol("F", "second moment of the features, W W^T", (TIAN, WANG)),
    Symbol("F1, F2", "features of the two views of a batch, over the root of its size", (LIU,)),
    Symbol("gamma", "rate at which the centre follows the mean", (CHO,)),
    Symbol("h", "logits of the inputs", (CHO,)),
    Symbol(
        "k",
        "variance of a view along a mode, data and augmentation",
        (TIAN, WANG, LIU, TOGETHER, LEJEPA),
    ),
    Symbol("k", "number of neurons", (WEN,)),
    Symbol("k", "number of prototypes", (CHO,)),
    Symbol("lam", "singular value of the encoder", (WANG,)),
    Symbol("lam", "eigenvalue of the second moment of the features, w^2", (HALVAGAL,)),
    Symbol(
        "lambda0, partner",
        "that eigenvalue at the start, of a mode and of a second one",
        (HALVAGAL,),
    ),
    Symbol("lambda_", "weight of the constraint", (LIU, TOGETHER)),
    Symbol("lambda_", "weight of SIGReg", (LEJEPA,)),
    Symbol("layers", "number of linear layers of the encoder", (WANG,)),
    Symbol("ld, ls", "variance of the data, and of a view, along a mode", (TIAN,)),
    Symbol("m, P", "patches with a feature, and all of them", (WEN,)),
    Symbol("n", "outputs of a batch, of one view", (LEJEPA,)),
    Symbol(
        "n_part, parts", "samples of a partition of the batch, and number of partitions", (LIU,)
    ),
    Symbol("one_sided", "1: only the target's view is noisy", (HALVAGAL,)),
    Symbol("overlap", "inner product of the noise parts of two neurons", (WEN,)),
    Symbol("p", "eigenvalue of the predictor", (TIAN, LIU, TOGETHER)),
    Symbol("p1", "probability of the first feature", (WEN,)),
    Symbol("r", "rank of the predictor", (LIU,)),
    Symbol("ratio", "eta_E over eta", (WEN,)),
    Symbol("rho", "weight decay of the flow", (HALVAGAL,)),
    Symbol("s", "second moment of a feature, w^2", (TIAN, TOGETHER)),
    Symbol("s", "variance that augmentation adds along a mode", (LIU,)),
    Symbol("s", "eigenvalue of the predictor", (HALVAGAL,)),
    Symbol("sigma", "standard deviation of the noise of a patch", (WEN,)),
    Symbol(
        "sigma2",
        "variance that augmentation adds along a mode",
        (TIAN, WANG, HALVAGAL, TOGETHER, LEJEPA),
    ),
    Symbol("steps", "steps of gradient descent", (WEN,)),
    Symbol("tau", "target over encoder, both along a mode", (TIAN,)),
    Symbol("tau_s, tau_t", "temperatures of student and teacher", (CHO,)),
    Symbol("u", "part of a neuron's weights off the features", (WEN,)),
    Symbol("u, v", "difference of the logits of two prototypes, and its centre", (CHO,)),
    Symbol("v", "eigenvalue of the predictor, |lam|^(2 alpha) + eps", (WANG,)),
    Symbol("v", "variance of the outputs, k w^2", (LEJEPA,)),
    Symbol("v", "singular value of the target", (HALVAGAL, TOGETHER)),
    Symbol("w", "singular value of the encoder", (TIAN, LIU, HALVAGAL, TOGETHER, LEJEPA)),
    Symbol("w0", "the same at the start", (TOGETHER,)),
    Symbol("W, Wp", "matrices of encoder and predictor", (TIAN, WANG, LIU)),
    Symbol("wp, w, wa", "predictor, encoder and target of one mode as numbers", (TIAN,)),
    Symbol(
        "X, Xn",
        "second moment of the mean view, and covariance of the views of an image",
        (TIAN, WANG),
    ),
)


def meanings(letter: str) -> list[Symbol]:
    """Every row of a letter; raises UnknownName."""
    found = [symbol for symbol in SYMBOLS if letter in symbol.letter.split(", ")]
    if not found:
        raise UnknownName(
            "letter", letter, {name for symbol in SYMBOLS for name in symbol.letter.split(", ")}
        )
    return found


def table() -> str:
    """All symbols as a table in Markdown."""
    rows = ["| letter | means | in the theory of |", "| --- | --- | --- |"]
    for letter, meaning, papers in SYMBOLS:
        code = ", ".join(f"`{name}`" for name in letter.split(", "))
        rows.append(
            f"| {code} | {_formulas(meaning)} | {', '.join(NAMES[key] for key in papers)} |"
        )
    return "\n".join(rows)


def _formulas(meaning):
    """A bar would end a cell of the table."""
    return meaning.replace("|", r"\|")


if __name__ == "__main__":
    print(table())

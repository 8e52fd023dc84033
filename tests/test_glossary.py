"""The glossary has every short word in capitals that the pages use."""

import json
import re

import pytest

# names of data, machines, licences and places: explained where they stand, or none of ours
NAMES = set(
    "CIFAR STL MNIST ImageNet TinyImageNet LibriSpeech VoxCeleb RAVDESS IEMOCAP CREMA MSP JPEG PDF"
    " CUDA CPU CPUs GPU UCI EXIF TOML JSON HTML ICLR ReScience II ID MIT PATH FOLDER FILE TEST"
    " UNKNOWN NC SA CC BY OWNER NAME GitHub README YouTube AVX Colab PyTorch JavaScript".split()
)
NOT_PROSE = r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\{[\w:]+\}|\]\([^)]*\)|<[^>]*>|https?://\S+"
SHORT = re.compile(r"\b(?:[A-Z][a-z]*){2,}\b|\b[a-z]+[A-Z]+[a-zA-Z]*\b")


def short_words(text):
    """Words with two capitals, or one that is not at their beginning."""
    return set(SHORT.findall(re.sub(NOT_PROSE, " ", text, flags=re.S)))


def pages(root):
    for path in [*root.glob("book/**/*.md"), *root.glob("notebooks/*.ipynb")]:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            cells = json.loads(text)["cells"]
            text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        yield path.name, text


def test_every_short_word_of_the_pages_is_explained(root):
    known = (root / "book" / "glossary.md").read_text(encoding="utf-8")
    missing = {
        (name, word)
        for name, text in pages(root)
        for word in short_words(text) - NAMES
        if not re.search(rf"\b{word}\b", known)
    }
    assert missing == set()


@pytest.mark.parametrize("word", ["EMA", "EER", "RankMe", "view", "DirectPred", "IsoLoss"])
def test_the_words_that_readers_asked_for_have_an_entry(root, word):
    assert f"\n{word}\n  " in (root / "book" / "glossary.md").read_text(encoding="utf-8")


def test_a_short_word_is_seen():
    assert short_words("The XYZ of kNN, `ABC` and $EMA$; {cite:t}`ijcai2020`.") == {"XYZ", "kNN"}

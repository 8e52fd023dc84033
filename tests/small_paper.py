"""The file of a small paper."""

GOOD = """
key = "x2020"
title = "A title"
authors = ["A. Author", "B. Author"]
year = 2020
arxiv = "2001.00001"
venue = "Nowhere"
source = "the text"

[[tables]]
id = "table1"
place = "Table 1"
caption = "Numbers"
metric = "top-1"
source = "the text"
epochs = 100
seeds = 5
cells = [
  { row = "a", column = "p", value = 80.5, spread = 0.5 },
  { row = "b", column = "p", value = 70.25, epochs = 300, note = "late" },
]

[experiments.first]
title = "A first experiment"
place = "Table 1"
method = "byol"
recipe = { weight_decay = 4e-4 }

[experiments.first.arms.one]
label = "one"
options = { keep = 0.0 }
reported = "table1:a|p"

[experiments.first.arms.two]
label = "two"
method = "directpred"
recipe = { epochs = 0 }

[experiments.first.scales.small]
seeds = [0, 1, 2]
epochs = 7

[[claims]]
id = "better"
place = "Table 1"
statement = "One beats two."
kind = "records"
experiment = "first"
metric = "probe_accuracy"
test = "greater"
left = "one"
right = "two"
margin_by = "paper"
reported = ["table1:a|p", "table1:b|p"]

[[claims]]
id = "law"
place = "Theorem 1"
statement = "It holds."
kind = "theory"
check = "a_check"
test = "below"
margin = 1e-6
margin_by = "ours"
"""


def written(folder, text, name="x2020"):
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


OWN = GOOD.replace(
    "epochs = 7", "epochs = 7\narms.one = { recipe = { lr = 0.5 }, options = { keep = 0.5 } }"
)

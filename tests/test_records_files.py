"""A file that only has the name of a record: pipes, devices, numbers and depths that no reader
stands."""

import json
import os

import pytest
from test_malformed import body

from ncssl.errors import BadFile
from ncssl.records import store

TEXTS = {
    "depth": ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "recursion"),
    "seconds of 400 digits": (json.dumps(body() | {"seconds": int("9" * 400)}), "seconds was 9"),
    "epochs of 5000 digits": (
        json.dumps(body()).replace('"epoch": [0]', f'"epoch": [{"9" * 5000}]'),
        "digits",
    ),
}
MAKE = {"pipe": os.mkfifo, "device": lambda path: path.symlink_to("/dev/zero"), "folder": os.mkdir}


@pytest.fixture
def path(tmp_path):
    (tmp_path / "k").mkdir()
    return tmp_path / "k" / f"{body()['id']}.json"


@pytest.mark.parametrize("name", TEXTS)
def test_text_that_no_reader_stands_is_a_bad_file(name, path):
    text, words = TEXTS[name]
    path.write_text(text)
    with pytest.raises(BadFile, match=f"(?s){path.name}.*{words}"):
        store.load(path)


@pytest.mark.parametrize("name", MAKE)
def test_what_is_no_plain_file_is_named_and_not_waited_for(name, path):
    MAKE[name](path)
    with pytest.raises(BadFile, match=f"{path.name}: not a plain file; move it elsewhere"):
        store.load(path)

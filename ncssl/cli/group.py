"""What all commands share: the group that they enter, options, settings and tables as text."""

import json
from collections.abc import Callable
from typing import Any

import click

from ncssl import __version__
from ncssl.notebooks import parse
from ncssl.recipes import FIELDS, KIND
from ncssl.shell import Group


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version")
@click.option("--debug", is_flag=True, help="Show tracebacks of input errors.")
def main(debug: bool) -> None:
    """The theory of non-contrastive self-supervised learning, to see, rerun and doubt."""


as_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")


def jobs(text: str):
    """The option --jobs; 0 leaves the number to the machine."""
    return click.option("--jobs", type=click.IntRange(min=0), default=0, help=text)


def show(value: Any, as_json: bool, text: Callable[[Any], str]) -> None:
    """Print as JSON, or as the text made of it."""
    click.echo(json.dumps(value, indent=1) if as_json else text(value))


def table(rows: list[dict], columns: list[str]) -> str:
    """Plain text table of the given columns."""
    cells = [[str("" if row.get(c) is None else row[c]) for c in columns] for row in rows]
    widths = [
        max(len(c), *(len(r[i]) for r in cells)) if cells else len(c) for i, c in enumerate(columns)
    ]
    lines = [[c for c in columns], *cells]
    return "\n".join(
        "  ".join(x.ljust(w) for x, w in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def value_of(text: str) -> Any:
    """A value as typed: as papermill reads it (True, None, a number, text), and also true and
    false."""
    return {"true": True, "false": False}[text] if text in ("true", "false") else parse(text)


def settings(pairs: tuple[str, ...]) -> dict[str, Any]:
    """--set name=value pairs as a dict; a pair without = is an error."""
    out = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ValueError(f"--set was {pair!r}; allowed: name=value")
        if name in out:
            raise ValueError(f"--set {name} was given twice; allowed: once")
        out[name] = value_of(value)
    return out


def typed(pairs: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Recipe values and a method's options of --set pairs; "none" is None for a value that can be,
    as the commands that pages print say it."""
    given = settings(pairs)
    values = {k: given.pop(k) for k in list(given) if k in FIELDS and k != "options"}
    free = [k for k, v in values.items() if v == "none" and isinstance(None, KIND[k])]
    return values | dict.fromkeys(free), given

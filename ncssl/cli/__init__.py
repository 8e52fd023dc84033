"""Command line: ncssl methods | claims | run | theory | notebooks | book | bench | diagnose | embed
| data, each with --json."""

# their commands enter the group
from ncssl.cli import claims, features, pages, training  # noqa: F401
from ncssl.cli.group import main

__all__ = ["main"]

"""What the command line makes of errors and signals: one line and an exit code."""

import contextlib
import signal
import threading
from collections.abc import Iterator

import click

from ncssl.errors import BadFile, UnknownName, remedy


class Group(click.Group):
    """Turns errors about input into one clear line and exit code 2; everything else stays a
    traceback."""

    def add_command(self, cmd, name=None):
        # whole, not cut
        cmd.short_help = cmd.short_help or " ".join((cmd.help or "").split("\n\n")[0].split())
        super().add_command(cmd, name)

    def invoke(self, ctx):
        try:
            with terminable():
                return super().invoke(ctx)
        except (UnknownName, BadFile, ValueError, TypeError, FileNotFoundError) as error:
            if ctx.params.get("debug"):
                raise
            click.echo(f"ncssl: {error}", err=True)
            ctx.exit(2)
        except click.UsageError as error:
            click.echo(f"ncssl: {error.format_message()}", err=True)
            ctx.exit(2)
        except OSError as error:
            click.echo(f"ncssl: {error}. What was finished is kept. {remedy(error)}", err=True)
            ctx.exit(1)
        except Terminated:
            click.echo(
                "ncssl: terminated. The last checkpoint is whole; the same command goes on"
                " from it.",
                err=True,
            )
            ctx.exit(143)
        except KeyboardInterrupt:
            click.echo(
                "ncssl: interrupted. The last checkpoint is whole; the same command goes on"
                " from it.",
                err=True,
            )
            ctx.exit(130)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            click.echo(f"ncssl: {error}".splitlines()[0], err=True)
            click.echo(
                "ncssl: out of memory; lower --jobs, or with --set batch, width or limit", err=True
            )
            ctx.exit(1)


class Terminated(KeyboardInterrupt):
    """SIGTERM: what goes on is ended as by an interrupt, and processes that were started end
    too."""


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Raises Terminated in the block at a SIGTERM; in the main thread only, where signals
    arrive."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_):
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def out_of_memory(error: Exception) -> bool:
    """Whether Python or torch found no memory."""
    words = ("can't allocate memory", "out of memory")
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)

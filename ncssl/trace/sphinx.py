"""The Sphinx extension: the directive `{ledger}`, and the pages of records and sources, which are
written when a build has ended."""

import shutil
from functools import cache
from pathlib import Path
from posixpath import dirname

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from ncssl.links import CODE, LEDGER, RECORDS, SOURCES
from ncssl.records import store
from ncssl.trace import ledger, places
from ncssl.trace import rows as tracing
from ncssl.trace.badges import linked
from ncssl.trace.evidence import Site
from ncssl.trace.record import index, record_page
from ncssl.trace.rows import Row
from ncssl.trace.sources import source_page


def setup(app: Sphinx) -> dict:
    """What Sphinx calls."""
    app.add_directive("ledger", Ledger)
    app.connect("html-page-context", link_verdicts)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Ledger(Directive):
    """The ledger's counts, controls and table. With the option `only`, one paper's claims."""

    option_spec = {"only": str}

    def run(self) -> list[nodes.Node]:
        """Raw HTML."""
        env = self.state.document.settings.env
        only = self.options.get("only")
        chosen = [row for row in judged()[0] if only in (None, row.claim.paper)]
        text = ledger.page(chosen, site(env.app, dirname(env.docname)))
        return [nodes.raw("", text, format="html")]


def link_verdicts(
    app: Sphinx, name: str, template: str, context: dict, doctree: nodes.document | None
) -> None:
    """Verdicts in the tables of a chapter lead to the ledger, where the book has one."""
    if name.startswith("notebooks/") and doctree is not None and LEDGER in pages(app):
        context["body"] = linked(context["body"], name)


def pages(app: Sphinx) -> set[str]:
    """The pages of the book, as files of the build."""
    return {f"{name}.html" for name in app.env.found_docs}


@cache
def judged() -> tuple[list[Row], dict, dict]:
    """Every claim, the records by id, and the arms that each is a run of; once in a build."""
    known = tracing.records()
    found, others = tracing.runs(known), tracing.elsewhere(known)
    rows = tracing.rows(found, others=others)
    return rows, known, tracing.uses(found, *others.values())


def site(app: Sphinx, here: str) -> Site:
    """Where a page of this build stands; the repository is the setting that turns buttons on."""
    options = app.config.html_theme_options
    url, branch = (options.get(f"repository_{name}") for name in ("url", "branch"))
    return Site(here, Path(app.srcdir) / "notebooks", f"{url}/blob/{branch}" if url else "")


def finish(app: Sphinx, error: Exception | None) -> None:
    """Write the pages of records and sources, where the ledger is in a book that was built."""
    if error is None and app.builder.format == "html" and judged.cache_info().currsize:
        write_records(app)
        write_sources(Path(app.outdir))


def write_records(app: Sphinx) -> None:
    """A page a record with its JSON beside it, and the list of all."""
    rows, known, uses = judged()
    out, on = Path(app.outdir) / RECORDS, resting(rows)
    for id, record in known.items():
        place = site(app, f"{RECORDS}/{record.key}")
        folder = out / record.key
        folder.mkdir(parents=True, exist_ok=True)
        page = record_page(record, uses.get(id, ()), on.get(id, ()), place)
        (folder / f"{id}.html").write_text(page, encoding="utf-8")
        shutil.copyfile(store.results_dir() / record.key / f"{id}.json", folder / f"{id}.json")
    out.mkdir(exist_ok=True)
    (out / "index.html").write_text(index(known.values(), uses, RECORDS), encoding="utf-8")


def resting(rows: list[Row]) -> dict[str, list[Row]]:
    """Record -> the claims whose verdict rests on it."""
    out: dict[str, list[Row]] = {}
    for row in (r for own in rows for r in (own, *own.elsewhere.values())):
        for id in dict.fromkeys(record.id for record in row.records):
            out.setdefault(id, []).append(row)
    return out


def write_sources(out: Path) -> None:
    """The claims of every paper, and the code of checks and methods, with an address a line."""
    keys = {row.claim.paper for row in judged()[0]}
    files = {f"papers/{key}.toml": f"{SOURCES}/{key}.html" for key in keys}
    folders = ["methods", *(f"theory/{key}" for key in keys)]
    modules = {path for name in folders for path, _ in places.decorated(name).values()}
    files |= {path: f"{CODE}/{path}.html" for path in modules}
    for path, page in files.items():
        target = out / page
        target.parent.mkdir(parents=True, exist_ok=True)
        text = (places.PACKAGE / path).read_text(encoding="utf-8")
        target.write_text(source_page(path, text, dirname(page)), encoding="utf-8")

"""Parts of pages that are made from records and verdicts when the book is built.

Pages include them as `made/NAME.md`. What they say is computed, so that no page goes stale.
"""

from pathlib import Path

from ncssl.pages import questions, summary, watched

MADE = "made"  # the folder of the parts, beside the pages of the book


def write(book: Path, results: str | Path | None = None) -> list[Path]:
    """Write every part that the pages in the folder `book` include, and the reports of watched
    runs; their paths.

    Raises BadFile for a mistake in the questions, or for a log that cannot be read.
    """
    from ncssl.pages import pictures
    from ncssl.plots import style

    asked = questions.read(book / "papers" / "questions.toml")
    rows = summary.judge(list(asked), results)
    style.use()
    texts = {
        "found": summary.found(list(rows.values())),
        "found_figure": pictures.front(asked, rows),
        "stand_in": summary.stand_in(results),
    }
    for key, a in asked.items():
        texts |= {
            f"{key}_answer": summary.answer(a, rows[key]),
            f"{key}_more": summary.more(a, rows[key]),
            f"{key}_held": summary.held(rows[key]),
            f"{key}_mind": summary.mind(a, rows[key]),
            f"{key}_picture": pictures.of_paper(key),
        }
    (book / MADE).mkdir(exist_ok=True)
    for name, text in texts.items():
        (book / MADE / f"{name}.md").write_text(text, encoding="utf-8")
    return [book / MADE / f"{name}.md" for name in texts] + watched.write(book)

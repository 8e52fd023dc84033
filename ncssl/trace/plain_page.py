"""The frame of pages that the build writes beside those of Sphinx: small, without a script to
need."""

import html

from ncssl.links import relative

# the theme of the book, where a reader has chosen one
THEME = (
    "try{const t=localStorage.getItem('theme');if(t)document.documentElement.dataset.theme=t}"
    "catch{}"
)


def plain_page(title: str, content: str, here: str) -> str:
    """A whole page in the folder `here` of the build; `content` is HTML."""
    home, style = relative("index.html", here), relative("_static/ncssl_plain.css", here)
    ledger = relative("book/ledger.html", here)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title>"
        f'<link rel="stylesheet" href="{style}"><script>{THEME}</script></head>\n'
        f'<body><nav aria-label="book"><a href="{home}">The book</a> <a href="{ledger}">The ledger'
        f"</a></nav>\n<main><article>\n<h1>{html.escape(title)}</h1>\n{content}</article></main>"
        "</body></html>\n"
    )

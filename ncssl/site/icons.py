"""The theme loads all icons of Font Awesome twice, 1.7 MB a page: here they are cut down to those
that the pages show. Fonts: SIL OFL 1.1, whose text stays beside them."""

import logging
import re
import shutil
from pathlib import Path
from typing import Any

FOLDER = "_static/vendor/fontawesome"
NAMED = re.compile(r"\bfa-[a-z0-9-]+")
DRAWN = re.compile("[\ue000-\uf8ff]")  # the private letters of icon fonts
GLYPH = re.compile(r"((?:\.fa-[a-z0-9-]+:before,?)+)\{content:\"\\([0-9a-f]+)\"\}")
STYLES = {"Free": "fa-solid-900", "Brands": "fa-brands-400"}
BASE = (
    ".fa,.fa-brands,.fa-solid,.fab,.fas{-webkit-font-smoothing:antialiased;display:inline-block;"
    "font-style:normal;font-variant:normal;line-height:1;text-rendering:auto}"
    ".fa-solid,.fas{font-family:'Font Awesome 6 Free';font-weight:900}"
    ".fa-brands,.fab{font-family:'Font Awesome 6 Brands';font-weight:400}"
)
FACE = (
    "@font-face{{font-family:'Font Awesome 6 {style}';font-weight:{weight};font-display:block;"
    "src:url(../webfonts/{name}.woff) format('woff')}}"
)


def used(html: Path) -> set[str]:
    """Names of classes (`fa-...`) that pages and scripts have, and codes of glyphs (hexadecimal)
    in the theme's style sheets."""
    found: set[str] = set()
    for path in [*html.rglob("*.html"), *(html / "_static" / "scripts").glob("*.js")]:
        found |= set(NAMED.findall(path.read_text(encoding="utf-8")))
    for path in html.joinpath("_static").rglob("*.css"):
        if FOLDER not in path.as_posix():
            letters = DRAWN.findall(path.read_text(encoding="utf-8"))
            found |= {f"{ord(letter):x}" for letter in letters}
    return found


def cut(html: Path) -> None:
    """Replace style sheet and fonts by those of the icons in use, and delete the script that would
    draw them once more."""
    for folder in (html / FOLDER).glob("[0-9]*"):
        wanted, rules, codes = used(html), [BASE], set()
        source = (folder / "css" / "all.min.css").read_text(encoding="utf-8")
        for names, code in GLYPH.findall(source):
            mine = [name for name in names.split(",") if name[1:].split(":")[0] in wanted]
            if mine or code in wanted:
                codes.add(int(code, 16))
            if mine:
                rules.append(f"{','.join(mine)}{{content:'\\{code}'}}")
        codes |= {int(name, 16) for name in wanted if not name.startswith("fa-")}
        rules += [
            _subset(folder / "webfonts", style, name, codes) for style, name in STYLES.items()
        ]
        (folder / "css" / "all.min.css").write_text("\n".join(rules) + "\n", encoding="utf-8")
        for old in [
            *folder.joinpath("webfonts").glob("*.ttf"),
            *folder.joinpath("webfonts").glob("*2"),
        ]:
            old.unlink()
        shutil.rmtree(folder / "js", ignore_errors=True)


def _subset(folder, style, name, codes):
    """Write the font with these glyphs as a woff; its rule for the style sheet, "" where it has
    none of them."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    logging.getLogger("fontTools").setLevel(logging.WARNING)
    font = TTFont(folder / f"{name}.ttf")
    if not codes & set(font.getBestCmap()):
        return ""
    worker = subset.Subsetter()
    worker.populate(unicodes=codes)
    worker.subset(font)
    font.flavor = "woff"
    font.save(folder / f"{name}.woff")
    return FACE.format(style=style, weight=900 if style == "Free" else 400, name=name)


def write(app: Any, exception: Exception | None) -> None:
    """A handler of build-finished, after everything is written."""
    if exception is None and app.builder.format == "html":
        cut(Path(app.outdir))


def setup(app: Any) -> None:
    app.connect("build-finished", write, priority=900)

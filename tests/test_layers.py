"""The floor plan holds: imports point downwards or sideways, never in a circle, and theory starts
without torch."""

import ast
import json
import subprocess
import sys
from graphlib import TopologicalSorter

LEVELS = {
    0: "errors checks metrics memory files machine workers losses data augment nn"
    " evaluate theory papers links order parallel datasets",
    1: "declarations methods recipes model claims records",
    2: "measure verdicts",
    3: "train report plots watch",
    4: "runs",
    5: "pages trace bench notebooks book shell cli __main__ site",
}
LEVEL = {name: level for level, names in LEVELS.items() for name in names.split()}
WITHOUT_TORCH = (
    "errors checks metrics files workers theory records claims verdicts report plots recipes papers"
    " runs.experiments runs.plans runs.chapter datasets pages links notebooks book shell cli"
).split()
# what a part reads or makes without torch, besides being imported
AND_DOES = {
    "theory": "from ncssl.theory import THEORIES, theory; [theory(key) for key in THEORIES]",
    "notebooks": """
from ncssl import notebooks
try:
    notebooks.execute(["nosuch"])
except ValueError:
    pass
""",
    "papers": "from ncssl.claims.papers import paper; paper('tian2021')",
    "recipes": "import ncssl; ncssl.recipe, ncssl.paper, ncssl.theory",
    "runs.experiments": "from ncssl.runs import experiments; experiments.found('cho2022')",
    "runs.chapter": "from ncssl.runs.chapter import open_chapter; open_chapter('tian2021', None)",
    "cli": """
from click.testing import CliRunner
from ncssl.cli import main
for asked in (["methods"], ["claims"]):
    assert CliRunner().invoke(main, asked).exit_code == 0, asked
""",
}
SLOW = {"torchvision", "sklearn", "scipy.signal"}  # to import: a second and more


def modules(root):
    """Module name -> its file, for all of the package."""
    files = sorted((root / "ncssl").rglob("*.py"))
    return {
        ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): file
        for file in files
    }


def imports(name, file, known):
    """Modules of the package that a file imports, inside functions too."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            above = (
                ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
                if node.level
                else ""
            )
            base = ".".join(filter(None, (above, node.module)))
            for alias in node.names:
                target = f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base
                if target in known and target != "ncssl":
                    yield target


def level(name):
    """Level of a module by its first part below the package; the package itself may import
    anything."""
    return LEVEL[name.split(".")[1]] if "." in name else max(LEVELS)


def test_every_module_has_a_level(root):
    assert {name.split(".")[1] for name in modules(root) if "." in name} <= set(LEVEL)


def test_imports_point_downwards(root):
    known = modules(root)
    wrong = [
        f"{name} (level {level(name)}) imports {target} (level {level(target)})"
        for name, file in known.items()
        for target in imports(name, file, known)
        if level(target) > level(name)
    ]
    assert wrong == []


def test_imports_make_no_circle(root):
    known = modules(root)
    TopologicalSorter(
        {name: set(imports(name, file, known)) - {name} for name, file in known.items()}
    ).prepare()


def test_rooms_make_no_circle(root):
    known = modules(root)
    rooms = {}
    for name, file in known.items():
        if "." in name:
            room, *_ = name.split(".")[1:]
            found = imports(name, file, known)
            reached = {target.split(".")[1] for target in found if "." in target}
            rooms.setdefault(room, set()).update(reached - {room})
    TopologicalSorter(rooms).prepare()


TRIED = """
import importlib, json, sys
for part, names, code in json.loads(sys.argv[1]):
    for name in names:
        importlib.import_module(name)
    exec(code)
    if "torch" in sys.modules:
        sys.exit(f"{part} imports torch")
"""


def test_imports_without_torch(root):
    """One part after another in one process: the first that brings torch is named."""
    known, parts = list(modules(root)), []
    for part in WITHOUT_TORCH:
        names = [name for name in known if f"{name}.".startswith(f"ncssl.{part}.")]
        assert names, part
        parts.append((part, names, AND_DOES.get(part, "")))
    command = [sys.executable, "-c", TRIED, json.dumps(parts)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr[-2000:]


def at_once(body):
    """Modules that are imported when a file is, as their names and those of what is taken of
    them."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.If | ast.Try):
            yield from at_once(node.body)


def test_what_is_slow_to_import_is_imported_where_it_is_used(root):
    """But by the benchmark, whose subject it is."""
    found = [
        f"{name} imports {slow}"
        for name, file in modules(root).items()
        if not name.startswith("ncssl.bench.")
        for slow in SLOW & set(at_once(ast.parse(file.read_text()).body))
    ]
    assert found == []


def test_files_have_at_most_300_lines_of_at_most_100_columns(root):
    files = [f for room in ("ncssl", "tests") for f in (root / room).rglob("*.py")]
    text = {str(f.relative_to(root)): f.read_text(encoding="utf-8") for f in files}
    assert [name for name, said in text.items() if said.count("\n") > 300] == []
    wide = [name for name, said in text.items() if max(map(len, said.split("\n"))) > 100]
    assert wide == []


UNTYPED = ("theory", "cli", "shell")  # letters of the papers; arguments that click has typed


def public(node):
    """Public functions and methods of a module or class, as nodes."""
    for child in node.body:
        if isinstance(child, ast.FunctionDef | ast.ClassDef) and not child.name.startswith("_"):
            yield from public(child) if isinstance(child, ast.ClassDef) else (child,)


def test_public_functions_have_types(root):
    untyped = []
    for name, file in modules(root).items():
        if not name.startswith(tuple(f"ncssl.{room}" for room in UNTYPED)):
            for function in public(ast.parse(file.read_text())):
                args = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
                missing = [a.arg for a in args if not a.annotation and a.arg not in ("self", "cls")]
                if missing or not function.returns:
                    untyped.append(f"{name}.{function.name}: {missing or 'return'}")
    assert untyped == []

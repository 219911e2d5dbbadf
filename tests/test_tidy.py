"""What keeps the layers apart and the code readable; each rule names the file and the line that breaks it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 80

CORE_MAY = {"msgspec", "orjson", "phonenumbers", "email_validator", "schemas", "streams.core"}
"""Libraries that compute; each is pure for what the core asks of it."""
CORE_MUST_NOT = {"asyncio", "os", "time", "random", "secrets", "uuid", "logging", "socket", "subprocess", "threading", "io"}
"""Standard library that reads a clock, chance, the environment or the world."""
CLOCK_READERS = {"now", "utcnow", "today", "fromtimestamp", "time_ns", "monotonic"}
SCHEMAS_MAY = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions", "schemas"}
CORE_MAY_IN = {"pydantic": "decode", "pydantic_core": "decode"}
SCHEMAS_MAY_IN = {"yaml": "described"}
"""Library -> part of the path of the modules that may import it: the contract's errors, the mapping files."""


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of everything that a module imports, at its top or in a function."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            if module in {"streams", "schemas"}:
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, module


def among(name: str, allowed: set[str]) -> bool:
    return any(name == entry or name.startswith(entry + ".") for entry in allowed)


def where(path: Path, line: int, what: str) -> str:
    return f"{path.relative_to(ROOT)}:{line} {what}"


def test_the_core_imports_only_what_computes() -> None:
    wrong = []
    for path in modules("streams/core"):
        for line, name in imports(path):
            library = name.partition(".")[0]
            if library in CORE_MAY_IN and CORE_MAY_IN[library] in path.stem:
                continue
            standard = library in sys.stdlib_module_names
            if among(name, CORE_MUST_NOT) or not (standard or among(name, CORE_MAY)):
                wrong.append(where(path, line, f"imports {name}"))
    assert wrong == []


def test_the_core_reads_no_clock() -> None:
    wrong = [
        where(path, node.lineno, f"calls {node.func.attr}")
        for path in modules("streams/core")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_READERS
        # fromtimestamp(ms, tz) only converts; without a zone it asks the machine for one.
        if not (node.func.attr == "fromtimestamp" and len(node.args) + len(node.keywords) == 2)
    ]
    assert wrong == []


def test_schemas_import_only_pydantic() -> None:
    wrong = []
    for path in modules("schemas"):
        for line, name in imports(path):
            library = name.partition(".")[0]
            named = SCHEMAS_MAY_IN.get(library)
            if named is not None and named in str(path.relative_to(ROOT)):
                continue
            if library not in sys.stdlib_module_names and not among(name, SCHEMAS_MAY):
                wrong.append(where(path, line, f"imports {name}"))
    assert wrong == []


@pytest.mark.parametrize("layer", ["schemas", "streams/core", "streams/store", "streams/export", "streams/worker"])
def test_no_layer_reaches_up_to_the_command_line(layer: str) -> None:
    above = {"streams.cli", "tests"}
    wrong = [
        where(path, line, f"imports {name}") for path in modules(layer) for line, name in imports(path) if among(name, above)
    ]
    assert wrong == []


def test_modules_and_functions_stay_short() -> None:
    wrong = []
    for path in modules("schemas", "streams", "tests"):
        text = path.read_text("utf-8")
        if (length := text.count("\n")) > MAX_MODULE_LINES:
            wrong.append(where(path, 1, f"has {length} lines"))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    wrong.append(where(path, node.lineno, f"{node.name} has {length} lines"))
    assert wrong == []


def test_nothing_names_a_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("no git checkout, so there is no list of tracked files")
    # Put together here, so that this file does not name one.
    folders = "work/|farm/|root/|home/[a-z]|Users/[a-z]|tmp/[a-z]"
    paths = re.compile(rf"(?<![\w.]){'/'}(?:{folders})")
    wrong = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if not path.is_file():
            continue
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), 1):
            if found := paths.search(line):
                wrong.append(where(path, number, f"names {found.group()}"))
    assert wrong == []

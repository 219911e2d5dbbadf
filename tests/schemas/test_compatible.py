"""The contract takes what it took when it was last released."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from schemas import compatible
from schemas.compatible import RELEASED, breaks, contract, main, narrower
from schemas.generate import schema_of
from schemas.touchpoints import MODELS

TEXT: dict[str, Any] = {"type": "string"}
WHOLE: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": 10}


def absent_or(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def thing(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def test_the_contract_takes_what_was_released() -> None:
    assert list(breaks(json.loads(RELEASED.read_text("utf-8")), contract())) == []
    assert main([]) == 0


def test_every_type_has_its_shape() -> None:
    present = contract()
    assert list(present["types"]) == list(MODELS)
    shape = present["shapes"][present["types"]["survey.answered"]]
    assert shape["properties"]["data"]["properties"]["score"] == absent_or({"type": "integer", "minimum": -1000, "maximum": 1000})
    assert "type" in schema_of("survey.answered")["properties"]
    assert "type" not in shape["properties"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (thing(a=TEXT), thing(), "a: is gone"),
        (thing(a=TEXT), thing(("a",), a=TEXT), "a: is required now"),
        (thing(), thing(("a",), a=TEXT), "a: is required now"),
        (thing(a=absent_or(TEXT)), thing(a=TEXT), "a: no longer takes null"),
        (thing(a={"type": ["string", "integer"]}), thing(a=TEXT), "a: no longer takes integer"),
        (thing(a=TEXT), thing(a={"enum": ["x"], "type": "string"}), "a: takes only x"),
        (thing(a={"enum": ["x", "y"]}), thing(a={"enum": ["x"]}), "a: takes only x"),
        (thing(a=WHOLE), thing(a={**WHOLE, "maximum": 9}), "a: maximum is 9 now"),
        (thing(a=WHOLE), thing(a={**WHOLE, "minimum": 1}), "a: minimum is 1 now"),
        (thing(a=TEXT), thing(a={**TEXT, "maxLength": 5}), "a: maxLength is 5 now"),
        (thing(a={**TEXT, "maxLength": 5}), thing(a={**TEXT, "maxLength": 4}), "a: maxLength is 4 now"),
        (thing(a=TEXT), thing(a={**TEXT, "pattern": "^x"}), "a: pattern is '^x' now"),
        (thing(a=TEXT), thing(a={**TEXT, "format": "date"}), "a: format is 'date' now"),
        (thing(a={"type": "array", "items": WHOLE}), thing(a={"type": "array", "items": TEXT}), "a[]: no longer takes integer"),
        (thing(a={"type": "array"}), thing(a={"type": "array", "maxItems": 3}), "a: maxItems is 3 now"),
        (thing(a=thing(b=TEXT)), thing(a=thing(("b",), b=TEXT)), "a.b: is required now"),
        (thing(a=TEXT), {**thing(a=TEXT), "additionalProperties": False}, "the document: takes no further fields"),
        (
            thing(a={"anyOf": [{**TEXT, "format": "date"}, WHOLE]}),
            thing(a={"anyOf": [{**TEXT, "format": "time"}, WHOLE]}),
            'a: no longer takes {"type": "string", "format": "date"}',
        ),
    ],
)
def test_what_is_narrower(old: dict[str, Any], new: dict[str, Any], told: str) -> None:
    assert list(narrower(old, new)) == [told]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (thing(a=TEXT), thing(a=TEXT, b=TEXT)),
        (thing(("a",), a=TEXT), thing(a=TEXT)),
        (thing(a=TEXT), thing(a=absent_or(TEXT))),
        (thing(a=TEXT), thing(a={"type": ["string", "integer"]})),
        (thing(a={"type": "integer"}), thing(a={"type": "number"})),
        (thing(a={"enum": ["x"]}), thing(a={"enum": ["x", "y"]})),
        (thing(a={"enum": ["x"], "type": "string"}), thing(a=TEXT)),
        (thing(a=WHOLE), thing(a={**WHOLE, "maximum": 11, "minimum": -1})),
        (thing(a={**TEXT, "maxLength": 4}), thing(a=TEXT)),
        (thing(a={**TEXT, "format": "date"}), thing(a=TEXT)),
        (thing(a=absent_or(WHOLE)), thing(a={"anyOf": [TEXT, WHOLE, {"type": "null"}]})),
    ],
)
def test_what_is_not(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert list(narrower(old, new)) == []


def narrowed(name: str) -> dict[str, Any]:
    """The contract with a type whose market is required."""
    changed = copy.deepcopy(contract())
    shape = copy.deepcopy(changed["shapes"][changed["types"][name]])
    shape["properties"]["data"]["required"].append("market")
    changed["types"][name] = len(changed["shapes"])
    changed["shapes"].append(shape)
    return changed


def test_a_type_that_is_gone() -> None:
    changed = contract()
    del changed["types"]["page.viewed"]
    assert list(breaks(contract(), changed)) == ["page.viewed: is gone"]


def test_an_upcaster_and_a_new_version_of_the_contract_make_a_change_good() -> None:
    changed = narrowed("order.placed")
    told = ["order.placed: data.market: is required now"]
    steps = {("order.placed", 1): lambda document: document}
    assert list(breaks(contract(), changed)) == told
    assert list(breaks(contract(), changed, steps)) == told  # it is not the type's new version yet
    changed["present"]["order.placed"] = 2
    assert list(breaks(contract(), changed)) == told  # nothing makes the old one into it
    [only_the_version] = breaks(contract(), changed, steps)
    assert only_the_version == "order.placed: has an upcaster, so the contract's version should begin with 2"
    changed["version"] = "2.0.0"
    assert list(breaks(contract(), changed, steps)) == []


def test_releasing_refuses_what_the_check_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    released = tmp_path / "released.json"
    assert main(["--release"], released) == 0
    before = released.read_text("utf-8")
    assert json.loads(before) == contract()
    changed = narrowed("order.placed")
    monkeypatch.setattr(compatible, "contract", lambda: changed)
    assert main(["--release"], released) == 1
    assert released.read_text("utf-8") == before
    assert capsys.readouterr().err.splitlines() == [
        "contract: order.placed: data.market: is required now",
        "contract: take it back, or give the type a new version and an upcaster (schemas/upcast.py)",
    ]

"""The format `aftership`: AfterShip's tracking webhooks, and trackings alone."""

from __future__ import annotations

from typing import Any

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touches, by, first, items, part, text
from schemas.formats.producers._tracking import CARRIER, tracked
from schemas.identifiers import Document

_TYPES = {
    "InTransit": "shipment.dispatched",
    "OutForDelivery": "shipment.dispatched",
    "Delivered": "delivery.delivered",
    "AttemptFail": "delivery.attempted",
}
_RETURNED = ("Exception_011", "Exception_012")
"""Subtags: on its way back to the sender, and back there."""


def _event(payload: Document) -> object:
    if "msg" in payload:
        return payload.get("event")
    return "tracking_update" if "tracking_number" in payload and "tag" in payload else None


def _type(checkpoint: Document) -> str | None:
    if checkpoint.get("subtag") in _RETURNED:
        return "delivery.returned"
    return _TYPES.get(text(checkpoint.get("tag")))


def _one(listed: Any) -> Any:
    return listed[0] if isinstance(listed, list) and len(listed) == 1 else None


def _tracking(payload: Document, _headers: Headers) -> Touches:
    tracking = part(payload, "msg") if "msg" in payload else payload
    known = text(tracking.get("id"))
    history = items(tracking, "checkpoints")
    checkpoints = [(_type(one), one.get("checkpoint_time")) for one in history]
    identifiers = {
        "tracking_number": first(tracking, "tracking_number"),
        "order_id": first(tracking, "order_id"),
        "email": _one(tracking.get("emails")),
        "phone": _one(tracking.get("smses")),
    }
    return tracked(known, checkpoints, identifiers, {}) if known else []


_ROW = Row(
    "its checkpoints: the first InTransit, the first Delivered, each AttemptFail and return",
    ("shipment.dispatched", "delivery.delivered", "delivery.attempted", "delivery.returned"),
    _tracking,
)

PRODUCER = Producer(
    name="aftership",
    title="AfterShip tracking webhooks",
    documents=("https://www.aftership.com/docs/tracking/webhook/webhook-overview",),
    feeds="the bodies of its webhooks in a topic as they are, put there by `journey collect` or what else receives them",
    event=by(_event),
    rows={"tracking_update": _ROW, "edd_revise": Row("a new estimate of the carrier's, which is no promise")},
    event_id="the tracking's id and the fact: every update gives the same ones",
    time="checkpoint_time (without a zone: UTC)",
    identifiers={
        "tracking_number": "tracking_number",
        "order_id": "order_id, where the shop gave one",
        "email": "emails, where there is exactly one",
        "phone": "smses, where there is exactly one",
    },
    notes=(CARRIER,),
)

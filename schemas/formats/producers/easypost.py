"""The format `easypost`: EasyPost's tracker events, and trackers alone."""

from __future__ import annotations

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touches, by, first, items, part, text
from schemas.formats.producers._tracking import CARRIER, tracked
from schemas.identifiers import Document

_TYPES = {
    "in_transit": "shipment.dispatched",
    "out_for_delivery": "shipment.dispatched",
    "delivered": "delivery.delivered",
    "failure": "delivery.attempted",
    "return_to_sender": "delivery.returned",
}


def _event(payload: Document) -> object:
    if payload.get("object") == "Tracker":
        return "tracker.updated"
    return payload.get("description") if payload.get("object") == "Event" else None


def _tracker(payload: Document, _headers: Headers) -> Touches:
    tracker = part(payload, "result") if payload.get("object") == "Event" else payload
    known = text(tracker.get("id"))
    checkpoints = [(_TYPES.get(text(one.get("status"))), one.get("datetime")) for one in items(tracker, "tracking_details")]
    identifiers = {"tracking_number": first(tracker, "tracking_code"), "shipment_id": first(tracker, "shipment_id")}
    return (
        tracked(known, checkpoints, identifiers, {"traffic": "test" if tracker.get("mode") == "test" else None}) if known else []
    )


_ROW = Row(
    "its history: the first in_transit, the first delivered, each failure and return",
    ("shipment.dispatched", "delivery.delivered", "delivery.attempted", "delivery.returned"),
    _tracker,
)

PRODUCER = Producer(
    name="easypost",
    title="EasyPost trackers",
    documents=("https://docs.easypost.com/docs/trackers", "https://docs.easypost.com/docs/events"),
    feeds="events or trackers in a topic as they are, put there by what receives its webhooks",
    event=by(_event),
    rows={
        "tracker.created": _ROW,
        "tracker.updated": _ROW,
        "batch.created": Row("labels, of which no customer knows"),
        "batch.updated": Row("labels, of which no customer knows"),
        "scan_form.created": Row("labels, of which no customer knows"),
        "payment.created": Row("between the shop and EasyPost"),
        "refund.successful": Row("of a label, between the shop and EasyPost"),
    },
    event_id="the tracker's id and the fact, such as trk_1:delivered: every update gives the same ones",
    time="datetime of tracking_details",
    identifiers={"tracking_number": "tracking_code", "shipment_id": "shipment_id"},
    notes=("The order is found by the tracking number, which the shop's shipment names too.", CARRIER),
)

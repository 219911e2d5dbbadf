"""The format `ga4`: rows of Google Analytics 4's export to BigQuery, as JSON."""

from __future__ import annotations

from functools import partial
from typing import Any

from schemas.formats.payload import Headers
from schemas.formats.producer import Producer, Row, Touch, Touches, by, first, items, part, text
from schemas.formats.segment import MEDIUMS
from schemas.formats.times import moment
from schemas.identifiers import Document

_VALUES = ("string_value", "int_value", "double_value", "float_value")
_DEVICES = {"desktop": "desktop", "mobile": "mobile", "tablet": "tablet"}
_PLATFORMS = {"WEB": "web", "ANDROID": "app", "IOS": "app"}


def _parameters(row: Document) -> dict[str, Any]:
    return {text(one.get("key")): first(part(one, "value"), *_VALUES) for one in items(row, "event_params")}


def _id(row: Document, session: Any) -> str | None:
    """What tells a row apart: an export has no event id. The last three number the events of one upload."""
    parts = [text(row.get(name)) for name in ("user_pseudo_id", "event_timestamp", "event_name", "stream_id")]
    parts += [text(row.get(name)) for name in ("event_bundle_sequence_id", "batch_ordering_id", "batch_event_index")]
    return " ".join([*parts, text(session)]).strip() if parts[1] else None


def _touch(
    kind: str, row: Document, parameters: dict[str, Any], references: dict[str, Any] | None = None, **data: Any
) -> list[Touch]:
    session, pseudo = parameters.get("ga_session_id"), text(row.get("user_pseudo_id"))
    identifiers = {
        "user_id": first(row, "user_id"),
        "anonymous_id": pseudo,
        # The session's number alone is a time, which other people's sessions have too.
        "visit_id": f"{pseudo}.{text(session)}" if pseudo and text(session) else None,
        **(references or {}),
    }
    medium = text(first(row, "collected_traffic_source.manual_medium", "traffic_source.medium")).lower()
    shared = {
        "channel": _PLATFORMS.get(text(row.get("platform")), "web"),
        "device": _DEVICES.get(text(first(row, "device.category")).lower()),
        "acquisition": MEDIUMS.get(medium, medium if medium != "(none)" else "direct"),
    }
    return [Touch(kind, _id(row, session), moment(row.get("event_timestamp")), identifiers, {**shared, **data})]


def _simple(
    kind: str, fields: dict[str, tuple[str, ...]], constants: dict[str, str], row: Document, _headers: Headers
) -> Touches:
    parameters = _parameters(row)
    data = {field: next((parameters[name] for name in names if parameters.get(name)), None) for field, names in fields.items()}
    return _touch(kind, row, parameters, None, **constants, **data)


def _ordered(kind: str, amount: str, row: Document, _headers: Headers) -> Touches:
    parameters = _parameters(row)
    order = first(row, "ecommerce.transaction_id") or parameters.get("transaction_id")
    order = order if order != "(not set)" else None
    value = parameters.get("value") if parameters.get("value") is not None else first(row, f"ecommerce.{amount}")
    return _touch(kind, row, parameters, {"order_id": order}, value=value, currency=text(parameters.get("currency")))


def _row(says: str, kind: str, constants: dict[str, str] | None = None, **fields: tuple[str, ...]) -> Row:
    return Row(says, (kind,), partial(_simple, kind, fields, constants or {}))


_CLICK = ("link_id", "link_url", "item_list_name", "promotion_name", "form_id", "file_name", "method")

PRODUCER = Producer(
    name="ga4",
    title="Google Analytics 4, BigQuery export",
    documents=(
        "https://support.google.com/analytics/answer/7029846",
        "https://developers.google.com/analytics/devguides/collection/ga4/reference/events",
    ),
    feeds="rows of events_YYYYMMDD (or events_intraday_) as JSON Lines: `journey produce`, a batch topic, or a connector",
    event=by(lambda row: row.get("event_name")),
    rows={
        "page_view": _row("a page came into view", "page.viewed", page=("page_location", "page_title")),
        "screen_view": _row(
            "a screen of the app came into view", "page.viewed", page=("firebase_screen", "firebase_screen_class")
        ),
        "user_engagement": Row("a part of the time on a page, which is taken to the next view"),
        "session_start": Row("visits are found by the 30-minute rule"),
        "first_visit": Row("visits are found by the 30-minute rule"),
        "first_open": Row("visits are found by the 30-minute rule"),
        "scroll": Row("reading, which is no step of anything"),
        "view_item": Row("its page was viewed, which page_view says"),
        "view_item_list": Row("its page was viewed, which page_view says"),
        "view_cart": Row("its page was viewed, which page_view says"),
        "view_promotion": Row("nothing was done"),
        "click": _row("a link was followed", "element.clicked", element=_CLICK),
        "select_item": _row("a product was chosen from a list", "element.clicked", element=_CLICK),
        "select_promotion": _row("a promotion was followed", "element.clicked", element=_CLICK),
        "form_submit": _row("a form was sent", "element.clicked", element=_CLICK),
        "file_download": _row("a file was loaded", "element.clicked", element=_CLICK),
        "share": _row("shared", "element.clicked", element=_CLICK),
        "search": _row("searched; results are not said", "search.performed"),
        "view_search_results": _row("searched; results are not said", "search.performed"),
        "add_to_cart": _row("put into the cart", "cart.item_added"),
        "remove_from_cart": _row("taken out of the cart", "cart.item_removed"),
        "begin_checkout": _row("the checkout began", "checkout.started"),
        "add_shipping_info": _row("a step of the checkout", "task.step_reached", {"task": "checkout", "step": "shipping"}),
        "add_payment_info": _row("a step of the checkout", "task.step_reached", {"task": "checkout", "step": "payment"}),
        "purchase": Row("an order", ("order.placed",), partial(_ordered, "order.placed", "purchase_revenue")),
        "refund": Row("money went back", ("order.refunded",), partial(_ordered, "order.refunded", "refund_value")),
        "sign_up": _row("somebody registered", "account.created"),
        "login": Row("user_id says who somebody is"),
        "exception": _row("the site or app failed", "error.shown", {"kind": "system"}, code=("description",)),
        "app_exception": _row("the app failed", "error.shown", {"kind": "system"}, code=("description",)),
        "app_remove": Row("no counterpart in the contract"),
    },
    event_id="user_pseudo_id, event_timestamp, event_name, stream, session and the numbers of the upload: an export has none",
    time="event_timestamp (microseconds)",
    identifiers={
        "user_id": "user_id",
        "anonymous_id": "user_pseudo_id",
        "visit_id": "user_pseudo_id and the parameter ga_session_id",
        "order_id": "ecommerce.transaction_id or the parameter transaction_id",
    },
    notes=(
        "A visit's events come a day later: the daily export is history (`--backfill`), the intraday tables are nearly live.",
        "Purchases that the shop's back end sends under the same order id are the same order.",
    ),
)

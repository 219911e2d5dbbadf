"""The format `snowplow`: enriched events, as lines of tab-separated fields or as the JSON that the analytics SDKs make of them.

A line is first made what the SDKs make: fields by name, and self-describing events and entities under the names of their schemas.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from schemas.formats.bodies import bodies
from schemas.formats.payload import Headers, parse_json
from schemas.formats.producer import Producer, Row, Touch, Touches, first, items, part, text
from schemas.formats.segment import MEDIUMS
from schemas.formats.times import moment
from schemas.identifiers import Document
from schemas.rejections import Reason, Refusal

_NAMES = """
    app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id name_tracker v_tracker v_collector v_etl
    user_id user_ipaddress user_fingerprint domain_userid domain_sessionidx network_userid geo_country geo_region geo_city geo_zipcode
    geo_latitude geo_longitude geo_region_name ip_isp ip_organization ip_domain ip_netspeed page_url page_title page_referrer
    page_urlscheme page_urlhost page_urlport page_urlpath page_urlquery page_urlfragment refr_urlscheme refr_urlhost refr_urlport
    refr_urlpath refr_urlquery refr_urlfragment refr_medium refr_source refr_term mkt_medium mkt_source mkt_term mkt_content
    mkt_campaign contexts se_category se_action se_label se_property se_value unstruct_event tr_orderid tr_affiliation tr_total
    tr_tax tr_shipping tr_city tr_state tr_country ti_orderid ti_sku ti_name ti_category ti_price ti_quantity pp_xoffset_min
    pp_xoffset_max pp_yoffset_min pp_yoffset_max useragent br_name br_family br_version br_type br_renderengine br_lang
    br_features_pdf br_features_flash br_features_java br_features_director br_features_quicktime br_features_realplayer
    br_features_windowsmedia br_features_gears br_features_silverlight br_cookies br_colordepth br_viewwidth br_viewheight os_name
    os_family os_manufacturer os_timezone dvce_type dvce_ismobile dvce_screenwidth dvce_screenheight doc_charset doc_width
    doc_height tr_currency tr_total_base tr_tax_base tr_shipping_base ti_currency ti_price_base base_currency geo_timezone
    mkt_clickid mkt_network etl_tags dvce_sent_tstamp refr_domain_userid refr_dvce_tstamp derived_contexts domain_sessionid
    derived_tstamp event_vendor event_name event_format event_version event_fingerprint true_tstamp
"""
FIELDS = tuple(_NAMES.split())
"""Of an enriched event, in their order. Source: Snowplow's canonical event model."""

SELF_DESCRIBING = ("contexts", "derived_contexts", "unstruct_event")
CORE = "com_snowplowanalytics_snowplow"
SHOP = f"{CORE}_ecommerce"

_IGLU = re.compile(r"iglu:([^/]{1,200})/([^/]{1,200})/jsonschema/(\d{1,4})-")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_REFERRERS = {"search": "organic", "social": "social", "email": "email", "unknown": "referral", "paid": "paid"}
_DEVICES = {"computer": "desktop", "desktop": "desktop", "mobile": "mobile", "phone": "mobile", "tablet": "tablet"}


def _split(value: bytes, headers: Headers) -> list[Any] | Refusal:
    if value.lstrip()[:1] in (b"{", b"["):
        return bodies(value, headers)
    try:
        fields = value.decode().rstrip("\r\n").split("\t")
    except UnicodeDecodeError:
        return Refusal(Reason.UNSUPPORTED_CONTENT, "should be UTF-8")
    if len(fields) != len(FIELDS):
        return Refusal(Reason.UNSUPPORTED_CONTENT, f"should be JSON or {len(FIELDS)} tab-separated fields; has {len(fields)}")
    event: Document = {name: field for name, field in zip(FIELDS, fields, strict=True) if field}
    for name in SELF_DESCRIBING:
        if name in event:
            described = parse_json(event.pop(name).encode())
            if isinstance(described, Refusal):
                return Refusal(described.reason, f"{name}: {described.detail}")
            event |= _named(name, described)
    return [event]


def _named(field: str, described: Any) -> Document:
    """Self-describing JSON under the names of its schemas: an entity may come several times, an event is one."""
    inner = described.get("data") if isinstance(described, dict) else None
    named: Document = {}
    for one in inner if isinstance(inner, list) else [inner]:
        if not isinstance(one, dict) or (found := _IGLU.match(text(one.get("schema")))) is None:
            continue
        vendor, name, model = found.groups()
        name = f"{vendor.replace('.', '_')}_{_HUMP.sub('_', name).replace('-', '_')}_{model}".lower()
        if field == "unstruct_event":
            named[f"unstruct_event_{name}"] = one.get("data")
        else:
            named.setdefault(f"contexts_{name}", []).append(one.get("data"))
    return named


def _entity(event: Document, name: str) -> Document:
    """The first entity of that name, of any model."""
    found = next((items(event, f"contexts_{name}_{model}") for model in (1, 2) if f"contexts_{name}_{model}" in event), [])
    return found[0] if found else {}


def _described(event: Document, name: str) -> Document:
    return part(event, f"unstruct_event_{name}_1") or part(event, f"unstruct_event_{name}_2")


def _event(payload: Document, _headers: Headers) -> object:
    name = text(payload.get("event_name")) or text(payload.get("event"))
    if name == "snowplow_ecommerce_action":
        return f"ecommerce {text(_described(payload, f'{SHOP}_snowplow_ecommerce_action').get('type'))}"
    return {"event": "struct", "pv": "page_view", "pp": "page_ping", "se": "struct"}.get(name, name)


def _touch(called: str, event: Document, *, references: dict[str, Any] | None = None, **data: Any) -> list[Touch]:
    session = _entity(event, f"{CORE}_client_session")
    identifiers = {
        "user_id": first(event, "user_id"),
        "anonymous_id": first(event, "domain_userid", "network_userid"),
        "device_id": first(session, "userId"),
        "visit_id": first(event, "domain_sessionid") or first(session, "sessionId"),
        **(references or {}),
    }
    agent = _entity(event, "nl_basjes_yauaa_context")
    device = text(first(event, "dvce_type") or first(agent, "deviceClass")).lower()
    robot = _entity(event, "com_iab_snowplow_spiders_and_robots").get("spiderOrRobot") is True or device.startswith("robot")
    medium = text(first(event, "mkt_medium")).lower()
    shared = {
        "channel": _channel(event),
        "device": _DEVICES.get(device, "other") if device else None,
        "acquisition": MEDIUMS.get(medium, medium) or _REFERRERS.get(text(first(event, "refr_medium")).lower()),
        "market": text(first(event, "geo_country")).lower(),
        "traffic": "bot" if robot else None,
    }
    at = moment(first(event, "true_tstamp", "derived_tstamp", "collector_tstamp"))
    return [Touch(called, event.get("event_id"), at, identifiers, {**shared, **data})]


def _channel(event: Document) -> str:
    platform = text(first(event, "platform"))
    if platform in ("mob", "app"):
        return "app"
    return "web" if platform == "web" or first(event, "page_url") else "system"


def _viewed(event: Document, _headers: Headers) -> Touches:
    page = first(event, "page_urlpath", "page_url", "page_title")
    return _touch("page.viewed", event, page=page)


def _screen(event: Document, _headers: Headers) -> Touches:
    screen = _described(event, "com_snowplowanalytics_mobile_screen_view") or _described(event, f"{CORE}_screen_view")
    return _touch("page.viewed", event, page=first(screen, "name", "id"), channel="app")


def _clicked(name: str, fields: tuple[str, ...], event: Document, _headers: Headers) -> Touches:
    return _touch("element.clicked", event, element=first(_described(event, f"{CORE}_{name}"), *fields))


def _form(event: Document, _headers: Headers) -> Touches:
    form = _described(event, f"{CORE}_submit_form")
    return _touch("element.clicked", event, element=first(form, "formId"))


def _searched(event: Document, _headers: Headers) -> Touches:
    return _touch("search.performed", event, results=first(_described(event, f"{CORE}_site_search"), "totalResults"))


def _failed(event: Document, _headers: Headers) -> Touches:
    error = _described(event, f"{CORE}_application_error")
    return _touch("error.shown", event, code=first(error, "exceptionName", "className"), kind="system")


def _shop(kind: str, event: Document, _headers: Headers) -> Touches:
    cart = first(_entity(event, f"{SHOP}_cart"), "cart_id")
    return _touch(kind, event, references={"cart_token": cart})


def _step(event: Document, _headers: Headers) -> Touches:
    step = _entity(event, f"{SHOP}_checkout_step").get("step")
    cart = {"cart_token": first(_entity(event, f"{SHOP}_cart"), "cart_id")}
    if step in (1, "1"):
        return _touch("checkout.started", event, references=cart)
    return _touch("task.step_reached", event, task="checkout", step=text(step))


def _ordered(kind: str, entity: str, amount: str, event: Document, _headers: Headers) -> Touches:
    order = _entity(event, f"{SHOP}_{entity}")
    references = {"order_id": first(order, "transaction_id")}
    return _touch(kind, event, references=references, value=first(order, amount), currency=first(order, "currency"))


def _refused(event: Document, _headers: Headers) -> Touches:
    error = _entity(event, f"{SHOP}_transaction_error")
    return _touch("payment.failed", event, code=first(error, "error_code", "error_shortcode"))


def _transaction(event: Document, _headers: Headers) -> Touches:
    value, currency = first(event, "tr_total"), first(event, "tr_currency")
    return _touch("order.placed", event, references={"order_id": first(event, "tr_orderid")}, value=value, currency=currency)


_LINK, _BUTTON = ("elementId", "targetUrl"), ("id", "name", "label")

PRODUCER = Producer(
    name="snowplow",
    title="Snowplow enriched events",
    documents=(
        "https://docs.snowplow.io/docs/fundamentals/canonical-event/",
        "https://docs.snowplow.io/docs/sources/web-trackers/tracking-events/",
    ),
    feeds="the topic of good enriched events as it is, or the JSON of the analytics SDKs",
    event=_event,
    rows={
        "page_view": Row("a page came into view", ("page.viewed",), _viewed),
        "screen_view": Row("a screen of the app came into view", ("page.viewed",), _screen),
        "page_ping": Row("a heartbeat: time on a page is taken to the next view"),
        "link_click": Row("a link was followed", ("element.clicked",), partial(_clicked, "link_click", _LINK)),
        "button_click": Row("a button was pressed", ("element.clicked",), partial(_clicked, "button_click", _BUTTON)),
        "submit_form": Row("a form was sent", ("element.clicked",), _form),
        "focus_form": Row("a field of a form got the focus"),
        "change_form": Row("a field of a form was changed"),
        "site_search": Row("results is totalResults", ("search.performed",), _searched),
        "application_error": Row("the code of the site or app failed", ("error.shown",), _failed),
        "ecommerce product_view": Row("its page was viewed, which page_view says"),
        "ecommerce list_view": Row("its page was viewed, which page_view says"),
        "ecommerce list_click": Row("a click, which link_click says"),
        "ecommerce promo_view": Row("nothing was done"),
        "ecommerce promo_click": Row("a click, which link_click says"),
        "ecommerce add_to_cart": Row("put into the cart", ("cart.item_added",), partial(_shop, "cart.item_added")),
        "ecommerce remove_from_cart": Row("taken out of the cart", ("cart.item_removed",), partial(_shop, "cart.item_removed")),
        "ecommerce checkout_step": Row(
            "step 1: the checkout began; any other is a step of the task checkout",
            ("checkout.started", "task.step_reached"),
            _step,
        ),
        "ecommerce transaction": Row("an order", ("order.placed",), partial(_ordered, "order.placed", "transaction", "revenue")),
        "ecommerce refund": Row(
            "money went back", ("order.refunded",), partial(_ordered, "order.refunded", "refund", "refund_amount")
        ),
        "ecommerce transaction_error": Row("a payment was refused", ("payment.failed",), _refused),
        "add_to_cart": Row("the older cart event", ("cart.item_added",), partial(_shop, "cart.item_added")),
        "remove_from_cart": Row("the older cart event", ("cart.item_removed",), partial(_shop, "cart.item_removed")),
        "transaction": Row("the older order event", ("order.placed",), _transaction),
        "transaction_item": Row("a line of an order"),
        "struct": Row("means what its sender wants: a mapping says what"),
        "consent_preferences": Row("no counterpart in the contract yet"),
    },
    event_id="event_id",
    time="true_tstamp, else derived_tstamp, else collector_tstamp (UTC)",
    identifiers={
        "user_id": "user_id",
        "anonymous_id": "domain_userid, else network_userid",
        "device_id": "userId of the client_session entity",
        "visit_id": "domain_sessionid, else sessionId of the client_session entity",
        "order_id": "transaction_id of the transaction entity, or tr_orderid",
        "cart_token": "cart_id of the cart entity",
    },
    notes=(
        "Bots: the IAB enrichment's spiderOrRobot, or a YAUAA device class that begins with Robot, make traffic `bot`.",
        "Self-describing events of your own are ignored: send them in the native format, or say by a mapping what they are.",
        "mkt_medium is the acquisition (cpc and its like are paid), else refr_medium.",
    ),
    split=_split,
)

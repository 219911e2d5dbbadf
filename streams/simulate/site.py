"""Visits to the site and app: browsing, logging in, carts, checkouts, errors and orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.simulate.fulfilment import place_order
from streams.simulate.world import ACQUISITIONS, Customer, World, step_ms

BROWSING = ("page.viewed", "page.viewed", "search.performed", "element.clicked", "navigation.used")
PAGES = ("home", "list", "product", "product", "help")

ABANDONED_CHECKOUT = 0.35
BACK_END = 0.3
"""Share of orders that only the shop's back end reports: no person, the cart's token."""


class Visit:
    """One visit as it goes on."""

    def __init__(self, world: World, customer: Customer, at: int) -> None:
        app = world.happens(0.2)
        self.world, self.customer, self.start, self.at = world, customer, at, at
        self.last = at
        self.channel = "app" if app else "web"
        self.cookie = self._cookie(app=app)
        self.identifiers: Mapping[str, str] = self.cookie
        self.about = {
            **customer.about,
            "device": "mobile" if app else world.chance.choice(("desktop", "mobile", "tablet")),
            "acquisition": world.chance.choice(ACQUISITIONS),
        }
        world.truth.visits += 1

    def _cookie(self, *, app: bool) -> dict[str, str]:
        number = 2 if self.world.happens(0.2) else 1
        return {"device_id": f"app-{self.customer.name}"} if app else {"anonymous_id": f"{self.customer.name}-b{number}"}

    def step(self, kind: str, references: Mapping[str, str] | None = None, /, **fields: Any) -> None:
        """One thing that the person does, now; then time passes."""
        identifiers = {**self.identifiers, **references} if references else self.identifiers
        self.world.tell(self.customer, self.at, kind, self.channel, identifiers, self.about, **fields)
        self.last = self.at
        self.at += step_ms(self.world)

    def page(self) -> None:
        """A page view."""
        group = self.world.chance.choice(PAGES)
        self.world.truth.page_views += 1
        self.step("page.viewed", page=f"/{group}", page_group=group)

    def log_in(self) -> None:
        """From here on the company knows who it is; a page is seen on the way."""
        if self.customer.main not in self.identifiers:
            self.identifiers = {**self.cookie, **self.customer.identifiers("email")}
            self.page()

    def browse(self, steps: int) -> None:
        """Looks around."""
        for _ in range(steps):
            match kind := self.world.chance.choice(BROWSING):
                case "page.viewed":
                    self.page()
                case "search.performed":
                    self.step(kind, results=self.world.chance.randrange(40))
                case _:
                    self.step(kind, element="filter", nav_region="menu")

    def end(self) -> None:
        """Writes down how long it was."""
        self.world.truth.visit_duration_ms += self.last - self.start


def visit_site(world: World, customer: Customer, at: int) -> None:
    """A whole visit, and the orders that follow from it."""
    visit = Visit(world, customer, at)
    visit.page()
    if world.happens(0.3):
        world.truth.visits_bounced += 1
    else:
        visit.browse(world.chance.randint(1, 4))
        if world.happens(0.03):
            visit.step("error.shown", code="404", kind="user")
        if world.happens(0.35):
            visit.log_in()
        if world.happens(0.05):
            do_task(visit)
        elif world.happens(0.5):
            fill_cart(visit)
        elif world.happens(0.3):
            visit.step("page.left", page="/product", engaged_ms=world.chance.randrange(60_000))
    visit.end()


def do_task(visit: Visit) -> None:
    """An explicit task, which the policy does not know by name."""
    truth, world = visit.world.truth.tasks["other"], visit.world
    begun = visit.at
    visit.step("task.started", task="change_address")
    truth.attempts += 1
    if world.happens(0.6):
        truth.completed += 1
        truth.time_to_complete_ms += visit.at - begun
        visit.step("task.completed", task="change_address")
    elif world.happens(0.5):
        truth.failed += 1
        visit.step("task.failed", task="change_address", reason="validation")


def fill_cart(visit: Visit) -> None:
    """Puts something into the cart, and perhaps goes on."""
    world, truth = visit.world, visit.world.truth.tasks["cart"]
    cart = {"cart_token": world.name("cart")}
    begun = visit.at
    truth.attempts += 1
    for _ in range(world.chance.choice((1, 1, 2))):
        visit.step("cart.item_added", cart)
    errored = world.happens(0.03)
    if errored:
        visit.step("error.shown", code="500", kind="system")
    if world.happens(0.1):
        visit.step("cart.item_removed", cart)
    if world.happens(0.65):
        errored |= check_out(visit, cart, begun)
    truth.errored += errored


def check_out(visit: Visit, cart: Mapping[str, str], cart_begun: int) -> bool:
    """From the checkout to the order, or not; returns whether an error was shown on the way."""
    world, tasks = visit.world, visit.world.truth.tasks
    begun, spike = visit.at, world.options.spike
    patience = 1.0
    if spike is not None and spike.start_ms <= begun < spike.end_ms:
        patience = 1 / spike.factor
    visit.step("checkout.started", cart)
    tasks["checkout"].attempts += 1
    failed = world.happens(0.1 if patience == 1 else 0.5)
    if failed:
        visit.step("payment.failed", cart, code="declined")
        tasks["checkout"].errored += 1
    if world.happens((1 - ABANDONED_CHECKOUT) * patience):
        visit.log_in()
        for name, since in (("checkout", begun), ("cart", cart_begun)):
            tasks[name].completed += 1
            tasks[name].time_to_complete_ms += visit.at - since
        world.truth.visits_converted += 1
        order(visit, cart)
    return failed


def order(visit: Visit, cart: Mapping[str, str]) -> None:
    """Places the order, from the site or from the back end."""
    world, at = visit.world, visit.at
    references = {"order_id": world.name("order"), **cart}
    if world.happens(BACK_END):
        place_order(world, visit.customer, at, "system", references, references, visit.customer.about)
    else:
        visit.last = at
        identifiers = {**visit.identifiers, **references}
        place_order(world, visit.customer, at, visit.channel, identifiers, references, visit.about)
    if world.happens(0.5):
        visit.at += step_ms(world)
        visit.page()

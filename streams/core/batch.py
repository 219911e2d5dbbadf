"""One commit in the making: the journeys that a fold opens, and C(after) - C(before) of what it changed.

Before a case tree, a person's life or a stretch of site facts is changed, its cells are subtracted (`soil`); when the
fold ends, the cells of whatever was soiled are added again, as it is then. What was not soiled and has no deadline
between the two moments contributes the same before and after, and is not computed at all; a test compares this with
computing everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from streams.core.accounts import account_of, share_of
from streams.core.cases import islands, life, people, recovery, site
from streams.core.cases.chains import Booking
from streams.core.cells import Notebook
from streams.core.deadlines import due_cases, least, next_due, passed
from streams.core.families import CHAIN_KINDS, kind_of
from streams.core.journey import Case, Fact, Journey, decode, encode, later_than
from streams.core.model import Advance, Commit, Identifier, JourneyId, Version, version_of
from streams.core.opened import Closed, Opened
from streams.core.policy import Policy
from streams.core.trees import root_of, roots_of, tree_of
from streams.core.views import (
    BOOKED_KINDS,
    book_tree,
    chains_in,
    has_tokens,
    life_in,
    single_strand,
    strands,
    without_bots,
)
from streams.core.windows import LocalDays
from streams.core.workspace import Missing, Workspace, journey_id

_NEVER = -(1 << 62)
_EVERYTHING = (_NEVER, 1 << 62)


class Context:
    """What every batch of a namespace shares."""

    def __init__(self, policy: Policy, definitions: str, workspace: Workspace) -> None:
        self.policy = policy
        self.definitions = definitions
        self.workspace = workspace
        self.rules = site.rules_of(policy)
        self.keep_ms = policy.keep_ms
        self.local = LocalDays(policy.timezone)


class Batch:
    """Opens journeys, books differences, and ends as a commit."""

    def __init__(self, context: Context, watermark: int) -> None:
        self.context = context
        self.policy = context.policy
        self.rules = context.rules
        self.workspace = context.workspace
        self.watermark = watermark
        self.book = Notebook(context.local)
        self.opened: dict[JourneyId, Opened] = {}
        self.closed: dict[JourneyId, Closed] = {}
        self.absent: set[Identifier] = set()
        self.links: dict[Identifier, JourneyId | None] = {}
        self.deleted: dict[JourneyId, Version | None] = {}
        self.outcomes: dict[str, int] = {}
        self.missing = Missing()

    def note(self, outcome: str, n: int = 1) -> None:
        """Counts an outcome."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + n

    # -- reading -----------------------------------------------------------------------------------------------

    def home_of(self, identifier: Identifier) -> JourneyId | None:
        """The journey an identifier leads to, None where it is known to lead nowhere."""
        target = self.links.get(identifier) or self.workspace.links.get(identifier)
        if target is not None:
            if target not in self.opened and target not in self.closed and target not in self.workspace.held:
                raise Missing({identifier}, {target})
            return target
        if identifier not in self.workspace.absent:
            raise Missing({identifier})
        self.absent.add(identifier)
        return None

    def open(self, found: JourneyId) -> Opened:
        """The journey, ready to be changed; cases whose deadlines have passed since are computed anew."""
        opened = self.opened.get(found)
        if opened is not None:
            return opened
        kept = self.closed.get(found) or self.workspace.held[found]
        journey = decode(kept.blob)
        opened = self.opened[found] = Opened(found, journey, kept.version)
        if journey.due is not None and journey.due <= self.watermark:
            if journey.case_due is not None and journey.case_due <= self.watermark:
                for reference in due_cases(journey.cases, journey.as_of, self.watermark):
                    self.soil(opened, reference)
            if journey.life_due is not None and journey.life_due <= self.watermark:
                self.soil_life(opened)
                self._hear(opened)
            if journey.chain_due is not None and journey.chain_due <= self.watermark:
                self.soil_chains(opened)
        return opened

    def open_account(self, account: Identifier) -> Opened:
        """An account's journey, a new one where nobody was in it so far."""
        home = self.home_of(account)
        opened = self.create(journey_id(account)) if home is None else self.open(home)
        if account not in opened.journey.cases:
            opened.journey.cases[account] = Case()
            self.link(account, opened.id)
        return opened

    def _hear(self, opened: Opened) -> None:
        """Before an account is found silent: a member may have done something later on the last day that it knows of."""
        opened.customer = None
        for member, share in opened.journey.shares.items():
            if member in self.opened or member in self.closed or member in self.workspace.held:
                share.activity = list(self.open(member).journey.activity)
            else:
                self.missing.journeys.add(member)

    def create(self, found: JourneyId) -> Opened:
        """A new, empty journey, unless this batch or the store has it already."""
        if found in self.opened or found in self.closed or (found in self.workspace.held and found not in self.deleted):
            return self.open(found)
        self.opened[found] = Opened(found, Journey(), self.deleted.pop(found, None))
        return self.opened[found]

    def delete(self, opened: Opened) -> None:
        """Forgets an empty journey; its differences have been booked or moved by the caller."""
        self.settle_cells(opened)
        del self.opened[opened.id]
        self.closed.pop(opened.id, None)
        self.deleted[opened.id] = opened.version

    def close(self) -> None:
        """Settles and encodes the journeys that are open. They may be opened again, as in a next batch."""
        while self.opened:
            # Accounts after their members, which open them.
            of_people = [found for found, opened in self.opened.items() if not opened.journey.shares]
            for found in of_people or list(self.opened):
                opened = self.opened[found]
                self.settle_cells(opened)
                self.closed[found] = Closed(encode(opened.journey), opened.version, opened.journey.due)
                del self.opened[found]

    def link(self, identifier: Identifier, target: JourneyId) -> None:
        """Writes a link."""
        self.links[identifier] = target

    # -- before ------------------------------------------------------------------------------------------------

    def soil(self, opened: Opened, reference: Identifier) -> None:
        """Subtracts the cells of a reference's tree, once, before it is changed."""
        if reference in opened.soiled:
            return
        cases = opened.journey.cases
        kind = kind_of(reference)
        if kind in CHAIN_KINDS:
            self.soil_chains(opened)
        if kind not in BOOKED_KINDS or reference not in cases:
            opened.soiled.add(reference)
            return
        tree = tree_of(cases, root_of(cases, reference))
        self.book.sign = -1
        book_tree(cases, tree, opened.as_of, self.book)
        opened.soiled.update(tree)

    def soil_life(self, opened: Opened) -> None:
        """Remembers a person's life, once, before it is changed."""
        if opened.life is None:
            opened.life = self._life_in(opened, opened.as_of)

    def soil_chains(self, opened: Opened) -> None:
        """Remembers what follows from what, once, before any of it is changed."""
        if opened.chains is None:
            # What had come to nothing by then has come to nothing; mostly that is all of it, and it need not be looked at.
            opened.chains = self._chains_in(opened, opened.as_of)[0] if opened.journey.chained else []

    def _life_in(self, opened: Opened, as_of: int) -> life.Lived:
        customer = opened.customer_in(self.policy.silence_ms)
        return life_in(opened.journey, customer, as_of, self.policy, self.context.local)

    def _chains_in(self, opened: Opened, as_of: int) -> tuple[list[Booking], int | None]:
        return chains_in(opened.journey, opened.customer_in(self.policy.silence_ms), as_of)

    def soil_all(self, opened: Opened) -> None:
        """Subtracts everything, before journeys are merged."""
        for root in roots_of(opened.journey.cases):
            self.soil(opened, root)
        self.soil_life(opened)
        self.soil_chains(opened)
        opened.touch_site(*_EVERYTHING)
        opened.touch_links()
        opened.touch_days()

    # -- after -------------------------------------------------------------------------------------------------

    def settle_cells(self, opened: Opened) -> None:
        """Adds the cells of everything that was soiled, as it is now, and sets the next deadline."""
        journey = opened.journey
        as_of = max(journey.as_of, self.watermark)
        self.book.sign = 1
        if opened.soiled:
            cases = journey.cases
            for root in {root_of(cases, reference) for reference in opened.soiled if reference in cases}:
                if kind_of(root) in BOOKED_KINDS:
                    tree = tree_of(cases, root)
                    book_tree(cases, tree, as_of, self.book)
                    # What is due in the other trees is known; a deadline that is none any more is looked at in vain.
                    journey.case_due = least(journey.case_due, next_due(cases, tree, as_of))
        if opened.life is not None:
            self._restate_life(opened, opened.life, as_of)
        if opened.peopled:
            people.restate_people(opened.days, journey.days, self.book)
        if opened.chains is not None:
            self._restate_chains(opened, opened.chains, as_of)
        if opened.account is not None or journey.member is not None:
            self._restate_share(opened, account_of(journey))
        if passed(journey.case_due, as_of):
            journey.case_due = next_due(journey.cases, journey.cases, as_of)
        journey.as_of = as_of
        self._settle_site(opened, as_of)
        journey.due = least(journey.life_due, journey.case_due, journey.chain_due, journey.site_due)

    def _restate_life(self, opened: Opened, before: life.Lived, as_of: int) -> None:
        """Books the difference of a person's life."""
        now = self._life_in(opened, as_of)
        life.book_change(before, now, self.book)
        opened.journey.life_due = None if now[0] is None else now[0].due

    def _restate_chains(self, opened: Opened, before: Sequence[Booking], as_of: int) -> None:
        """Books the difference of what follows from what."""
        now, opened.journey.chain_due = self._chains_in(opened, as_of)
        opened.journey.chained = bool(now)
        if now != before:
            for sign, bookings in ((-1, before), (1, now)):
                self.book.sign = sign
                for name, at, where, _ in bookings:
                    self.book.count(name, at, where)
            self.book.sign = 1

    def _restate_share(self, opened: Opened, account: Identifier | None) -> None:
        """Tells the person's account what has changed, and the one that the person was in before."""
        if account == opened.account and opened.life is None and opened.chains is None:
            return
        for one in {one for one in (opened.account, account) if one is not None}:
            try:
                found = self.open_account(one)
            except Missing as missing:  # what else is missing is seen first: the fold is done again
                self.missing.identifiers |= missing.identifiers
                self.missing.journeys |= missing.journeys
                continue
            self.soil_life(found)
            self.soil_chains(found)
            found.customer = None
            if one == account:
                found.journey.shares[opened.id] = share_of(opened.journey)
            else:
                found.journey.shares.pop(opened.id, None)
        opened.account = account

    def _settle_site(self, opened: Opened, as_of: int) -> None:
        """Books the difference of the site facts that changed or closed, drops the sealed ones, and sets their next deadline."""
        journey = opened.journey
        now: Sequence[Sequence[Fact]] | None = None
        if opened.relinked or opened.dirty is not None or passed(journey.site_due, as_of):
            now = self._strands(journey.links, journey.site)
            self._restate_site(opened, now)
            if as_of > opened.as_of and self._may_close(opened, as_of):
                self.book.sign = 1
                self._book_strands(now, opened.as_of - self.rules.island_ms, _EVERYTHING[1], opened.as_of, as_of)
        if self.compact(journey):
            now = self._strands(journey.links, journey.site)
        if now is None:
            return
        due = least(*[site.next_deadline(strand, as_of, self.rules) for strand in now])
        if journey.site:
            # Whoever comes back is compacted then; the others are looked at once, an allowance after the seal.
            end = islands.first_end(journey.site, self.rules.island_ms)
            due = least(due, end + self.context.keep_ms + self.policy.allowance_ms)
        journey.site_due = due

    def _may_close(self, opened: Opened, as_of: int) -> bool:
        """Whether a visit or an attempt may have closed since the journey was last looked at."""
        new = opened.dirty is not None and opened.dirty[0] + self.rules.wait_ms <= as_of
        return new or opened.relinked or passed(opened.journey.site_due, as_of)

    def _strands(self, links: Mapping[str, int], facts: Sequence[Fact]) -> list[Sequence[Fact]]:
        if not facts:
            return []
        return [facts] if single_strand(links, facts, self.rules) else [*strands(links, facts, self.rules)]

    def _restate_site(self, opened: Opened, now: Iterable[Sequence[Fact]]) -> None:
        """Takes back what had closed of the site facts that changed, and books what had closed by then of them as they are."""
        before, after = opened.site, opened.journey.site
        first = min([facts[0].at for facts in (before, after) if facts], default=_EVERYTHING[1])
        if first + self.rules.wait_ms > opened.as_of:
            return  # nothing can have closed
        span = self._changed(opened, before, after)
        if span is None:
            return
        lo, hi = islands.whole_islands(span, (before, after), self.rules.island_ms)
        self.book.sign = -1
        self._book_strands(self._strands(opened.links, before), lo, hi, _NEVER, opened.as_of)
        self.book.sign = 1
        self._book_strands(now, lo, hi, _NEVER, opened.as_of)

    def _changed(self, opened: Opened, before: Sequence[Fact], after: Sequence[Fact]) -> tuple[int, int] | None:
        """The times between which site facts count otherwise than before, deadlines apart."""
        links = opened.journey.links
        if opened.relinked and opened.links != links:
            single = single_strand(opened.links, before, self.rules) and single_strand(links, after, self.rules)
            if not single:
                return _EVERYTHING
        if opened.dirty is None:
            return None
        if max(len(after), len(before)) > self.policy.limits.facts_per_day or has_tokens(after) or has_tokens(before):
            return _EVERYTHING
        # What had closed had closed by then: facts after that neither extend a visit nor complete an attempt of it.
        return opened.dirty if opened.dirty[0] <= opened.as_of else None

    def _book_strands(self, strands_of: Iterable[Sequence[Fact]], lo: int, hi: int, since: int, as_of: int) -> None:
        """Books what closed after `since` and by as_of, of the islands between lo and hi."""
        limit = self.policy.limits.facts_per_day
        for strand in strands_of:
            if not strand or strand[0].at + self.rules.wait_ms > as_of:
                continue
            part = strand
            if len(strand) <= limit and not has_tokens(strand):
                part = islands.islands_between(strand, lo, hi, self.rules.island_ms)
            site.book_site(without_bots(part, limit), since, as_of, self.rules, self.book)
            recovery.book_recoveries(without_bots(strand, limit), lo, hi, since, as_of, self.rules, self.book)

    def compact(self, journey: Journey) -> bool:
        """Drops the islands of site facts, and the facts without a person, that nothing accepted from now on can change;
        whether it has dropped site facts.
        """
        before = journey.as_of - self.context.keep_ms
        if journey.loose:
            for case in journey.cases.values():
                case.loose = later_than(case.loose, before)
            journey.loose = any(case.loose for case in journey.cases.values())
        if not journey.site or journey.site[0].at > before:
            return False
        kept = islands.unsealed(journey.site, before, self.rules.island_ms)
        dropped = len(kept) < len(journey.site)
        journey.site = kept
        return dropped

    # -- the end -----------------------------------------------------------------------------------------------

    def commit(self, advance: Advance | None) -> Commit:
        """Ends the batch: compares for all that was read, writes for all that changed."""
        read: dict[JourneyId, Version | None] = dict(self.deleted)
        journeys: dict[JourneyId, bytes | None] = dict.fromkeys(self.deleted)
        due: dict[JourneyId, int | None] = dict.fromkeys(self.deleted)
        versions: dict[JourneyId, Version] = {}
        self.close()
        if self.missing.identifiers or self.missing.journeys:
            raise self.missing
        for found, closed in self.closed.items():
            read[found], journeys[found], due[found] = closed.version, closed.blob, closed.due
            versions[found] = version_of(closed.blob)
        cells = self.book.buckets(self.watermark)
        return Commit(
            definitions=self.context.definitions,
            watermark=self.watermark,
            advance=advance,
            read=read,
            absent=self.absent,
            journeys=journeys,
            links=self.links,
            due=due,
            cells=cells,
            outcomes=self.outcomes,
            versions=versions,
            most=self.book.most,
        )

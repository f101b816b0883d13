"""Choose which cookies a browser evicts when it has too many (section 5.7, after step 24).

The limits are settings of a profile in `browsers`.
"""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta

from .set_cookie import count_octets

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from .browsers import Profile
    from .verdicts import StoredCookie


class Slot:
    """A stored cookie with the time of its last use."""

    __slots__ = ("cookie", "order", "used")

    def __init__(self, cookie: StoredCookie, used: datetime, order: int) -> None:
        self.cookie = cookie
        self.used = used
        self.order = order  # of creation, for cookies that were used at the same moment

    def age_key(self) -> tuple[datetime, int]:
        """Return a sort key that puts the least recently used cookie first."""
        return self.used, self.order


def select_excess_of_domain(slots: Sequence[Slot], profile: Profile, now: datetime) -> list[Slot]:
    """Return the cookies to evict from one domain, those without Secure first, then the least recently used."""
    most, rest = profile.per_domain
    if len(slots) <= most:
        return []
    oldest_first = sorted(slots, key=Slot.age_key)
    excess = len(slots) - rest
    if profile.evicts_by_priority:
        return _by_priority(oldest_first, excess)
    if profile.insecure_never_evicts_secure:
        return _sparing_secure(slots, excess, now)
    oldest_first.sort(key=lambda slot: slot.cookie.secure)
    return oldest_first[:excess]


def _sparing_secure(slots: Sequence[Slot], excess: int, now: datetime) -> list[Slot]:
    """Return what Firefox evicts: expired cookies and those without Secure, else the new one or Secure ones."""
    *stored, new = sorted(slots, key=lambda slot: slot.order)
    oldest_first = sorted(stored, key=lambda slot: (not slot.cookie.is_expired(now), *slot.age_key()))
    insecure = [slot for slot in oldest_first if slot.cookie.is_expired(now) or not slot.cookie.secure]
    if insecure:
        return insecure[:excess]
    return oldest_first[:excess] if new.cookie.secure else [new]


def select_excess_of_partition(slots: Sequence[Slot], profile: Profile, now: datetime) -> list[Slot]:
    """Return the cookies to evict from a domain within one partition, the least recently used first."""
    most_octets, rest_octets = profile.per_partition_octets
    octets = sum(map(_octets, slots)) if most_octets else 0
    number, (most, rest) = len(slots), profile.per_domain
    if profile.partitions_like_others:
        if number > most:
            return select_excess_of_domain(slots, profile, now)
        most = rest = number
    else:
        rest = most
    excess = []
    if octets > most_octets or number > most:
        for slot in sorted(slots, key=Slot.age_key):
            if octets <= rest_octets and number <= rest:
                break
            excess.append(slot)
            octets -= _octets(slot)
            number -= 1
    return excess


def _octets(slot: Slot) -> int:
    return count_octets(slot.cookie.name) + count_octets(slot.cookie.value)


# The rounds of Chromium: the priority to evict, and whether Secure cookies of it are spared.
_ROUNDS = (("Low", True), ("Low", False), ("Medium", True), ("High", True), ("Medium", False), ("High", False))
# The number of cookies of each priority that are never evicted.
_QUOTAS = {"Low": 30, "Medium": 50, "High": 70}


def _by_priority(oldest_first: list[Slot], excess: int) -> list[Slot]:
    """Return the cookies that Chromium evicts: round by round, within the quota of each priority."""
    dropped: list[Slot] = []
    left = list(oldest_first)
    for priority, spare_secure in _ROUNDS:
        of_priority = [slot for slot in left if slot.cookie.priority == priority]
        eligible = [slot for slot in of_priority if not (spare_secure and slot.cookie.secure)]
        number = min(len(of_priority) - _QUOTAS[priority], excess - len(dropped))
        gone = eligible[: max(0, number)]
        dropped.extend(gone)
        left = [slot for slot in left if slot not in gone]
    return dropped


def select_excess_in_total(slots: Sequence[Slot], profile: Profile, now: datetime) -> list[Slot]:
    """Return the cookies to evict from the whole jar, the least recently used first.

    If the profile spares cookies that were used lately, only idle ones are returned, those without Secure first.
    """
    most, rest = profile.total
    if len(slots) <= most:
        return []
    oldest_first = sorted(slots, key=Slot.age_key)
    if profile.total_spares_s:
        idle_since = now - timedelta(seconds=profile.total_spares_s)
        oldest_first = [slot for slot in oldest_first if slot.used < idle_since]
        oldest_first.sort(key=lambda slot: slot.cookie.secure)
    return oldest_first[: len(slots) - rest]

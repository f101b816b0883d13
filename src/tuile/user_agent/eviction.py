"""Which cookies a browser drops when it has too many.

Floor 1, text and bytes. What must live here: the choice (section 5.7, after step 24). What must not: the store (`jar`),
the numbers (`browsers`).
"""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta

from .set_cookie import octet_count

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from .browsers import Profile
    from .verdicts import StoredCookie


class Slot:
    """A stored cookie and when it was used."""

    __slots__ = ("cookie", "order", "used")

    def __init__(self, cookie: StoredCookie, used: datetime, order: int) -> None:
        self.cookie = cookie
        self.used = used
        self.order = order  # of creation: moments may be equal

    def age_key(self) -> tuple[datetime, int]:
        """What sorts the least recently used one first."""
        return self.used, self.order


def too_many_of_a_domain(slots: Sequence[Slot], profile: Profile) -> list[Slot]:
    """What has to go of the cookies that share a domain: those that are not Secure first, the least recently used."""
    most, rest = profile.per_domain
    if len(slots) <= most:
        return []
    oldest_first = sorted(slots, key=Slot.age_key)
    excess = len(slots) - rest
    if profile.evicts_by_priority:
        return _by_priority(oldest_first, excess)
    oldest_first.sort(key=lambda slot: slot.cookie.secure)
    return oldest_first[:excess]


def too_many_of_a_partition(slots: Sequence[Slot], profile: Profile) -> list[Slot]:
    """What has to go of the cookies of a domain that are kept in one partition: the least recently used."""
    octets = sum(map(_octets, slots)) if profile.per_partition_octets else 0
    number = len(slots)
    excess = []
    if octets > profile.per_partition_octets or number > profile.per_domain[0]:
        for slot in sorted(slots, key=Slot.age_key):
            if octets <= profile.per_partition_octets and number <= profile.per_domain[0]:
                break
            excess.append(slot)
            octets -= _octets(slot)
            number -= 1
    return excess


def _octets(slot: Slot) -> int:
    return octet_count(slot.cookie.name) + octet_count(slot.cookie.value)


# Chromium's rounds: the priority that loses cookies, and whether its Secure ones are spared.
_ROUNDS = (("Low", True), ("Low", False), ("Medium", True), ("High", True), ("Medium", False), ("High", False))
# So many cookies of a priority are left alone whatever there is too many of.
_QUOTAS = {"Low": 30, "Medium": 50, "High": 70}


def _by_priority(oldest_first: list[Slot], excess: int) -> list[Slot]:
    """What Chromium drops: round by round, within each priority's quota."""
    dropped: list[Slot] = []
    left = list(oldest_first)
    for priority, spare_secure in _ROUNDS:
        of_priority = [slot for slot in left if slot.cookie.priority == priority]
        eligible = [slot for slot in of_priority if not (spare_secure and slot.cookie.secure)]
        room = min(len(of_priority) - _QUOTAS[priority], excess - len(dropped))
        gone = eligible[: max(0, room)]
        dropped.extend(gone)
        left = [slot for slot in left if slot not in gone]
    return dropped


def too_many_in_all(slots: Sequence[Slot], profile: Profile, now: datetime) -> list[Slot]:
    """What has to go of all cookies: the least recently used, those that are not Secure first where idle ones count."""
    most, rest = profile.total
    if len(slots) <= most:
        return []
    oldest_first = sorted(slots, key=Slot.age_key)
    if profile.total_spares_s:
        idle_since = now - timedelta(seconds=profile.total_spares_s)
        oldest_first = [slot for slot in oldest_first if slot.used < idle_since]
        oldest_first.sort(key=lambda slot: slot.cookie.secure)
    return oldest_first[: len(slots) - rest]

"""A clock that tests can advance."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone


class Clock:
    """A clock that follows the clock of the process and can be advanced.

    It belongs to the browser. The application reads the clock of the process; changes to that one, as by ``freezegun``
    and ``time-machine``, move this clock as well.
    """

    def __init__(self) -> None:
        #: How far the clock is ahead of the clock of the process.
        self.ahead = timedelta()

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(timezone.utc) + self.ahead

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0, weeks: float = 0
    ) -> None:
        """Advance the clock: ``clock.advance(days=1)``.

        Raises:
            ValueError: If the step is negative.
        """
        step = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, weeks=weeks)
        if step < timedelta():
            raise ValueError(f"The clock cannot go back by {-step}. Create a new Browser instead.")
        self.ahead += step

    def __repr__(self) -> str:
        return f"<Clock {self.now():%Y-%m-%d %H:%M:%S} UTC>"

"""The time in a test browser. Floor 6, the edges.

Here lives the clock that a test puts forward. What time does to cookies is `tuile.user_agent.jar`'s.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone


class Clock:
    """A clock that goes with the time of the process, and can be put forward.

    It is the browser's. The application goes on reading the time of the process; what that changes, as
    ``freezegun`` and ``time-machine`` do, moves this clock along.
    """

    def __init__(self) -> None:
        #: How far it is ahead of the process.
        self.ahead = timedelta()

    def now(self) -> datetime:
        """The moment it shows, in UTC."""
        return datetime.now(timezone.utc) + self.ahead

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0, weeks: float = 0
    ) -> None:
        """Put it forward: ``clock.advance(days=1)``.

        Raises ValueError when that would put it back.
        """
        step = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, weeks=weeks)
        if step < timedelta():
            raise ValueError(f"The clock cannot be put back by {-step}. Begin with a new Browser.")
        self.ahead += step

    def __repr__(self) -> str:
        return f"<Clock {self.now():%Y-%m-%d %H:%M:%S} UTC>"

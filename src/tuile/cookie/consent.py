"""Keep optional cookies from being set before the visitor has agreed to their category.

A declared cookie is optional if its category is not `NECESSARY`. What is declared is enforced when the cookie is set
and read, and once more on the finished response, for lines that were written in another way.
"""

from __future__ import annotations

import re
import time
import typing as t
from datetime import timedelta
from inspect import iscoroutinefunction
from math import isfinite

from werkzeug.exceptions import BadRequest

from ..ctx.app_context import value_with_request
from ..ctx.cookie_defaults import prefixed
from ..http.caching import NO_COOKIE_CACHED, invites_shared_caches, says_nothing
from ..http.cookies import dump_cookie
from ..http.received import as_printed
from ..user_agent.dates import read_cookie_date
from ..user_agent.set_cookie import SetCookieLine, split_set_cookie
from ..user_agent.verdicts import decode_octets
from .declared import NECESSARY, DeclaredCookie, is_category

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ..app import Flask
    from ..wrappers.request import Request
    from ..wrappers.response import Response

Answer = t.TypeVar("Answer", bound="Callable[[str], object]")

_whole_number = re.compile(r"-?[0-9]{1,18}").fullmatch
# A little, for clocks that differ.
_AHEAD_S = 86_400


class Consent:
    """Which categories of cookies the visitor has agreed to: `app.consent`.

    By default the answer is kept in a cookie of its own. As a decorator, it registers a function that answers instead:

        @app.consent
        def has_agreed(category):
            return category in g.user.agreed_to

    Args:
        app: The application.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._answer: Callable[[str], object] | None = None
        self._cookie: DeclaredCookie[str] | None = None

    def __call__(self, function: Answer) -> Answer:
        """Register the function that says whether the visitor of this request has agreed to a category.

        Raises:
            TypeError: If it is a coroutine function.
        """
        self._app._check_setup_finished("consent")
        if iscoroutinefunction(function):
            raise TypeError(
                f"app.consent needs a plain function, and {function.__name__!r} is a coroutine function: it is called"
                " by the `set` of a cookie, which is not awaited. Load what it needs in a before_request function."
            )
        self._answer = function
        return function

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories of the optional cookies that are declared, in the order of their declarations."""
        return tuple(dict.fromkeys(self._app._optional_cookies.values()))

    @property
    def is_decided(self) -> bool:
        """Whether the visitor has answered. If not, ask.

        Raises:
            RuntimeError: If a registered function answers, which knows whether it was asked.
        """
        return self._decision() is not None

    def given(self, category: str) -> bool:
        """Return whether the visitor of this request has agreed to a category. All have to the necessary one."""
        if category == NECESSARY:
            return True
        if self._answer is not None:
            return bool(self._answer(category))
        return category in (self._decision() or ())

    def give(self, *categories: str) -> None:
        """Keep the visitor's answer: agreement to these categories, and to no others. None: refuse all.

        Raises:
            BadRequest: If there is no such category: the names may come from a form.
            RuntimeError: If a registered function answers.
        """
        known = self.categories
        for category in categories:
            if category not in known and category != NECESSARY:
                raise BadRequest(f"There is no category {category[:40]!r} of cookies.")
        agreed = [category for category in known if category in categories]
        revision = self._app.config["CONSENT_REVISION"]
        self.cookie.set(".".join((str(revision), str(int(time.time())), *agreed)))
        self._delete(category for category in known if category not in agreed)

    def withdraw(self, *categories: str) -> None:
        """Take the agreement to these categories back, or to all, and delete their cookies.

        Raises:
            BadRequest: If there is no such category.
            RuntimeError: If a registered function answers.
        """
        unknown = set(categories) - {*self.categories, NECESSARY}
        if unknown:
            raise BadRequest(f"There is no category {min(unknown)[:40]!r} of cookies.")
        agreed = self._decision() or frozenset()
        self.give(
            *(
                category
                for category in self.categories
                if category in agreed and categories and category not in categories
            )
        )

    @property
    def cookie(self) -> DeclaredCookie[str]:
        """The cookie that keeps the answer.

        Raises:
            RuntimeError: If a registered function answers.
        """
        if self._answer is not None:
            name = getattr(self._answer, "__name__", repr(self._answer))
            raise RuntimeError(
                f"The function {name!r} answers for app.consent, so the answer is kept where that looks, and not in a"
                " cookie. Write it there."
            )
        if self._cookie is None:
            config = self._app.config
            name, lifetime = config["CONSENT_COOKIE_NAME"], config["CONSENT_LIFETIME"]
            if name in self._app.declared_cookies:
                raise ValueError(
                    f"The cookie {name!r} is declared, and app.consent uses it. Change CONSENT_COOKIE_NAME."
                )
            if name == config["SESSION_COOKIE_NAME"]:
                raise ValueError(
                    f"The cookie {name!r} is the session's, and app.consent would replace it. Change"
                    " CONSENT_COOKIE_NAME."
                )
            self._cookie = DeclaredCookie(
                name,
                max_age=lifetime,
                purpose="Remembers which cookies you have agreed to.",
                declared_at="configuration, CONSENT_...",
            )
        return self._cookie

    def check_settings(self) -> None:
        """Check the settings for the cookie, if it is used.

        Raises:
            TypeError: If a setting has the wrong type.
            ValueError: If a setting has an invalid value.
        """
        if self._answer is not None:
            return
        lifetime: object = self._app.config["CONSENT_LIFETIME"]
        if isinstance(lifetime, bool) or not isinstance(lifetime, (int, float, timedelta)):
            raise TypeError(f"CONSENT_LIFETIME must be a timedelta or a number of seconds, not {lifetime!r}.")
        if isinstance(lifetime, float) and not isfinite(lifetime):
            raise ValueError(f"CONSENT_LIFETIME must be a number of seconds, not {lifetime!r}.")
        if not isinstance(self._app.config["CONSENT_COOKIE_NAME"], str):
            raise TypeError(f"CONSENT_COOKIE_NAME must be text, not {self._app.config['CONSENT_COOKIE_NAME']!r}.")
        # It checks the rest, as for any declared cookie.
        _ = self.cookie

    def _decision(self) -> frozenset[str] | None:
        """Return the categories of the cookie; None if the visitor has not answered, or too long ago."""
        # A revision may have a dot in it.
        text, beginning = self.cookie.get(), f"{self._app.config['CONSENT_REVISION']}."
        if not text or not text.startswith(beginning):
            return None
        moment, _, names = text[len(beginning) :].partition(".")
        if not _whole_number(moment):
            return None
        lifetime = self._app.config["CONSENT_LIFETIME"]
        lifetime_s = lifetime.total_seconds() if isinstance(lifetime, timedelta) else lifetime
        if not -_AHEAD_S <= time.time() - int(moment) <= lifetime_s:
            return None
        return frozenset(filter(is_category, names.split(".")))

    def _delete(self, categories: t.Iterable[str]) -> None:
        """Delete the cookies of categories that the browser has sent, or that were set in this request."""
        refused = set(categories)
        for cookie in self._app.declared_cookies.values():
            if cookie.category in refused and cookie.is_here():
                cookie.delete()

    def withhold(self, name: str, category: str) -> None:
        """Note and log that a cookie was not set."""
        context = value_with_request()
        cookies = context._request_cookies
        cookies._withheld = {**cookies._withheld, name: category}
        self._app.logger.info(
            "The cookie %r was not set: its category is %r, and the visitor has not agreed to it. [%s %s]",
            name,
            category,
            context.request.method,
            as_printed(context.request.path),
        )


def keep_to_consent(app: Flask, request: Request, response: Response) -> None:
    """Take optional cookies off a finished response if the visitor has not agreed, and delete those that were sent.

    Args:
        app: The application.
        request: The request that the response answers.
        response: The response.
    """
    optional = {
        name: (cookie, cookie.category) for cookie in _optional(app) for name in (cookie.name, prefixed(cookie.name))
    }
    lines = response.headers.getlist("Set-Cookie")
    sent = [name for name in optional if name in request.cookies]
    if not sent and not lines:
        return
    agreed: dict[str, bool] = {}

    def is_agreed(category: str) -> bool:
        if category not in agreed:
            agreed[category] = _given_at_the_end(app, category)
        return agreed[category]

    kept, here = [], set[str]()
    for line in lines:
        parts = split_set_cookie(line)
        name = decode_octets(parts.name)
        if name in optional and not _deletes(parts) and not is_agreed(optional[name][1]):
            app.consent.withhold(name, optional[name][1])
            continue
        kept.append(line)
        here.add(name)
    # Shared caches would delete it for all visitors.
    may_delete = not invites_shared_caches(response.headers)
    gone = [name for name in sent if name not in here and may_delete and not is_agreed(optional[name][1])]
    kept.extend(_deletion(name, optional[name][0]) for name in gone)
    if kept != lines:
        response.headers.setlist("Set-Cookie", kept)
    if gone and says_nothing(response.headers):
        response.headers["Cache-Control"] = NO_COOKIE_CACHED


def _optional(app: Flask) -> list[DeclaredCookie[object]]:
    return [app.declared_cookies[name] for name in app._optional_cookies]


def _given_at_the_end(app: Flask, category: str) -> bool:
    """Return whether the visitor has agreed. An error of the application's function is logged, and means no."""
    try:
        return app.consent.given(category)
    except Exception:
        app.logger.exception("Whether the visitor has agreed to cookies of the category %r is not known", category)
        return False


def _deletes(parts: SetCookieLine) -> bool:
    """Return whether a line deletes its cookie."""
    age = parts.last("max-age")
    if age is not None and _whole_number(age):
        return int(age) <= 0
    end = read_cookie_date(parts.last("expires") or "")
    return end is not None and end.timestamp() <= time.time()


def _deletion(name: str, cookie: DeclaredCookie[object]) -> str:
    given = cookie.attributes
    return dump_cookie(
        name,
        max_age=0,
        expires=0,
        path=given.path,
        domain=given.domain,
        secure=given.secure or name != cookie.name,
        httponly=given.httponly,
        samesite=given.samesite,
        partitioned=given.partitioned,
        now=time.time(),
    )

"""Cookies that are declared once, for reading, setting and deleting them."""

from __future__ import annotations

import copy
import re
import typing as t

from werkzeug.exceptions import BadRequest

from ..ctx.app_context import value_with_request
from ..hints import KnowsOtherNames

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

    from ..http.cookies import SameSite
    from ..user_agent.set_cookie import Cookie
    from .consent import Consent

Value = t.TypeVar("Value")

PrefixName: t.TypeAlias = t.Literal["secure", "host", "http", "host-http"]
_PREFIXES = {"secure": "__Secure-", "host": "__Host-", "http": "__Http-", "host-http": "__Host-Http-"}
_LONGEST_S = 400 * 86_400

#: The category of cookies that are set without asking the visitor.
NECESSARY: t.Final = "necessary"
#: Whether a text can be the name of a category.
is_category = re.compile(r"[a-z][a-z0-9_-]{0,39}").fullmatch


class DeclaredCookie(KnowsOtherNames, t.Generic[Value]):
    """The declaration of a cookie, created by `app.cookie` or `blueprint.cookie`.

    Args:
        name: The name, without the prefix.
        default: The value if the cookie is missing or invalid.
        type: `str`, `int`, `float`, `bool`, an Enum, a dataclass, or `dict`, `list` or `object` for JSON.
        choices: The valid values.
        max_age: The lifetime in seconds or as a timedelta, 400 days at most; None: until the browser is closed.
        path, domain, secure, httponly, samesite, partitioned: As for `response.set_cookie`.
        prefix: `host` for a name that begins with `__Host-` (Secure, Path=/, no Domain), `secure`, `http` and
            `host-http` for the other three.
        signed, encrypted: Read and write it with `cookies.signed` or `cookies.encrypted`.
        invalid: `default` reads an invalid value as the default, `error` answers 400.
        purpose: What the cookie is for, as a text for a privacy page.
        category: `necessary`, or what the visitor has to agree to first, such as `statistics`; see `app.consent`.
        provider: Who sets it, as a text for a privacy page; empty for the site itself.
        vary: Add `Vary: Cookie` to responses for which the cookie was read, so that caches do not serve them to other
            users. False for a cookie that does not change the response.

    Raises:
        CookieSyntaxError: If browsers would not store such a cookie, or not for so long.
        ValueError: If the declaration contradicts itself.
    """

    _other_names: t.ClassVar[Mapping[str, str]] = {
        "value": "cookie.get()",
        "read": "cookie.get()",
        "load": "cookie.get()",
        "write": "cookie.set(value)",
        "save": "cookie.set(value)",
        "update": "cookie.set(value)",
        "set_cookie": "cookie.set(value)",
        "clear": "cookie.delete()",
        "remove": "cookie.delete()",
        "unset": "cookie.delete()",
        "delete_cookie": "cookie.delete()",
        "exists": "cookie.is_here()",
        "max_age": "cookie.attributes.max_age",
        "path": "cookie.attributes.path",
        "domain": "cookie.attributes.domain",
        "secure": "cookie.attributes.secure",
        "httponly": "cookie.attributes.httponly",
        "samesite": "cookie.attributes.samesite",
    }

    def __init__(
        self,
        name: str,
        *,
        default: object = None,
        type: object = str,
        choices: Iterable[object] | None = None,
        max_age: timedelta | int | None = None,
        path: str = "/",
        domain: str | None = None,
        secure: bool | None = None,
        httponly: bool | None = None,
        samesite: SameSite | None = "Lax",
        partitioned: bool = False,
        prefix: PrefixName | None = None,
        signed: bool = False,
        encrypted: bool = False,
        invalid: t.Literal["default", "error"] = "default",
        purpose: str = "",
        category: str = NECESSARY,
        provider: str = "",
        vary: bool = True,
        declared_at: str = "",
    ) -> None:
        from ..user_agent.set_cookie import Cookie  # noqa: PLC0415 - most applications declare no cookies
        from .values import codec_of  # noqa: PLC0415 - as above

        if prefix is not None and prefix not in _PREFIXES:
            meant = next((word for word, sent in _PREFIXES.items() if sent.lower() == str(prefix).lower()), None)
            instead = f" Write: prefix={meant!r}." if meant else ""
            raise ValueError(f"There is no prefix {prefix!r}. Use one of {', '.join(map(repr, _PREFIXES))}.{instead}")
        if isinstance(choices, str):
            raise TypeError(f"The choices of the cookie {name!r} are one text. Write: choices=({choices!r},)")
        if signed and encrypted:
            raise ValueError(f"An encrypted cookie such as {name!r} need not be signed. Write only encrypted=True.")
        if invalid not in {"default", "error"}:
            raise ValueError(f"invalid must be 'default' or 'error', not {invalid!r}.")
        if not is_category(str(category)):
            raise ValueError(f"A category such as 'statistics' has small letters and digits, unlike {category!r}.")
        beginning = "" if prefix is None else _PREFIXES[prefix]
        #: The name as browsers see it, with the prefix.
        self.name = beginning + name
        self.name_without_prefix = name
        #: All attributes, as a value. Creating it checks them.
        self.attributes: Cookie = Cookie(
            self.name,
            max_age=t.cast("int | None", max_age),  # a timedelta becomes seconds
            path=path,
            domain=domain,
            secure=bool(prefix or partitioned) if secure is None else secure,
            httponly=encrypted or "http" in (prefix or "").split("-") if httponly is None else httponly,
            samesite=samesite,
            partitioned=partitioned,
        )
        # None if nothing says so: an encrypted cookie is Secure if the request is, and with `COOKIE_DEFAULTS` all are.
        self._secure = None if secure is None and not self.attributes.secure else self.attributes.secure
        self.type = type
        self.codec = codec_of(type)
        self.choices = None if choices is None else tuple(choices)
        self.default = default
        self.signed, self.encrypted, self.invalid = signed, encrypted, invalid
        self.purpose, self.declared_at = purpose, declared_at
        self.category, self.provider = category, provider
        self.vary = vary
        self._check()

    def _check(self) -> None:
        from ..user_agent.set_cookie import invalid  # noqa: PLC0415 - most applications declare no cookies

        max_age = self.attributes.max_age
        if max_age is not None and max_age > _LONGEST_S:
            what = f"max_age is {max_age} seconds for the cookie {self.name!r}, and browsers cut it to {_LONGEST_S}"
            raise invalid(what, "5.5", "write: max_age=timedelta(days=400) at most, and set it again on later visits")
        if max_age == 0:
            raise ValueError(f"max_age=0 would delete the cookie {self.name!r} when it is set. Leave max_age out.")
        for value in self.choices or ():
            self.codec.write(value)
        if self.default is not None:
            self._checked(self.default)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def get(self) -> Value:
        """Return the value that the client sent, or that was set in this request, or the default.

        It is the default if the cookie is optional and the visitor has not agreed to its category.

        Raises:
            BadRequest: If it is invalid, and `invalid="error"` was declared.
        """
        if self.category != NECESSARY and not _consent().given(self.category):
            return self._default()
        was_sent, values = self._valid_values()
        if values:
            return values[0]
        if was_sent and self.invalid == "error":
            raise BadRequest(f"The cookie {self.name!r} is invalid.")
        return self._default()

    def _valid_values(self) -> tuple[bool, list[Value]]:
        """Return whether the cookie was sent, and a list with its first valid value, or an empty list.

        It does not raise an error: error trackers show local variables, and here they contain decrypted text.
        """
        texts = self._texts()
        for text in texts:
            try:
                value = self.codec.read(text)
            except ValueError:
                continue
            if self.choices is None or value in self.choices:
                return True, [t.cast("Value", value)]
        return bool(texts), []

    def _texts(self) -> list[str]:
        """Return the texts to try in order: another host of the site may have set a cookie of the same name."""
        cookies = self._cookies()
        if not self.vary:
            cookies = cookies.unnoted()
        if self._secure is not False and self.attributes.path == "/" and not self.attributes.domain:
            cookies = cookies.from_this_host()
        if not (self.signed or self.encrypted):
            return t.cast("list[str]", cookies.candidates(self.name))
        text = cookies.get(self.name)
        return [] if text is None else [text]

    def _default(self) -> Value:
        # A copy, because a mutable default must not be shared.
        value = self.default
        return t.cast("Value", copy.deepcopy(value) if isinstance(value, (dict, list)) else value)

    def set(self, value: Value) -> None:
        """Set the cookie on the response of this request.

        An optional cookie is not set, and this is logged, if the visitor has not agreed to its category.

        Raises:
            TypeError: If the value has another type.
            ValueError: If it is not one of the choices.
        """
        text = self._checked_quietly(value) if self.encrypted else self._checked(value)
        if isinstance(text, Exception):
            del value  # tracebacks show local variables
            raise text
        if self.category != NECESSARY and not _consent().given(self.category):
            _consent().withhold(self.name, self.category)
            return
        try:
            self._cookies().set(self.name, text, max_age=self.attributes.max_age, **self._options())
        except Exception:
            if self.encrypted:
                del text, value
            raise

    def is_here(self) -> bool:
        """Return whether the client has sent the cookie, or it was set in this request."""
        return bool(self._texts())

    def delete(self) -> None:
        """Delete the cookie, with its path and domain."""
        self._cookies().delete(self.name, **self._options())

    def _checked(self, value: object) -> str:
        text = self.codec.write(value)
        if self.choices is not None and value not in self.choices:
            choices = ", ".join(map(repr, self.choices))
            raise ValueError(f"The cookie {self.name!r} must be one of {choices}, not {value!r}.")
        try:
            self.codec.read(text)
        except ValueError:
            raise ValueError(
                f"The cookie {self.name!r} cannot be {value!r}: it would be read again as a different value."
            ) from None
        return text

    def _checked_quietly(self, value: object) -> str | Exception:
        """Return the result of `_checked`, or an error that does not show the value, which is to be encrypted."""
        try:
            return self._checked(value)
        except Exception as error:  # noqa: BLE001 - whatever writing the value may raise
            error_class = TypeError if isinstance(error, TypeError) else ValueError
            kind = type(value).__name__
        return error_class(
            f"The cookie {self.name!r} cannot have this value, of the type {kind}. It is not shown, because the cookie"
            " is encrypted; what the cookie can have is in its declaration."
        )

    def _options(self) -> dict[str, object]:
        """Return the arguments for setting and deleting the cookie, apart from its lifetime."""
        return {**self.attributes.attributes._asdict(), "secure": self._secure}

    def _cookies(self) -> t.Any:
        """Return the cookies of the request: plain, signed or encrypted."""
        cookies = value_with_request()._request_cookies
        if self.encrypted:
            return cookies.encrypted
        return cookies.signed if self.signed else cookies

    def describe(self) -> dict[str, t.Any]:
        """Return the facts about the cookie for a privacy page, as JSON data."""
        return {
            "name": self.name,
            "purpose": self.purpose,
            "category": self.category,
            "provider": self.provider,
            "max_age": self.attributes.max_age,
            "life": life(self.attributes.max_age),
            **self.attributes.attributes._asdict(),
            "protection": "encrypted" if self.encrypted else "signed" if self.signed else None,
            "type": getattr(self.type, "__name__", str(self.type)),
            "choices": None if self.choices is None else [self.codec.write(value) for value in self.choices],
            "declared_at": self.declared_at,
        }


def _consent() -> Consent:
    return value_with_request().app.consent


def life(max_age: int | None) -> str:
    """Return how long a cookie is stored, as text."""
    if max_age is None:
        return "until the browser is closed"
    for seconds, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if max_age % seconds == 0:
            return f"{max_age // seconds} {unit}{'' if max_age == seconds else 's'}"
    raise AssertionError

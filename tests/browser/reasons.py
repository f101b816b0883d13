"""What browsers call the reasons for which they refuse a cookie, by the rule of the jar's verdict."""

from __future__ import annotations

_SAMESITE = {"SameSiteStrict", "SameSiteLax", "SameSiteUnspecifiedTreatedAsLax"}

#: By rule: Chromium's Network.SetCookieBlockedReason. An empty set: it gives none.
CHROMIUM = {
    "4.1.1": {"NoCookieContent", "DisallowedCharacter"},
    "5.6 step 1": {"DisallowedCharacter"},
    "5.6 step 5": {"NameValuePairExceedsMaxSize"},
    "5.7 step 2": {"NoCookieContent"},
    "5.7 step 8": {"InvalidDomain"},
    "5.7 step 9": {"InvalidDomain"},
    "5.7 step 10": {"InvalidDomain"},
    "5.7 step 13": {"SecureOnly"},
    "5.7 step 16": {"OverwriteSecure"},
    "5.7 step 18": _SAMESITE,
    "5.7 step 19": {"SameSiteNoneInsecure"},
    "5.7 step 20": {"InvalidPrefix"},
    "5.7 step 21": {"InvalidPrefix"},
    "5.7 step 22": {"InvalidPrefix"},
    "layered-cookies 5.4.3": {"InvalidPrefix"},
    "layered-cookies": {"UnknownError"},
}

#: By rule: parts of the messages of Firefox (netwerk/locales/en-US/necko.properties).
FIREFOX = {
    "4.1.1": ("invalid characters", "invalid prefix"),
    "5.6 step 1": ("invalid characters", "invalid path", "control character"),
    "5.6 step 5": ("size is too big",),
    "5.7 step 2": ("empty",),
    "5.7 step 8": ("invalid domain",),
    "5.7 step 9": ("invalid domain",),
    "5.7 step 10": ("invalid domain",),
    "5.7 step 13": ("non-HTTPS cookie",),
    "5.7 step 15": ("HTTP-Only",),
    "5.7 step 16": ("existing “secure” cookie", "existing secure cookie", "secure"),
    "5.7 step 18": ("cross-site context",),
    "5.7 step 19": ("missing the “secure” attribute", "SameSite=None"),
    "5.7 step 20": ("invalid prefix",),
    "5.7 step 21": ("invalid prefix",),
    "5.7 step 22": ("invalid prefix",),
    "5.7 step 23.2": ("HTTP-Only",),
    "layered-cookies 5.4.3": ("invalid prefix",),
    "layered-cookies": ("Partitioned",),
}


def without_scheme(reason: str) -> str:
    """Return a reason of Chromium without `Schemeful`, which it says of all that is cross-site."""
    return reason.removeprefix("Schemeful")


def agrees(profile: str, rule: str, said: tuple[str, ...]) -> bool:
    """Return whether the rule of a verdict is what a browser gives as its reason."""
    if profile == "chromium":
        return bool(CHROMIUM.get(rule, set()) & {without_scheme(reason) for reason in said})
    return any(part in text for part in FIREFOX.get(rule, ()) for text in said)

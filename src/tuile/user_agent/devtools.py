"""What the developer tools of Chrome say about a cookie that is not stored or not sent, word for word.

Someone who has read the sentence there finds it again here. The sentences are the tool tips of the panel Network and
the titles of the panel Issues: front_end/core/sdk/NetworkRequest.ts and front_end/models/issues_manager/descriptions in
ChromeDevTools/devtools-frontend; read on 2026-11-28.
"""

from __future__ import annotations

import typing as t

from .set_cookie import split_set_cookie

if t.TYPE_CHECKING:
    from .set_cookie import SetCookieLine

_SET = "This attempt to set a cookie via a Set-Cookie header was blocked because"
_CROSS_SITE = "came from a cross-site response which was not the response to a top-level navigation"
_SIZE = "The combined size of the name and value must be less than or equal to 4096 characters."
_SYNTAX = "This Set-Cookie header had invalid syntax."
_DOMAIN = f"{_SET} its Domain attribute was invalid with regards to the current host url."
_PREFIX = (
    f'{_SET} it used the "__Secure-" or "__Host-" prefix in its name and broke the additional rules applied to cookies'
    " with these prefixes as defined in https://tools.ietf.org/html/draft-west-cookie-prefixes-05."
)

# By the rule of a verdict.
_SETTING: dict[str, str] = {
    "4.1.1": _SYNTAX,
    "5.6 step 1": (
        "This Set-Cookie header contained a disallowed character (a forbidden ASCII control character, or the tab"
        " character if it appears in the middle of the cookie name, value, an attribute name, or an attribute value)."
    ),
    "5.6 step 5": f"{_SET} the cookie was too large. {_SIZE}",
    "5.7 step 2": _SYNTAX,
    "5.7 step 8": _DOMAIN,
    "5.7 step 9": _DOMAIN,
    "5.7 step 10": _DOMAIN,
    "5.7 step 13": f'{_SET} it had the "Secure" attribute but was not received over a secure connection.',
    "5.7 step 16": (
        f"{_SET} it was not sent over a secure connection and would have overwritten a cookie with the Secure"
        " attribute."
    ),
    "5.7 step 19": (
        f'{_SET} it had the "SameSite=None" attribute but did not have the "Secure" attribute, which is required in'
        ' order to use "SameSite=None".'
    ),
    "5.7 step 20": _PREFIX,
    "5.7 step 21": _PREFIX,
}
_UNSPECIFIED = (
    'This Set-Cookie header didn\'t specify a "SameSite" attribute and was defaulted to "SameSite=Lax," and was blocked'
    f' because it {_CROSS_SITE}. The Set-Cookie had to have been set with "SameSite=None" to enable cross-site usage.'
)
_ISSUES: dict[str, str] = {
    "5.7 step 19": "Mark cross-site cookies as Secure to allow setting them in cross-site contexts",
}

_OTHER_SITE = "and the request was made from a different site"
# By the name of the reason for which a cookie is not sent.
_SENDING: dict[str, str] = {
    "DomainMismatch": (
        "This cookie was blocked because neither did the request URL's domain exactly match the cookie's domain, nor"
        " was the request URL's domain a subdomain of the cookie's Domain attribute value."
    ),
    "NotOnPath": (
        "This cookie was blocked because its path was not an exact match for or a superdirectory of the request url's"
        " path."
    ),
    "SecureOnly": ('This cookie was blocked because it had the "Secure" attribute and the connection was not secure.'),
    "SameSiteStrict": (
        f'This cookie was blocked because it had the "SameSite=Strict" attribute {_OTHER_SITE}. This includes top-level'
        " navigation requests initiated by other sites."
    ),
    "SameSiteLax": (
        f'This cookie was blocked because it had the "SameSite=Lax" attribute {_OTHER_SITE} and was not initiated by a'
        " top-level navigation."
    ),
    "SameSiteUnspecifiedTreatedAsLax": (
        'This cookie didn\'t specify a "SameSite" attribute when it was stored and was defaulted to "SameSite=Lax," and'
        " was blocked because the request was made from a different site and was not initiated by a top-level"
        ' navigation. The cookie had to have been set with "SameSite=None" to enable cross-site usage.'
    ),
}


def said_when_set(line: str, rule: str) -> str:
    """Return what Chrome says about a Set-Cookie line that it blocks; empty if it says nothing.

    Args:
        line: The line.
        rule: The rule of the verdict on it.
    """
    if rule == "5.7 step 18":
        return _said_about_samesite(split_set_cookie(line))
    return _SETTING.get(rule, _PREFIX if rule.endswith("5.4.3") else "")


def issue_when_set(rule: str) -> str:
    """Return the title of Chrome's issue about a Set-Cookie line that it blocks; empty if there is none."""
    return _ISSUES.get(rule, "")


def said_when_not_sent(reason: str) -> str:
    """Return what Chrome says about a cookie that it does not send, by the name of the reason; empty if nothing."""
    return _SENDING.get(reason, "")


def _said_about_samesite(parts: SetCookieLine) -> str:
    given = (parts.last("samesite") or "").title()
    if given not in {"Strict", "Lax"}:
        return _UNSPECIFIED
    return f'{_SET} it had the "SameSite={given}" attribute but {_CROSS_SITE}.'

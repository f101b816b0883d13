"""The command `rotate-keys`, which explains how to change the SECRET_KEY without logging users out.

Keys are named by their ids; the only secret that is printed is the new one.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import click

from tuile.globals import current_app
from tuile.keys.app_keys import keys_of, retired_ids
from tuile.keys.ring import key_id
from tuile.keys.secret import new_key
from tuile.keys.weakness import weakness
from tuile.sessions.kinds import advice

from .script import with_appcontext

if TYPE_CHECKING:
    from tuile.keys.secret import Secret


@click.command("rotate-keys", short_help="Explain how to change the SECRET_KEY, and print a new one.")
@with_appcontext
def rotate_keys_command() -> None:
    """Explain in three steps how to change this application's SECRET_KEY without logging users out.

    Nothing is changed: the keys are wherever your settings come from. Keys in use are named by their ids and not
    printed; the new key is, so mind who sees the screen.
    """
    try:
        keys = keys_of(current_app)[::-1]  # the newest first
        retired = retired_ids(current_app)
    except (TypeError, ValueError) as error:  # a setting with something other than keys or ids
        raise click.ClickException(str(error)) from None
    new = new_key()
    click.echo(_found(keys, retired))
    click.echo(f"A new key with the id {key_id(new)}. It is shown only once:\n\n    {new}\n")
    click.echo(_steps(keys, key_id(new), current_app.permanent_session_lifetime) if keys else _FIRST_KEY)
    try:
        narrower = advice(current_app)
    except (TypeError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    if narrower:
        click.echo(f"\nSessions of weaker kinds than the one written are still read. {narrower}")


_FIRST_KEY = "Make it the SECRET_KEY of all processes, and restart them. Do not commit it to a repository."


def _found(keys: tuple[Secret, ...], retired: tuple[str, ...]) -> str:
    """Return the text about the keys in use, with a line for each."""
    if not keys:
        return (
            f"The application {current_app.name!r} has no SECRET_KEY, so nothing is signed and there are no sessions.\n"
        )
    lines = [f"The keys of {current_app.name!r}, by their ids:", ""]
    for number, key in enumerate(keys):
        use = "SECRET_KEY, signs and reads" if number == 0 else "SECRET_KEY_FALLBACKS, only reads"
        why = weakness(key)
        warning = "" if why is None else f" (it can be guessed: {why})"
        lines.append(f"    {key_id(key)}  {use}{warning}")
    lines += [f"    {key}  SECRET_KEY_RETIRED, is refused" for key in retired]
    return "\n".join([*lines, ""])


def _steps(keys: tuple[Secret, ...], new: str, lifetime: timedelta) -> str:
    """Return the steps that replace these keys with the new one."""
    ids = [key_id(key) for key in keys]
    # Not the ids alone: a reader would type them as keys.
    current, new = f"<key {ids[0]}>", f"<key {new}>"
    former = [f"<key {one}>" for one in ids[:0:-1]]
    before, between = ", ".join([*former, new]), ", ".join([*former, current])
    end = datetime.now(timezone.utc) + lifetime
    old = "keys" if ids[1:] else "key"
    days = _days(lifetime)
    return f"""\
`<key ID>` below stands for the key with that id: write the key itself there.

1. Make every process accept the new key. Leave SECRET_KEY unchanged and append the new key to the fallbacks:
       SECRET_KEY           = {current}
       SECRET_KEY_FALLBACKS = [{before}]
   Restart all processes. (If there is only one, start with step 2.)

2. Make every process sign with the new key. Swap the two keys:
       SECRET_KEY           = {new}
       SECRET_KEY_FALLBACKS = [{between}]
   Restart all processes. No user is logged out: the former key can still be used for reading, and everything
   written from now on is signed with the new one.

3. Remove the old {old} {days} after step 2 (PERMANENT_SESSION_LIFETIME; {end:%Y-%m-%d} if step 2 is today):
       SECRET_KEY           = {new}
       SECRET_KEY_FALLBACKS = []
   Older sessions have expired by then. Signed and encrypted cookies may live longer, 400 days with cookies.permanent:
   wait for the longest of yours, or accept that the remaining ones read as missing.

If the old key has leaked, go to step 3 at once, and set SECRET_KEY_RETIRED = ["{ids[0]}"] so that it is never used
again. All users are logged out, and so is anyone who has the key."""


def _days(lifetime: timedelta) -> str:
    return f"{lifetime.days} days" if lifetime >= timedelta(days=2) else str(lifetime)

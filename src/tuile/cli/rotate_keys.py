"""The command rotate-keys: how to change the SECRET_KEY without logging anybody out. Floor 6, the edges.

Here lives what the command says about the application at hand. Keys are named by their ids; the only secret that is
printed is the new one. What a key is and what its id tells lives in `tuile.keys.ring`.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import click

from tuile.globals import current_app
from tuile.keys.app_keys import keys_of, retired_ids
from tuile.keys.ring import key_id
from tuile.keys.weakness import weakness
from tuile.sessions.kinds import advice

from .script import with_appcontext

if TYPE_CHECKING:
    from tuile.keys.secret import Secret

_SECRET_BYTES = 32


@click.command("rotate-keys", short_help="Explain how to change the SECRET_KEY, and print a new one.")
@with_appcontext
def rotate_keys_command() -> None:
    """Explain in three steps how this application's SECRET_KEY is changed without logging anybody out.

    Nothing is changed: keys are wherever your settings come from. Those in use are named by their ids, and none of
    them is printed; the new key is, so mind who sees the screen.
    """
    try:
        keys = keys_of(current_app)[::-1]  # the newest first
        retired = retired_ids(current_app)
    except (TypeError, ValueError) as error:  # a setting that is none of keys or ids
        raise click.ClickException(str(error)) from None
    new = secrets.token_hex(_SECRET_BYTES)
    click.echo(_found(keys, retired))
    click.echo(f"A new key; its id is {key_id(new)}. It is shown this once:\n\n    {new}\n")
    click.echo(_steps(keys, key_id(new), current_app.permanent_session_lifetime) if keys else _FIRST_KEY)
    try:
        narrower = advice(current_app)
    except (TypeError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    if narrower:
        click.echo(f"\nSessions of weaker kinds are read than are written. {narrower}")


_FIRST_KEY = "Make it the SECRET_KEY of all processes, and restart them. It belongs into no repository."


def _found(keys: tuple[Secret, ...], retired: tuple[str, ...]) -> str:
    """The keys there are, a line for each."""
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
    """The rotation of these keys to the new one."""
    ids = [key_id(key) for key in keys]
    before, between = ", ".join([*ids[:0:-1], new]), ", ".join(ids[::-1])
    end = datetime.now(timezone.utc) + lifetime
    old = "keys" if ids[1:] else "key"
    days = _days(lifetime)
    return f"""\
1. Let every process read it. Leave SECRET_KEY as it is and append the new key:
       SECRET_KEY           = {ids[0]}
       SECRET_KEY_FALLBACKS = [{before}]
   Restart all processes. (Where there is only one, begin with step 2.)

2. Let every process sign with it. The two keys change places:
       SECRET_KEY           = {new}
       SECRET_KEY_FALLBACKS = [{between}]
   Restart all processes. Nobody is logged out: former keys are still good for reading, and whatever is written
   from now on is signed with the new one.

3. Let the old {old} go, {days} after step 2 (PERMANENT_SESSION_LIFETIME; {end:%Y-%m-%d} if that is today):
       SECRET_KEY           = {new}
       SECRET_KEY_FALLBACKS = []
   Older sessions have ended by then. Signed and encrypted cookies may live longer, 400 days with cookies.permanent:
   wait for the longest of yours, or let what is left of them read as absent.

Has the old key leaked? Go to step 3 at once, and let SECRET_KEY_RETIRED = ["{ids[0]}"] keep it from coming back.
Everybody is logged out, and so is whoever has the key."""


def _days(lifetime: timedelta) -> str:
    return f"{lifetime.days} days" if lifetime >= timedelta(days=2) else str(lifetime)

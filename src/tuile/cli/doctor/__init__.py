"""The command doctor, which reports the environment of an application, and what does not work or is slow.

Extensions are judged by what they do, never by name.
"""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING

import click

from ..finding import NoAppException
from ..script import ScriptInfo, pass_script_info
from .report import FAILS, HEADINGS, NOTE, TO_BE_MENDED, UNSAFE, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tuile.app import Flask


@click.command("doctor", short_help="Report what the app runs on, and what does not work.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--deploy", is_flag=True, help="Also report what is not safe to deploy. It makes one request for a page.")
@click.option("--silence", multiple=True, metavar="ID", help="Leave out the findings with this id; may be repeated.")
@pass_script_info
@click.pass_context
def doctor_command(
    ctx: click.Context, info: ScriptInfo, *, as_json: bool, deploy: bool, silence: tuple[str, ...]
) -> None:
    """Report what the application runs on, and what in it does not work or is slow, and why.

    The application is loaded as for other commands. It serves no request, except with '--deploy' one for a page that
    does not exist, to see the headers. The exit code is 1 if something does not work or is not safe to deploy. Findings
    are silenced by their ids, in brackets, with '--silence' or the setting DOCTOR_SILENCED.
    """
    # Imported here because only this command needs them.
    from .process import describe_process, examine_process  # noqa: PLC0415
    from .sources import examine_sources  # noqa: PLC0415
    from .start import examine_start  # noqa: PLC0415

    app, findings = _load(info)
    findings += examine_process()
    application = None
    if app is not None:
        from .application import describe_application, examine_application  # noqa: PLC0415

        application = describe_application(app)
        findings += [*examine_start(), *examine_application(app), *examine_sources()]
        if deploy:
            from .deployment import WORSE, examine_deployment  # noqa: PLC0415

            findings = [one._replace(kind=UNSAFE) if one.id in WORSE else one for one in findings]
            findings += examine_deployment(app)
    silenced = frozenset(silence) | _silenced_by(app)
    told = [finding.with_id() for finding in findings]
    findings = [finding for finding in told if finding.id not in silenced]
    process = describe_process()
    report = {
        "process": process,
        "application": application,
        "findings": [finding._asdict() for finding in findings],
        "silenced": sorted({finding.id for finding in told} & silenced),
    }
    click.echo(json.dumps(report, indent=2) if as_json else "\n".join(_lines(process, application, findings)))
    ctx.exit(1 if any(finding.kind in TO_BE_MENDED for finding in findings) else 0)


def _silenced_by(app: Flask | None) -> frozenset[str]:
    """Return the ids in the setting DOCTOR_SILENCED."""
    setting: object = None if app is None else app.config.get("DOCTOR_SILENCED")
    if setting is None:
        return frozenset()
    if not isinstance(setting, (list, tuple, set, frozenset)):
        message = f"DOCTOR_SILENCED must be a list of ids, not {setting!r}."
        raise click.ClickException(message)
    return frozenset(map(str, setting))


def _load(info: ScriptInfo) -> tuple[Flask | None, list[Finding]]:
    """Return the application, or None and the finding that explains why it cannot be loaded."""
    try:
        return info.load_app(), []
    except NoAppException as error:
        kind = FAILS if info.app_import_path else NOTE
        return None, [Finding(kind, "the application", error.format_message())]
    except Exception as error:  # noqa: BLE001 - the rest is reported whatever the application's module raises
        last = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"loading it raised {type(error).__name__}: {error}"
        return None, [Finding(FAILS, "the application", reason, f"{last.filename}:{last.lineno}")]


def _lines(process: dict[str, object], application: dict[str, object] | None, findings: list[Finding]) -> Iterable[str]:
    for heading, facts in (("Process", process), ("Application", application)):
        if facts is not None:
            yield heading
            yield from (f"  {name.replace('_', ' ')}: {_text(value)}" for name, value in facts.items())
            yield ""
    for kind, heading in HEADINGS.items():
        chosen = [finding for finding in findings if finding.kind == kind]
        if chosen:
            yield heading
            for finding in chosen:
                yield f"  {finding.subject}: {finding.reason} [{finding.id}]"
                if finding.where:
                    yield f"    {finding.where}"
            yield ""
    if all(finding.kind == NOTE for finding in findings):
        yield "No problems found."


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)

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
from .report import FAILS, HEADINGS, NOTE, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tuile.app import Flask


@click.command("doctor", short_help="Report what the app runs on, and what does not work.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@pass_script_info
@click.pass_context
def doctor_command(ctx: click.Context, info: ScriptInfo, *, as_json: bool) -> None:
    """Report what the application runs on, and what in it does not work or is slow, and why.

    The application is loaded as for other commands, but it serves no request. The exit code is 1 if something does not
    work.
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
    process = describe_process()
    report = {
        "process": process,
        "application": application,
        "findings": [finding._asdict() for finding in findings],
    }
    click.echo(json.dumps(report, indent=2) if as_json else "\n".join(_lines(process, application, findings)))
    ctx.exit(1 if any(finding.kind == FAILS for finding in findings) else 0)


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
                yield f"  {finding.subject}: {finding.reason}"
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

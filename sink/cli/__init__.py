"""The command line. The only place where objects are put together.

Each command has a module of its own, which is imported when it is called: `sink --help` loads no SDK.
`reaching.py` finds the cloud, and `wiring.py` builds what several of them need. Errors leave as one line and
an exit code (`sink.errors`); a foreign traceback never reaches the user.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from sink.errors import SinkError

app = typer.Typer(
    help="Every ECS system event from the queue into the logstore.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # boxes around the help would cost half of the time that it takes
)

_TYPER_USAGE = 2
"""How typer leaves where the command line is off; ours is sysexits' EX_USAGE, 64."""

Json = Annotated[bool, typer.Option("--json", help="For programs: JSON instead of a table.")]


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[Path, typer.Option(help="Settings; see the comments in the shipped file.")] = Path(
        "config.ini"
    ),
) -> None:
    """Remember which configuration the command is to use."""
    context.obj = config


@app.command()
def run(
    context: typer.Context,
    drain: Annotated[
        bool, typer.Option("--drain", help="End when the queues are empty and all is settled.")
    ] = False,
) -> None:
    """Take events out of the queues, for ever: store, act, delete."""
    from sink.cli.start import start_sink

    start_sink(context.obj, drain=drain)


@app.command()
def send(
    context: typer.Context,
    files: Annotated[
        list[str], typer.Argument(help="JSON, JSON lines (.jsonl), either .gz, or - for stdin.")
    ],
    queue: Annotated[str | None, typer.Option(help="Default: the first of [mns] queues.")] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="As they are; else base64, as CloudMonitor does.")
    ] = False,
) -> None:
    """Put message bodies into the queue, one a file or one a line."""
    from sink.cli.send import send_files
    from sink.cli.settings import read_settings

    send_files(read_settings(context.obj), files, queue=queue, raw=raw)


@app.command()
def query(
    context: typer.Context,
    text: Annotated[str, typer.Argument(metavar="'SEARCH | SQL'", help="In SLS's own syntax.")],
    start: Annotated[str, typer.Option("--from", help="7d, 90m, 2026-11-23T08:00, or epoch seconds.")] = "7d",
    end: Annotated[str | None, typer.Option("--to", help="Likewise. Default: now.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows of a search; SQL has its own limit.")] = 100,
    as_json: Json = False,
) -> None:
    """Search the logstore, or compute over it."""
    from sink.cli.query import show_query
    from sink.cli.settings import read_settings

    show_query(read_settings(context.obj), text, start=start, end=end, limit=limit, as_json=as_json)


@app.command()
def explain(
    context: typer.Context,
    of: Annotated[str, typer.Argument(metavar="ID", help="An instance, or an event by its event_key.")],
    start: Annotated[str, typer.Option("--from", help="As of `sink query`.")] = "30d",
    end: Annotated[str | None, typer.Option("--to", help="Likewise. Default: now.")] = None,
    as_json: Json = False,
) -> None:
    """Tell all of an instance or event, and why nothing was done."""
    from sink.cli.explain import explain_history
    from sink.cli.settings import read_settings

    explain_history(read_settings(context.obj), of, start=start, end=end, as_json=as_json)


@app.command()
def actions(
    context: typer.Context,
    resume: Annotated[
        str | None, typer.Option(metavar="NAME", help="Let an action go on that its circuit holds back.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the actions: what is on, what holds it back, what it needs."""
    from sink.cli.actions import resume_action, show_actions
    from sink.cli.settings import read_settings

    settings = read_settings(context.obj)
    if resume is not None:
        resume_action(settings, resume)
    else:
        show_actions(settings, as_json=as_json)


@app.command()
def replay(
    context: typer.Context,
    start: Annotated[str, typer.Option("--from", help="As of `sink query`.")] = "7d",
    end: Annotated[str | None, typer.Option("--to", help="Likewise. Default: now.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Decisions that would be the same, too.")] = False,
    as_json: Json = False,
) -> None:
    """Decide about recorded events again, under the settings of today.

    Nothing is called.
    """
    from sink.cli.replay import show_replay
    from sink.cli.settings import read_settings

    show_replay(read_settings(context.obj), start=start, end=end, everything=everything, as_json=as_json)


@app.command()
def check(
    context: typer.Context,
    show: Annotated[bool, typer.Option("--print", help="Show every setting as it is in force.")] = False,
) -> None:
    """Tell whether the configuration is good, without asking any cloud."""
    from sink.cli.check import check_settings

    check_settings(context.obj, show=show)


@app.command()
def report(
    context: typer.Context,
    source: Annotated[
        str, typer.Option(help="A file of events, or `sample`. Default: the logstore of the configuration.")
    ] = "",
    since: Annotated[str, typer.Option(help="As --from of `sink query`. Default: all.")] = "",
    until: Annotated[str, typer.Option(help="Likewise.")] = "",
    as_of: Annotated[str, typer.Option(help="The moment that it holds for. Default: the last known.")] = "",
    zone: Annotated[str, typer.Option(help="Time zone of what is shown.")] = "Asia/Shanghai",
    prices: Annotated[str, typer.Option(help="A CSV file of your prices, for what it all cost.")] = "",
    out: Annotated[Path, typer.Option(help="Folder for the HTML pages and pictures.")] = Path("report"),
) -> None:
    """Run the notebooks and write what they say, as HTML and PNG."""
    from sink.cli.report import Parameters, write_report

    parameters = Parameters(source, str(context.obj.resolve()), since, until, as_of, zone, prices)
    write_report(parameters, out)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False
)
def local(context: typer.Context) -> None:
    """Run the embedded cloud alone; its own --help has the options."""
    from sink.local.server import main as serve

    raise SystemExit(serve(context.args))


def main() -> None:
    """Run the command line and leave with its exit code."""
    leave_in_order(app)


def leave_in_order(work: Callable[[], object]) -> None:
    """Work, and leave with the exit code of whatever error ends it."""
    try:
        work()
    except SystemExit as leave:
        raise SystemExit(64 if leave.code == _TYPER_USAGE else leave.code) from None
    except SinkError as error:
        _leave(str(error), error.exit_code)
    except Exception as error:  # noqa: BLE001 - the last line of defence between a bug and the user
        _leave_for_bug(error)


def _leave(message: str, code: int) -> None:
    print(f"sink: {message}", file=sys.stderr)  # noqa: T201
    raise SystemExit(code) from None


def _leave_for_bug(error: Exception) -> None:
    """Keep the traceback in a file, and tell where."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="sink-bug-", suffix=".txt", delete=False) as file:
        traceback.print_exception(error, file=file)
    _leave(f"this is a bug of ours: {error!r}. Please report it with {file.name}", 70)

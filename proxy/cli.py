"""
The command line: words in, an exit code out (0 done, 1 the answer is no, 2 usage or bad configuration).

What a command needs is imported when it runs, so that `--help` is quick. Nothing is decided here.
"""

import io
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from proxy import __version__
from proxy.asking import BAD, DONE, NO, Says, refuse
from proxy.discern import COMMANDS as DISCERNING
from proxy.errors import ConfigurationError
from proxy.examine import COMMANDS as EXAMINING
from proxy.operate import COMMANDS
from proxy.planning import COMMANDS as PLANNING

if TYPE_CHECKING:
    from proxy.link.setup import PlanText, Setup
    from proxy.routing.intent import Intent
    from proxy.settings.load import Loaded
    from proxy.supervisor import Launch


PRINTERS = ("click.utils", "rich.console")


class Commands(click.Group):
    """
    All commands. What can't be written is no defect of ours: one sentence, no traceback.
    """

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """
        Called by the console script.
        """
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A terminal that can't show an arrow is no reason to fail.
                stream.reconfigure(errors="replace")
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            if not _came_from_printing(error):
                raise
            reason = (error.strerror or str(error)).lower()
            with suppress(OSError):
                click.echo(f"the output can't be written ({reason}); make room, or send it elsewhere", err=True)
            # At its end the interpreter would try again to write what is left.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(NO)


def _came_from_printing(error: OSError) -> bool:
    """
    Was it raised by what prints, and not by a file or socket of ours?
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__") in PRINTERS


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """
    Parallax stands in front of an old and a new system: one answers, the other gets a copy, and the two are compared.

    \b
    Example:
      parallax demo
      parallax serve --old http://127.0.0.1:9001 --new http://127.0.0.1:9002
    """


@main.command()
@click.option("-c", "--config", "file", type=click.Path(path_type=Path), help="YAML file; see config/parallax.yaml.")
@click.option("--plan", type=click.Path(path_type=Path), metavar="FILE", help="A plan that can be started then.")
@click.option("--old", metavar="URL", help="The system that is being replaced.")
@click.option("--new", metavar="URL", help="The system that replaces it.")
@click.option("--listen", metavar="HOST:PORT", help="Where clients connect.  [127.0.0.1:8080]")
@click.option("--health", metavar="HOST:PORT", help="Where probes ask.  [127.0.0.1:9901]")
@click.option("--admin", metavar="HOST:PORT", help="Where operators and Prometheus ask.  [127.0.0.1:9900]")
@click.option("--workers", type=int, metavar="N", help="Processes that serve.  [1]")
def serve(file: Path | None, plan: Path | None, **options: str | int | None) -> None:
    """
    Stand between old and new until SIGTERM or Ctrl-C.

    Options are stronger than PARALLAX_… variables, and these than the file. SIGTERM drains: not ready at once, serving
    on for 5 s, ended after 28 s at the latest; Ctrl-C leaves out the 5 s; a second signal ends at once.

    \b
    Example:
      parallax serve --old http://127.0.0.1:9001 --new http://127.0.0.1:9002
      parallax serve -c config/parallax.yaml --listen 0.0.0.0:80
      parallax serve -c parallax.yaml --plan migration.yaml
    """
    from proxy.supervise.early import obey_stop

    # Loading takes a while; nobody who is asked to stop in that time should vanish without a word.
    obey_stop()
    from proxy.settings.setup import build_setup

    told = _overrides(options)
    loaded = _load(file, told)
    setup = build_setup(loaded, file=file, options=told, environment=os.environ)
    if plan is not None:
        setup = replace(setup, plan=_plan(plan, loaded))
    if file is None:
        from proxy.settings.describe import describe

        for line in describe(loaded.settings, Path(setup.state), _kept(Path(setup.state))):
            click.echo(line)
    from proxy.supervisor import serve as supervise

    try:
        sys.exit(supervise(_launch(loaded, setup)))
    except ConfigurationError as error:
        refuse(error)


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@click.option("--request", metavar="'GET /x'", help="Say what becomes of this request.")
@click.option("--header", "fields", multiple=True, metavar="'NAME: VALUE'", help="A field of it; may be repeated.")
@click.option("--client", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where it comes from.")
@click.option("--flag", "flags", multiple=True, type=Says(), help="What a feature flag says of it, such as a=true.")
@click.option("--json", "as_json", is_flag=True, help="What becomes of the request, for scripts.")
def check(files: tuple[Path, ...], request: str | None, as_json: bool, **asked: Any) -> None:
    """
    Check configuration files, and plans, without starting anything.

    PARALLAX_… variables count, as they do for `serve`. Exit code 0: all can be used; 2: at least one can't.

    With --request: who would answer it, by what, and whether it would be copied; by the weights that were in force last
    where the configuration runs. Exit code 1: Parallax would refuse it.

    \b
    Example:
      parallax check config/parallax.yaml
      parallax check config/parallax.yaml --request 'GET /search?q=x' --header 'X-User-Id: 7' --client 192.0.2.7
    """
    from proxy.keyfiles import counted, read_keys
    from proxy.planning import is_plan, say_plan
    from proxy.settings.load import load

    if request is not None:
        _explain(files, request, as_json=as_json, **asked)
    bad = False
    for file in files:
        if is_plan(file):
            bad = not say_plan(file, None) or bad
            continue
        try:
            loaded = load(file, environment=os.environ, is_to_serve=False)
        except ConfigurationError as error:
            bad = True
            for problem in error.problems:
                click.echo(problem)
            continue
        for warning in loaded.warnings:
            click.echo(f"{warning} (warning)")
        for cohort in loaded.settings.cohorts:
            if cohort.match.keys is not None:
                # How many tells of a file in another form than is meant.
                keys = counted(read_keys(loaded.folder / cohort.match.keys))
                click.echo(f"{file}: cohorts: {cohort.name}: {cohort.match.keys} has {keys}")
        click.echo(f"{file}: can be used: old {loaded.settings.old.url}, new {loaded.settings.new.url}")
    sys.exit(BAD if bad else DONE)


@main.command()
@click.option("--seconds", type=click.FloatRange(min=1), default=60.0, show_default=True, help="How long traffic runs.")
@click.option("--keep", is_flag=True, help="Go on after the summary, until Ctrl-C.")
def demo(seconds: float, keep: bool) -> None:
    """
    See Parallax at work, in this terminal.

    Two small shops, the new one with planted differences, some traffic, and Parallax between them. Exit code 0:
    Parallax found what was planted and nothing else; 1: it did not.

    \b
    Example:
      parallax demo --seconds 20
    """
    from proxy.demo.run import main as run

    sys.exit(run(seconds, keep))


@main.command()
def version() -> None:
    """
    Say which Parallax this is.

    \b
    Example:
      parallax version
    """
    click.echo(f"parallax {__version__} (Python {'.'.join(map(str, sys.version_info[:3]))})")


for _command in (*COMMANDS, *PLANNING, *EXAMINING, *DISCERNING):
    main.add_command(_command)


def _explain(files: tuple[Path, ...], request: str, *, as_json: bool, **asked: Any) -> NoReturn:
    from proxy.explaining import say
    from proxy.settings.setup import build_setup

    if len(files) > 1:
        raise click.UsageError("--request is explained by one configuration; name one FILE")
    loaded = _load(files[0], {}, is_to_serve=False)
    state = Path(build_setup(loaded, file=files[0], options={}, environment=os.environ).state)
    sys.exit(DONE if say(loaded, state, request, as_json=as_json, **asked) else NO)


def _overrides(options: Mapping[str, str | int | None]) -> dict[tuple[str, ...], object]:
    paths = {
        "old": ("old", "url"),
        "new": ("new", "url"),
        "listen": ("listen",),
        "health": ("health", "listen"),
        "admin": ("admin", "listen"),
        "workers": ("workers",),
    }
    return {paths[name]: value for name, value in options.items() if value is not None}


def _load(file: Path | None, options: Mapping[tuple[str, ...], object], *, is_to_serve: bool = True) -> "Loaded":
    from proxy.settings.load import load

    try:
        loaded = load(file, environment=os.environ, options=options, is_to_serve=is_to_serve)
    except ConfigurationError as error:
        refuse(error)
    for warning in loaded.warnings:
        click.echo(f"{warning} (warning)", err=True)
    return loaded


def _plan(file: Path, loaded: "Loaded") -> "PlanText":
    """
    A plan that can be carried out with this configuration; ends when it can't.
    """
    from proxy.link.setup import PlanText
    from proxy.plan.facts import facts_of
    from proxy.planning import held_against
    from proxy.settings.load import decode, read_file

    try:
        text = decode(read_file(file), file)
        found = held_against(file, text, facts_of(loaded.settings))
    except ConfigurationError as error:
        refuse(error)
    for warning in found.warnings:
        click.echo(f"{warning} (warning)", err=True)
    return PlanText(file=str(file.absolute()), text=text)


def _launch(loaded: "Loaded", setup: "Setup") -> "Launch":
    from proxy.link.setup import encode
    from proxy.settings.table import build_judging, build_table
    from proxy.supervisor import Launch

    settings, state = loaded.settings, Path(setup.state)
    named = {"weights.new": setup.new, "mirror.percent": setup.mirror}
    return Launch(
        table=build_table(settings, loaded.folder, loaded.authorities, loaded.values, loaded.endpoints, loaded.texts),
        listen=(settings.listen.host, settings.listen.port),
        health=(settings.health.listen.host, settings.health.listen.port),
        admin=(settings.admin.listen.host, settings.admin.listen.port),
        setup=encode(setup),
        judging=build_judging(settings, version=1, values=loaded.values),
        state=state,
        kill_file=Path(setup.kill_file),
        # One is made there where nobody has configured any.
        token_file=None if setup.tokens else state / "admin-token",
        certificate=None if setup.tls is None else Path(setup.tls.certificate),
        named=tuple(key for key, value in named.items() if value is not None),
        workers=settings.workers,
        comparers=settings.comparers,
        comparer_memory=settings.judge.memory,
        drain_delay=settings.drain.delay,
        drain_timeout=settings.drain.timeout,
    )


def _kept(state: Path) -> "Intent | None":
    """
    What was in force when Parallax last ran here. The supervisor says what is wrong with what can't be read.
    """
    from proxy.routing.intent import intent_in

    try:
        return intent_in((state / "table.json").read_bytes())
    except (OSError, ValueError):
        return None

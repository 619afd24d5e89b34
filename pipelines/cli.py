"""The command line of all verbs: options, messages and exit codes.

A verb is a file `pipelines/VERB.py` with a docstring (its help) and a function `run`. The module of a verb is
imported only when the verb is called, so `churn --help` answers at once.
"""

from __future__ import annotations

import ast
import gc
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from churn.errors import ChurnError, did_you_mean
from churn.secrets import keep_secrets_of
from pipelines.echo import Echo
from pipelines.interrupts import Interrupts, watch_interrupts
from pipelines.locks import output_locks
from pipelines.streams import safe_streams

PARAMS_FILE = "params.yaml"

NEW_OBJECTS_PER_COLLECTION = 100_000
"""The number of new objects after which Python looks for garbage. Its default (700) looks through all objects
of the libraries many times (`time churn report` on the demo company, three calls each: 2.6 to 2.9 CPU seconds
with the default, 2.3 to 2.4 with this number)."""


@dataclass(frozen=True)
class Option:
    """An option of one verb; if the user gives it, the function `run` of the verb gets its value.

    If `flag` has no dashes, such as `CUSTOMER`, the user must give the value, without a flag.
    """

    flag: str
    kind: Any
    help: str

    @property
    def name(self) -> str:
        """Return the name of the keyword argument of `run` that gets the value of this option."""
        return self.flag.removeprefix("--").replace("-", "_").lower()

    @property
    def is_argument(self) -> bool:
        """Return whether the user gives the value without a flag."""
        return not self.flag.startswith("-")


VERBS: dict[str, tuple[Option, ...]] = {
    "demo": (
        Option("--customers", int, "How many customers the company has."),
        Option("--seed", int, "The seed of the simulation; another seed gives another demo company."),
        Option(
            "--live",
            int,
            "Simulate this number of nights: score, contact, and let the days until the next night pass.",
        ),
        Option(
            "--days-between", int, "The number of days from one simulated night to the next; by default 7."
        ),
    ),
    "init": (
        Option("--source", str, "The folder or database to read; by default the current folder."),
        Option("--key", str, "The column with the ids of customers; by default init looks for it."),
        Option("--force", bool, "Replace an existing parameter file."),
    ),
    "check": (
        Option(
            "--prove",
            bool,
            "Compute signals again from a copy in which the data after the cutoff are changed, to prove that "
            "no signal sees the future.",
        ),
    ),
    "ingest": (),
    "signals": (Option("--format", Literal["markdown", "json"], "The format of the list of signals."),),
    "label": (
        Option(
            "--horizon",
            bool,
            "Suggest the number of silent days after which a customer counts as left, and draw a plot.",
        ),
    ),
    "snapshot": (),
    "train": (
        Option(
            "--refresh",
            bool,
            "Keep the champion's model and adjust the level of its probabilities to newer labels.",
        ),
    ),
    "evaluate": (),
    "promote": (Option("--rollback", bool, "Make the previous champion the champion again."),),
    "score": (
        Option("--dry-run", bool, "Show which customer would get which play; write no files of the night."),
    ),
    "drift": (),
    "deliver": (
        Option(
            "--retry-dead",
            bool,
            "Send dead events (refused or given up) again; each gets as many attempts as a new event.",
        ),
    ),
    "plan": (
        Option(
            "--effect",
            float,
            "The effect to detect: the difference of the churn rates with and without contact, such as 0.02.",
        ),
        Option("--share", float, "The planned share of customers in the control group, such as 0.1."),
        Option(
            "--days",
            int,
            "The number of days ahead for which an experiment's power and smallest detectable effect are "
            "computed; by default 90.",
        ),
    ),
    "measure": (),
    "uplift": (),
    "kpis": (),
    "show": (
        Option("CUSTOMER", str, "The id of the customer, exactly as in the source."),
        Option(
            "--format",
            Literal["text", "json"],
            "The format in which the customer's data are shown; by default text.",
        ),
    ),
    "forget": (
        Option("CUSTOMER", str, "The id of the customer, exactly as in the source."),
        Option("--yes", bool, "Erase the customer; without --yes, forget only says what it would erase."),
        Option("--dry-run", bool, "Say what would be erased, and end with exit code 0."),
        Option(
            "--no-proof",
            bool,
            "Keep no proof of the customer's consents, and erase a proof that was kept before.",
        ),
    ),
    "report": (Option("--open", bool, "Open the page in a browser."),),
    "ui": (
        Option(
            "--port",
            int,
            "The port of the page; by default the port of the last `churn ui`, or 5000, or any free port.",
        ),
        Option("--open", bool, "Open the page in a browser."),
    ),
    "run": (),
}

ENDED_BY_HAND = ("ui",)
"""The verbs that a signal ends well: they serve until then."""


def main(verb: str | None = None, argv: Sequence[str] | None = None) -> int:
    """Run `churn` once and return the exit code.

    Args:
        verb: The verb, if the file of a single verb is called as a program; by default the first argument is
            the verb.
        argv: The arguments after the program's name; by default the arguments of the process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if verb is not None:
        arguments.insert(0, verb)
    gc.set_threshold(NEW_OBJECTS_PER_COLLECTION, 50, 50)
    _open_missing_streams()
    for argument in arguments:
        keep_secrets_of(argument)
    with safe_streams():
        code = None
        with watch_interrupts() as interrupts:
            echo = Echo(interrupts.raise_if_noted)
            try:
                interrupts.is_raising = True
                interrupts.raise_if_noted()
                code = _code_of(arguments, echo, interrupts)
                interrupts.is_raising = False
            except KeyboardInterrupt:
                interrupts.is_raising = False
        # Only here, where no further signal is noted, is it known whether there was one. The verb may have
        # ended well because something swallowed the exception, so its code does not count.
        if code is None or interrupts.first_signal:
            _print_error(f"churn: {interrupts.words}. {_what_was_left(arguments, echo)}")
            return interrupts.exit_code
        return code


def _code_of(arguments: Sequence[str], echo: Echo, interrupts: Interrupts) -> int:
    """Run `churn` with these arguments and return the exit code; without arguments, show the help."""
    try:
        code = _call(arguments or ["--help"], echo, interrupts)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:  # stdout is a full disk
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _print_error(f"churn: the output cannot be written: {error.strerror}. Send it elsewhere.")
        return 2
    return code if arguments else 2


def _open_missing_streams() -> None:
    """Open the streams that the caller has closed (`churn run >&-`), so that printing raises no error."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (open until the process ends)


def _print_error(text: str) -> None:
    """Print a line on stderr; if stderr is closed, the exit code stays the same."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def _what_was_left(arguments: Sequence[str], echo: Echo) -> str:
    """Return what a stopped verb has left behind, and how to go on."""
    verb = arguments[0] if arguments else ""
    steps = f" Finished before: {', '.join(echo.finished_steps)}." if echo.finished_steps else ""
    return (
        f"Complete files stay; files that were not complete are not used.{steps} "
        f"The next call of `churn {verb}` begins again from the start."
    ).replace(" of `churn `", "")


def _call(arguments: Sequence[str], echo: Echo, interrupts: Interrupts) -> int:
    first = arguments[0]
    if not first.startswith("-") and first not in VERBS:
        return _refuse(
            f"'{first}' is not a verb.{did_you_mean(first, VERBS)} `churn --help` lists the verbs."
        )
    app = command_line([first] if first in VERBS else VERBS, echo, interrupts)
    try:
        return int(app(list(arguments), prog_name="churn", standalone_mode=False) or 0)
    except typer.TyperException as error:
        verb = f" {first}" if first in VERBS else ""
        return _refuse(f"{error.format_message().rstrip('.')}. `churn{verb} --help` lists the options.")
    except typer.Abort:
        raise KeyboardInterrupt from None
    except SystemExit:  # typer turns a closed pipe into this
        raise BrokenPipeError from None


def command_line(verbs: Iterable[str], echo: Echo, interrupts: Interrupts) -> typer.Typer:
    """Return the command-line parser for these verbs; if the arguments are valid, it also runs the verb."""
    app = typer.Typer(
        name="churn",
        help="Who is about to leave, when, why, and what to do about it.",
        add_completion=False,
        rich_markup_mode=None,
    )
    app.callback()(lambda: None)  # with one command only, the verb's name would not be part of the call
    for verb in verbs:
        text = _help_of(verb)
        app.command(verb, help=text, short_help=text)(_command(verb, VERBS[verb], echo, interrupts))
    return app


def _help_of(verb: str) -> str:
    """Read the first line of a verb's docstring without importing the verb."""
    text = Path(__file__).with_name(f"{verb}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def _command(verb: str, options: Sequence[Option], echo: Echo, interrupts: Interrupts) -> Any:
    """Build the function of a verb; typer reads the verb's options from its signature."""

    def command(**arguments: Any) -> int:
        own_options = {option.name: arguments[option.name] for option in options}
        return _perform(
            verb,
            echo,
            interrupts,
            params_file=arguments["params"],
            cutoff=arguments["cutoff"],
            overrides=arguments["set"] or [],
            debug=arguments["debug"],
            own_options={
                name: value for name, value in own_options.items() if value is not None and value is not False
            },
        )

    def parameter(
        name: str, kind: Any, default: Any, flag: str, text: str, **settings: Any
    ) -> inspect.Parameter:
        annotation = Annotated[
            kind, typer.Option(flag, help=text, show_default=default == PARAMS_FILE, **settings)
        ]
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)

    common_options = [
        parameter("params", str, PARAMS_FILE, "--params", "The parameter file.", metavar="FILE"),
        parameter(
            "cutoff",
            str | None,
            None,
            "--cutoff",
            "Use only data known before this midnight.",
            metavar="YYYY-MM-DD",
        ),
        parameter(
            "set", list[str] | None, None, "--set", "Override a parameter; repeatable.", metavar="A.B=C"
        ),
        parameter(
            "debug",
            bool,
            False,
            "--debug",
            "Show the traceback of an error, and everything that the verbs of `churn run` print.",
        ),
    ]

    def own_parameter(option: Option) -> inspect.Parameter:
        if option.is_argument:
            kind: Any = option.kind
            annotation = Annotated[
                kind, typer.Argument(help=option.help, metavar=option.flag, show_default=False)
            ]
            return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation)
        if option.kind is bool:
            return parameter(option.name, bool, False, option.flag, option.help)
        return parameter(option.name, option.kind | None, None, option.flag, option.help)

    extra = [own_parameter(option) for option in options]
    signature = inspect.Signature([*extra, *common_options])
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {name: item.annotation for name, item in signature.parameters.items()}
    return command


def _perform(
    verb: str,
    echo: Echo,
    interrupts: Interrupts,
    *,
    params_file: str,
    cutoff: str | None,
    overrides: Sequence[str],
    debug: bool,
    own_options: dict[str, Any],
) -> int:
    """Load the parameters, run the verb, and turn errors into messages and an exit code."""
    try:
        day = _date_of(cutoff) if cutoff is not None else None
    except ValueError:
        return _refuse(
            f"--cutoff '{cutoff}' is not a date. Write the date as YYYY-MM-DD, for example 2024-01-31."
        )
    if verb == "init" and overrides:
        return _refuse(
            "init writes the parameter file, so --set has nothing to change yet. Call `churn init` without "
            "--set, then change the file."
        )
    params: Any = None
    echo.shows_details = debug
    try:
        from churn.params import load_params

        if verb == "demo" and params_file == PARAMS_FILE:
            from pipelines.init import write_starter

            for name in write_starter(Path()):
                echo(f"demo: wrote {name}.")
        params = Path(params_file) if verb == "init" else load_params(Path(params_file), overrides)
        if verb != "init":
            echo.speak = params.label.words.speak
        module = importlib.import_module(f"pipelines.{verb}")
        is_private = verb != "init" and params.private_files
        with _private_files(is_private), output_locks(verb, None if verb == "init" else params):
            code = int(module.run(params, cutoff=day, echo=echo, **own_options) or 0)
        if verb in ENDED_BY_HAND:
            interrupts.first_signal = None
        return code
    except ChurnError as error:
        if interrupts.first_signal:
            raise KeyboardInterrupt from None
        return _report(error, debug, echo.speak)
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as error:
        if interrupts.first_signal:  # a library has turned the exception into its own
            raise KeyboardInterrupt from None
        from pipelines.faults import fault_in_words

        if fault := fault_in_words(error, None if verb == "init" else params):
            return _report(fault, debug, echo.speak)
        if debug:
            traceback.print_exc()
        advice = "" if debug else ", run with --debug for the traceback"
        _print_error(f"a bug: {type(error).__name__}: {' '.join(str(error).split())}{advice}")
        return 1


@contextmanager
def _private_files(is_private: bool) -> Iterator[None]:
    """Let only this process's user read the files written in the `with` block: they hold data of persons.

    Args:
        is_private: Whether only this user may read the files; otherwise the umask of the caller decides.
    """
    umask = os.umask(0o077)
    if not is_private:
        os.umask(umask)
    try:
        yield
    finally:
        os.umask(umask)


def _report(error: ChurnError, debug: bool, speak: Callable[[str], str]) -> int:
    """Print the problems of an error, each reworded by `speak`, and return its exit code."""
    if debug:
        traceback.print_exc()
    for problem in error.problems:
        _print_error(speak(problem))
    return error.exit_code


def _date_of(text: str) -> date:
    day = date.fromisoformat(text)
    if day.isoformat() != text:  # Python also reads 20240131 and 2024-W05-3 as dates
        raise ValueError(text)
    return day


def _refuse(text: str) -> int:
    _print_error(f"churn: {text}")
    return 2

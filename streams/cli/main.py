"""The console script `journey`: commands are found here, and every error ends here in one sentence and an exit code.

Exit codes: 0 fine, 1 failed, 2 wrong use. `JOURNEY_DEBUG=1` shows the stack trace of an error. Command modules import
what they need when they run, so that `journey --help` is fast and works without any server.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import typer
from typer.exceptions import Abort, Exit, TyperException

from streams.cli import (
    config,
    contract,
    demo,
    doctor,
    explain,
    functions,
    kafka,
    letters,
    mapping,
    offline,
    rebuild,
    serve,
    state,
)
from streams.cli.failure import Failure

app = typer.Typer(
    name="journey",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Touchpoints from Kafka, stitched into one journey per customer, with rolling UX and CX metrics.",
)
app.add_typer(kafka.topics, name="topics")
app.add_typer(letters.dlq, name="dlq")
app.add_typer(mapping.app, name="mapping")
for command in (
    demo.demo,
    serve.worker,
    serve.exporter,
    serve.collect,
    kafka.produce,
    offline.simulate,
    offline.fold,
    state.metrics,
    explain.explain,
    state.show,
    state.positions,
    state.digest,
    rebuild.rebuild,
    contract.validate,
    contract.formats,
    contract.schema,
    doctor.doctor,
):
    app.command()(command)
app.add_typer(config.app, name="config")
app.add_typer(functions.app, name="functions")


@app.callback()
def _journey() -> None:
    """Keeps every command a subcommand."""


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and returns its exit code; never raises for what a user or a server can cause."""
    try:
        code = typer.main.get_command(app).main(list(arguments), prog_name="journey", standalone_mode=False)
        sys.stdout.flush()
    except Exit as stop:
        return stop.exit_code
    except (Abort, KeyboardInterrupt):
        return _fail("stopped", 1)
    except TyperException as error:
        return _fail(error.format_message(), error.exit_code)
    except BrokenPipeError:
        # The reader of a pipe has gone (`journey metrics | head`); Python must not flush into it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the outermost border: every error becomes one sentence
        sentence, exit_code = explained(error)
        return _fail(sentence, exit_code)
    return code if isinstance(code, int) else 0


def explained(error: Exception) -> tuple[str, int]:
    """What went wrong in one sentence, and the exit code."""
    from redis.exceptions import RedisError

    from schemas.formats import FormatError
    from streams.files import UnreadableFileError
    from streams.kafka_admin import TopicsError
    from streams.kafka_letters import LettersError
    from streams.kafka_produce import ProduceError
    from streams.reaching import UnreachableError, explain_redis, refusal
    from streams.registry_access import RegistryError
    from streams.settings import SettingsError

    if isinstance(error, Failure):
        return str(error), error.exit_code
    if isinstance(error, FormatError | SettingsError | TopicsError | UnreadableFileError):
        return str(error), 2
    if isinstance(error, LettersError | ProduceError | RegistryError | UnreachableError):
        return str(error), 1
    if isinstance(error, RedisError):
        return f"Redis: {explain_redis(error).sentence}", 1
    if type(error).__module__.partition(".")[0] in {"kafka", "aiokafka"}:
        trouble = refusal(error)
        if trouble is not None:
            return f"Kafka: {trouble.sentence}", 1
        return f"Kafka does not do its part ({_line(error)}); see that JOURNEY_KAFKA names brokers that run", 1
    return f"{type(error).__name__}: {_line(error)}; JOURNEY_DEBUG=1 shows where", 1


def _line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _fail(sentence: str, code: int) -> int:
    if os.environ.get("JOURNEY_DEBUG") == "1" and sys.exc_info()[0] is not None:
        traceback.print_exc()
    if sentence:  # none where the help was shown instead
        sys.stderr.write(f"journey: {sentence}\n")
    return code


def main() -> None:
    """The entry point of the console script."""
    sys.exit(run(sys.argv[1:]))

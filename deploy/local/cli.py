"""`kith`: one command for the local stack and everything an operator does to it."""

import logging
import sys
from importlib import import_module
from pkgutil import iter_modules

import typer

from deploy.local import commands
from schemas.errors import KithError


def build() -> typer.Typer:
    """Return the application with the commands of every module in `deploy.local.commands`."""
    app = typer.Typer(
        name="kith",
        help="Kith: an event-sourced customer data platform for online shops.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    for module in sorted(iter_modules(commands.__path__), key=lambda found: found.name):
        import_module(f"{commands.__name__}.{module.name}").register(app)
    return app


def main() -> None:
    """Run the command; an error that Kith expects is one sentence on standard error and exit code 1."""
    # Libraries' warnings (a broker that is away) are told in Kith's own words, once.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        build()()
    except KithError as error:
        print(f"kith: {error}", file=sys.stderr)
        sys.exit(1)
    except ValueError as error:
        # Imported here: pydantic is not needed to say what commands there are.
        from deploy.local.wrong_settings import explain

        sentence = explain(error)
        if sentence is None:
            raise
        print(f"kith: {sentence}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # `kith logs | head`: nobody reads on.
        sys.exit(0)


if __name__ == "__main__":
    main()

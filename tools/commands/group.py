"""A command that has commands of its own."""

import typer


def group(help_: str) -> typer.Typer:
    """Return a group that shows its help when no command of it is named."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True, help=help_)
    app.callback()(lambda: None)  # without it a group of one command would be that command
    return app

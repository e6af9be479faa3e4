"""The `darkroom` command."""

from __future__ import annotations


def main() -> None:
    from bot.app import App
    from bot.platforms.terminal.commands import cli

    cli(obj=App(), prog_name="darkroom")


if __name__ == "__main__":
    main()

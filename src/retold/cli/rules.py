"""``retold rules``."""

from __future__ import annotations

import click

from retold.cli.options import did_you_mean, format_option


@click.command()
@click.argument("code", required=False)
@format_option("text", "markdown")
def rules(code: str | None, style: str) -> None:
    """List the rules of the validator, or explain one.

    \b
    Example:
      retold rules RT403
    """
    from retold.report.findings import rule_page, rules_table
    from retold.rules import RULES

    if code is not None and code.upper() not in RULES:
        raise click.ClickException(
            f"unknown rule {code!r}{did_you_mean(code.upper(), RULES)}; 'retold rules' lists all"
        )
    click.echo(rules_table(style) if code is None else rule_page(code.upper()), nl=False)

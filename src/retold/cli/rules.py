"""``retold rules``."""

from __future__ import annotations

import click

from retold.cli.options import did_you_mean, format_option, width


@click.command()
@click.argument("code", metavar="[CODE]", required=False)
@format_option("text", "markdown")
def rules(code: str | None, style: str) -> None:
    """List the rules of the validator, or explain one.

    CODE is the code of a rule, its name, or the beginning of several codes.

    \b
    Example:
      retold rules RT403
      retold rules text-differs
      retold rules RT4
    """
    from retold.report.findings import rule_page, rules_table
    from retold.rules import RULES

    given = (code or "").strip()
    named = {rule.name: rule.code for rule in RULES.values()}
    found = (
        [named[given.lower()]] if given.lower() in named else [each for each in RULES if each.startswith(given.upper())]
    )
    if not found or (code is not None and not given):
        close = did_you_mean(given.upper(), RULES) or did_you_mean(given.lower(), named)
        raise click.ClickException(f"unknown rule {code!r}{close}; 'retold rules' lists all")
    if len(found) > 1 or code is None:
        click.echo(rules_table(style, found, width()), nl=False)
    else:
        click.echo(rule_page(found[0], width() if style == "text" else None), nl=False)

"""`tw api dlq`: dead letters."""

import click

from tradewind.client.cli import words
from tradewind.client.cli.output import output_option, show_json, show_table
from tradewind.client.cli.session import connected


@click.group(invoke_without_command=True)
@output_option
@click.pass_context
def dlq(ctx: click.Context, *, output: str) -> None:
    """Inputs that no service could take in. Without a subcommand: list them."""
    if ctx.invoked_subcommand is not None:
        return
    with connected() as client:
        letters = client.dead_letters()
    if output == "json":
        show_json({"letters": letters})
    elif not letters:
        click.echo("No dead letters.")
    else:
        now = words.now()
        rows = [
            [str(each.seq), each.service, each.type, each.about, words.ago(each.time, now), each.why]
            for each in letters
        ]
        show_table(["SEQ", "SERVICE", "TYPE", "ABOUT", "SINCE", "WHY"], rows)


@dlq.command()
@click.argument("seqs", metavar="SEQ...", nargs=-1, required=True, type=click.IntRange(min=1))
def redrive(*, seqs: tuple[int, ...]) -> None:
    """Send dead letters once more, after what they met was mended."""
    with connected() as client:
        for seq in seqs:
            click.echo(f"{seq}: sent to {client.redrive(seq)}")

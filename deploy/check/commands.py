"""Whether the Azure CLI takes every `az` command of the documentation and of nightcap's messages: its own parser reads them, and
nothing is called."""

import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from pathlib import Path

# Before the CLI is there: nothing of its user, no word to Microsoft.
HOME = tempfile.TemporaryDirectory()
os.environ |= {"AZURE_CONFIG_DIR": HOME.name, "AZURE_CORE_COLLECT_TELEMETRY": "no", "AZURE_EXTENSION_DIR": HOME.name + "/none",
               "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no", "AZURE_CORE_USE_COMMAND_INDEX": "yes"}

from azure.cli.core import get_default_cli  # noqa: E402
from knack.events import EVENT_INVOKER_POST_PARSE_ARGS  # noqa: E402


def main():
    commands = [(path, command) for path in [Path("README.md"), *sorted(Path("docs").glob("*.md"))] for command in commands_of(path)]
    messages = [(path, command) for path in sorted(Path("src").rglob("*.rs")) for command in commands_told(path)]
    commands += messages
    problems = [f"{path}: {command}\n  {problem}" for path, command in commands for problem in [refused(command)] if problem]
    if len(commands) < 40 or len(messages) < 3:
        problems.append(f"Only {len(commands)} commands were found in documentation and messages.")
    sys.exit("\n".join(problems) or None)


def commands_of(path):
    """Those after a `$`, also within `$(…)`, and those in a line of text that leave nothing out."""
    text = path.read_text()
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for line in re.split(r"^\s*\$ ", block, flags=re.MULTILINE)[1:]:
            line = re.sub(r"\\\n\s*", "", line)
            yield from map(filled, re.findall(r"\$\((az [^)]*)\)", line))
            line = re.sub(r"\$\([^)]*\)", "VALUE", line)
            yield from (first_command(filled(command)) for command in re.findall(r"(?:^|; do )(az .*?)(?:; done.*)?\Z", line, re.DOTALL))
    for line in re.findall(r"`(az [^`]*)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if "…" not in line:
            # One that is only named has to be there.
            yield filled(line if " --" in line else f"{line} --help")


def commands_told(path):
    """Those at the end of a message, or of a sentence in it."""
    text = re.sub(r"\\\n\s*", "", path.read_text())
    part = r"(?:\\.|[^\"\\])"
    for command in re.findall(rf"\b(az [a-z]+ [a-z]{part}*? --{part}*?)(?:\"|\. )", text):
        yield re.sub(r"\{\w*\}", "VALUE", command.replace('\\"', '"'))


def filled(command):
    """With what the CLI looks into put in place of variables."""
    return command.replace("$MACHINE", "/subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/virtualMachines/V")


def first_command(line):
    """Without the comment behind it and without what the command prints."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.whitespace, lexer.commenters = True, " \t", "#"
    words = []
    for word in lexer:
        if word.startswith("\n") or "\n" in word and not words:
            break
        head, newline, _ = word.partition("\n") if not word.lstrip().startswith("{") else (word, "", "")
        words.append(head)
        if newline:
            break
    return shlex.join(words)


class Taken(BaseException):
    """The parser has taken a command. Nothing behind it is to be done."""


def refused(command):
    """What the CLI has against a command, or nothing."""
    cli = get_default_cli()

    def stop(*_, **__):
        raise Taken

    cli.register_event(EVENT_INVOKER_POST_PARSE_ARGS, stop)
    cli.invocation = cli.invocation_cls(cli_ctx=cli, parser_cls=cli.parser_cls, commands_loader_cls=cli.commands_loader_cls,
                                        help_cls=cli.help_cls)
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            cli.invocation.execute(shlex.split(command)[1:])
        except Taken:
            return None
        except SystemExit as end:
            if end.code == 0:
                return None
        except Exception as error:
            return str(error)
    return said.getvalue().strip().partition("\n")[0] or "it is not taken"


if __name__ == "__main__":
    main()

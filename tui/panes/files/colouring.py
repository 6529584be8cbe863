"""A program of its own: says which parts of a text are keywords, strings, numbers, comments and names.

It stands alone because a text may be hostile: a lexer's regular expressions can be made to run for ever, and nothing
in the same process could stop them. It reads a JSON object with `name` and `text`, and writes a list of
`[line, from, to, kind]`. Its time and memory are limited by itself; its caller waits only so long.
"""

import json
import resource
import sys


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (3, 3))
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    asked = json.load(sys.stdin)
    json.dump(spans(asked["name"], asked["text"]), sys.stdout)


def spans(name: str, text: str) -> list[tuple[int, int, int, str]]:
    """Of a file of this name; none where no lexer knows it."""
    from pygments.lexers import get_lexer_for_filename, guess_lexer
    from pygments.lexers.special import TextLexer
    from pygments.token import Token
    from pygments.util import ClassNotFound

    kinds = (
        (Token.Comment, "comment"),
        (Token.Keyword, "keyword"),
        (Token.Name.Tag, "keyword"),
        (Token.Name.Attribute, "name"),
        (Token.Name.Function, "name"),
        (Token.Name.Class, "name"),
        (Token.Name.Builtin, "name"),
        (Token.Generic.Heading, "keyword"),
        (Token.Literal.String, "string"),
        (Token.Literal.Number, "number"),
    )
    try:
        lexer = get_lexer_for_filename(name, text[:2000], stripnl=False, ensurenl=False)
    except ClassNotFound:
        if not text.startswith(("#!", "<?xml", "<!DOCTYPE", "{")):
            return []
        try:
            lexer = guess_lexer(text[:2000], stripnl=False, ensurenl=False)
        except ClassNotFound:
            return []
    if isinstance(lexer, TextLexer):
        return []
    found, line, column = [], 0, 0
    for token, value in lexer.get_tokens(text):
        kind = next((kind for above, kind in kinds if token in above), "")
        for number, part in enumerate(value.split("\n")):
            if number:
                line, column = line + 1, 0
            if kind and part:
                found.append((line, column, column + len(part), kind))
            column += len(part)
    return found


if __name__ == "__main__":
    main()

"""The product speaks the words of docs/glossary.md, in plain sentences, in files of readable size.

Run as a program, it prints every offence: ``python tests/system/test_language.py [FOLDER]``.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
STREAM = ROOT / "stream"
GLOSSARY = ROOT / "docs" / "glossary.md"

#: Words that hide who does what, anywhere: in identifiers, comments, help and documents.
VAGUE = (
    *("told", "tell", "tells", "telling", "hear", "hears", "heard", "hearing", "whoever", "anew"),
    *("everybody", "nobody", "somebody", "say", "says", "said", "saying", "ask", "asks", "asked"),
    *("asking", "whom", "afresh", "grave", "graver", "gravest"),
)
#: Private words, each with the term of the field that replaces it.
PRIVATE = {
    "lane": "partition task",
    "lanes": "partition tasks",
    "carrier": "record batch",
    "intimates": "phrase co-occurrence, repeated",
    "acquaintances": "phrase co-occurrence",
    "strangers": "weak ties",
    "companions": "co-location",
    "neighbours": "address co-occurrence",
    "partners": "prompt co-occurrence",
    "hindsight": "feedback calibration",
    "belonging": "cluster assignment",
    "chronicle": "incident history",
    "heir": "state restorer",
    "judge": "score",
    "judges": "scores",
    "judged": "scored",
    "judgement": "score, or a person's verdict",
    "judgements": "scores, or verdicts",
    "judging": "scoring",
    "newcomer": "probationary segment",
    "newcomers": "probationary segment",
    "popular": "high-prevalence",
    "forced": "early firing",
}
WORDS = frozenset({*VAGUE, *PRIVATE})
#: Patterns of sentences that have to be read twice.
PHRASES = re.compile(
    r"\b(of what|(?-i:[Ii]s none)|by itself|by themselves|as good as|so many|linking values?"
    r"|what is \w+ of|what became of|goes on|go on|going on)\b"
    r"|(?-i:(?:(?<=[.#] )|(?<=\"\"\"))Of (?:a|an|the|those)\b)",
    re.IGNORECASE,
)
#: Python's own names, and literal text of others that the product has to name.
FOREIGN = re.compile(
    r"\.tell\(|popular libraries"
    # words of simulated prompts
    r"|ask one question back|\} asks: |\} says |say so and stop|and say why|asking around"
    r"|boss asked",
    re.IGNORECASE,
)


TEXTS = ("*.md", "*.yaml", "*.yml", "*.toml", "*.json", "Dockerfile", "Makefile", "*.js", "*.html")
PLACES = ("stream", "deploy", "docs", "grafana", "README.md", "CONTRIBUTING.md", "Makefile")


@dataclass(frozen=True, order=True)
class Offence:
    """A forbidden ``word`` in a line of a file."""

    path: str
    line: int
    word: str
    text: str

    def __str__(self) -> str:
        """Return the place, the word with its replacement, and the line."""
        term = PRIVATE.get(self.word)
        instead = f" ({term})" if term else ""
        return f"{self.path}:{self.line}: {self.word!r}{instead}: {self.text}"


def split(name: str) -> list[str]:
    """Return the words of an identifier in snake_case or CamelCase, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def written(text: str) -> Iterator[str]:
    """Yield the forbidden words and phrases of a text."""
    text = FOREIGN.sub("", text)
    yield from (match[0] for match in PHRASES.finditer(text))
    for token in re.findall(r"[A-Za-z_]+", text):
        yield from (word for word in split(token) if word in WORDS)


def in_python(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and word of offences in identifiers, comments and strings."""
    source = path.read_text()
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            after = lines[token.start[0] - 1][token.start[1] - 1 :]
            if not FOREIGN.match(after):
                yield from ((token.start[0], word) for word in split(token.string) if word in WORDS)
        elif token.type in {tokenize.STRING, tokenize.COMMENT}:
            for number, line in enumerate(token.string.splitlines()):
                yield from ((token.start[0] + number, word) for word in written(line))


def in_text(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and word of offences in a document."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        yield from ((number, word) for word in written(line))


def files(place: str) -> Iterator[Path]:
    path = ROOT / place
    if path.is_file():
        yield path
        return
    for pattern in ("*.py", *TEXTS):
        yield from (
            found for found in sorted(path.rglob(pattern))
            if found.is_file() and not found.is_symlink() and not found.parent.is_symlink()
        )  # fmt: skip


def offences() -> list[Offence]:
    found = []
    for place in PLACES:
        for path in files(place):
            lines = path.read_text().splitlines()
            read = in_python if path.suffix == ".py" else in_text
            found += [
                Offence(str(path.relative_to(ROOT)), line, word, lines[line - 1].strip())
                for line, word in read(path)
            ]
    return sorted(found)


def test_the_product_speaks_the_glossary() -> None:
    assert [str(one) for one in offences()] == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def carrierOf(lane): pass", ["carrier", "lane"]),
        ("class HeirTable: ...", ["heir"]),
        ("x = 1  # nobody is told", ["nobody", "told"]),
        ('"""Of a group what is known of it."""', ["Of a", "what is known of"]),
        ("file.tell()", []),
        ("x is None", []),
    ],
)
def test_the_reader_finds_words_where_they_are(
    source: str, words: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "module.py"
    path.write_text(source)
    assert [word for _, word in in_python(path)] == words


def classes() -> Iterator[tuple[Path, ast.ClassDef]]:
    for path in sorted(STREAM.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                yield path, node


def test_no_two_public_classes_have_one_name() -> None:
    names = Counter(node.name for _, node in classes() if not node.name.startswith("_"))
    assert sorted(name for name, count in names.items() if count > 1) == []


def test_each_term_of_the_glossary_is_defined_once() -> None:
    terms = Counter(re.findall(r"^\| ([^|]+?) \|", GLOSSARY.read_text(), re.MULTILINE))
    defined = {
        term: count for term, count in terms.items() if term != "term" and set(term) != {"-"}
    }
    assert len(defined) > 30
    assert {term for term, count in defined.items() if count > 1} == set()


def sizes() -> dict[str, int]:
    return {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in sorted(STREAM.rglob("*.py"))
    }


def test_files_are_short() -> None:
    lines = [count for count in sizes().values() if count > 1]
    assert median(lines) <= 120
    assert quantiles(lines, n=10)[-1] <= 250
    assert [name for name, count in sizes().items() if count > 400] == []


def methods() -> dict[str, int]:
    return {
        f"{path.relative_to(ROOT)}:{node.name}": sum(
            isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) for one in node.body
        )
        for path, node in classes()
    }


def test_classes_have_few_methods() -> None:
    assert [name for name, count in methods().items() if count > 15] == []


if __name__ == "__main__":
    for one in offences():
        if one.path.startswith(tuple(sys.argv[1:])):
            print(one)

"""Each stub agrees with the installed library, private parts included.

A new version of Faust, aiokafka or River that drops a part which the product uses, or gives it
other parameters, fails here and not in a running worker.
"""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

STUBS = Path(__file__).parents[1] / "stubs"
Function = ast.FunctionDef | ast.AsyncFunctionDef


def module_of(path: Path) -> str:
    parts = path.relative_to(STUBS).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def parts() -> Iterator[tuple[str, str, ast.stmt]]:
    """Yield module, class (empty for a function) and definition of each part of the stubs."""
    for path in sorted(STUBS.rglob("*.pyi")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                for member in node.body:
                    yield module_of(path), node.name, member
                yield module_of(path), "", node
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.AnnAssign):
                yield module_of(path), "", node


def named(part: ast.stmt) -> str:
    if isinstance(part, ast.AnnAssign):
        return ast.unparse(part.target)
    return getattr(part, "name", "")


PARTS = {
    ".".join(filter(None, (module, owner, named(part)))): (module, owner, part)
    for module, owner, part in parts()
    if named(part)
}


def source(owner: type) -> str:
    """Return the source of a class; empty where Python does not find it, as that of a protocol."""
    try:
        return inspect.getsource(owner)
    except OSError:
        return ""


def sets(owner: type, name: str) -> bool:
    """Return whether a class, or one that it inherits from, has or sets an attribute."""
    if inspect.getattr_static(owner, name, None) is not None:
        return True
    sources = [source(base) for base in owner.__mro__ if base.__module__ != "builtins"]
    return any(f"self.{name}" in text or f"    {name}:" in text for text in sources)


def differences(stub: Function, real: Any) -> list[str]:
    """Return how the parameters of a stub and of the real function differ, one text for each."""
    taken = [*inspect.signature(real).parameters.values()]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in taken)
    positional = [a.arg for a in (*stub.args.posonlyargs, *stub.args.args)]
    stub_names = {*positional, *(a.arg for a in stub.args.kwonlyargs)}
    unknown = [] if takes_any else sorted(stub_names - {p.name for p in taken})
    found = [f"no {name}" for name in unknown]
    order = [p.name for p in taken if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
    if not stub.args.vararg and [n for n in positional if n in order] != order[: len(positional)]:
        found.append(f"positions are {order}")
    if not stub.args.kwarg:
        found += [
            f"needs {p.name}"
            for p in taken
            if p.default is p.empty
            and p.kind not in {p.VAR_KEYWORD, p.VAR_POSITIONAL}
            and p.name not in stub_names
        ]
    return found


def is_property(stub: Function) -> bool:
    return any(ast.unparse(one) == "property" for one in stub.decorator_list)


@pytest.mark.parametrize("name", sorted(PARTS))
def test_the_library_has_what_the_stub_describes(name: str) -> None:
    module, owner_name, part = PARTS[name]
    owner: Any = import_module(module)
    if owner_name:
        owner = getattr(owner, owner_name)
    if not isinstance(part, Function) or is_property(part):
        assert sets(owner, named(part)) if owner_name else hasattr(owner, named(part))
        return
    real = getattr(owner, part.name)
    assert differences(part, real) == []
    assert inspect.iscoroutinefunction(real) == isinstance(part, ast.AsyncFunctionDef)


def test_a_difference_is_found() -> None:
    def real(topic: str, partition: int, *, acks: int) -> None: ...

    def stub(text: str) -> Function:
        (node,) = ast.parse(text).body
        assert isinstance(node, ast.FunctionDef)
        return node

    assert differences(stub("def f(topic, partition, *, acks): ..."), real) == []
    assert differences(stub("def f(topic, partition): ..."), real) == ["needs acks"]
    assert "no key" in differences(stub("def f(topic, key, *, acks): ..."), real)
    assert differences(stub("def f(partition, topic, *, acks): ..."), real) != []


def test_the_private_parts_that_the_product_uses_are_stubbed() -> None:
    """Those that a mistake would hurt most: each is read or overridden in stream/worker."""
    assert {
        "aiokafka.AIOKafkaConsumer._client",
        "aiokafka.consumer.fetcher.PartitionRecords._consumer_record",
        "faust.App._crashed",
        "faust.transport.drivers.aiokafka.AIOKafkaConsumerThread._consumer",
        "faust.transport.drivers.aiokafka.AIOKafkaConsumerThread._ensure_consumer",
        "faust.transport.drivers.aiokafka.Consumer._add_gap",
        "faust.transport.drivers.aiokafka.Consumer._getmany",
        "faust.transport.drivers.aiokafka.Consumer._to_message",
        "river.anomaly.HalfSpaceTrees._first_window",
    } <= PARTS.keys()

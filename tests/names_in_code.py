"""Find the names in the code that are kept on disk and in chats, with `{}` where a value is filled in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
UNKNOWN = "{}"


@dataclass
class Scope:
    """What names mean in a module, or in one of its functions."""

    values: dict[str, ast.expr] = field(default_factory=dict)
    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)  # the module, and the name in it

    def pattern(self, node: ast.expr | None) -> str:
        """Read an expression as a text."""
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.JoinedStr(values=parts):
                return "".join(map(self.pattern, parts))
            case ast.FormattedValue(value=part):
                return self.pattern(part)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self.pattern(left) + self.pattern(right)
            case ast.IfExp(body=some, orelse=ast.Constant(value="")):
                return self.pattern(some)
            case ast.Name(id=name):
                return self._named(name)
            case ast.Attribute(value=ast.Name(id=module), attr=name) if module in self.imports:
                return _within(self.imports[module])._named(name)
            case ast.Call(func=ast.Name(id=name)) if name in self.functions:
                return _returned(self, self.functions[name])
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)) if module in self.imports:
                there = _within(self.imports[module])
                return _returned(there, there.functions[name]) if name in there.functions else UNKNOWN
            case _:
                return UNKNOWN

    def _named(self, name: str) -> str:
        if name in self.values:
            others = {each: value for each, value in self.values.items() if each != name}  # or it could go in circles
            return Scope(others, self.functions, self.imports).pattern(self.values[name])
        if name in self.imports:
            module, there = self.imports[name]
            return scope_of(module)._named(there) if _path(module).exists() else UNKNOWN
        return UNKNOWN

    def inside(self, function: ast.AST) -> Scope:
        """The same, with what a function assigns. Its parameters and loops hide the module's names."""
        nodes = list(ast.walk(function))
        own = {name: value for node in nodes for name, value in _assigned(node)}
        hidden = {node.arg for node in nodes if isinstance(node, ast.arg)}
        known = {name: value for name, value in self.values.items() if name not in hidden}
        return Scope(known | own, self.functions, self.imports)


def _returned(there: Scope, function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    found = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    return there.inside(function).pattern(found[0]) if len(found) == 1 else UNKNOWN


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
            yield from (
                (each.id, value) for each, value in zip(names, values, strict=False) if isinstance(each, ast.Name)
            )
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            yield name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value


def _module(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")


def _path(module: str) -> Path:
    return ROOT / f"{module.replace('.', '/')}.py"


def _within(imported: tuple[str, str]) -> Scope:
    """The module that an imported name is, where it is one of ours."""
    module = ".".join(imported)
    return scope_of(module) if _path(module).exists() else Scope()


def _tree_of(module: str) -> ast.Module:
    return tree_of(_path(module))


@cache
def tree_of(path: Path) -> ast.Module:
    """A module as it was read; all tests of the code share it."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def scope_of(module: str) -> Scope:
    scope = Scope()
    for node in _tree_of(module).body:
        scope.values.update(_assigned(node))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            scope.functions[node.name] = node
        if isinstance(node, ast.ImportFrom) and node.module:
            scope.imports.update({each.asname or each.name: (node.module, each.name) for each in node.names})
    return scope


@dataclass(frozen=True)
class Call:
    """A call as it stands in the code: `object.method(arguments)`, each argument as a pattern."""

    module: str
    object: str
    method: str
    _node: ast.Call
    _scope: Scope

    @property
    def arguments(self) -> tuple[str, ...]:
        return tuple(map(self._scope.pattern, self._node.args))

    @property
    def named(self) -> dict[str, str]:
        return {each.arg: self._scope.pattern(each.value) for each in self._node.keywords if each.arg}


def calls(folder: str) -> Iterator[Call]:
    """Every call in the modules of a folder."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        module = _module(path)
        for node, scope in _with_scope(_tree_of(module), scope_of(module)):
            if isinstance(node, ast.Call):
                yield Call(module, *_names(node.func), node, scope)


def _names(function: ast.expr) -> tuple[str, str]:
    """The object and the method that are called, where they have names."""
    match function:
        case ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=method):
            return owner, method
        case ast.Name(id=method) | ast.Attribute(attr=method):
            return "", method
        case _:
            return "", ""


def _with_scope(tree: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
    """Every node, with what names mean where it stands."""
    waiting = [(tree, scope)]
    while waiting:
        parent, scope = waiting.pop()
        for node in ast.iter_child_nodes(parent):
            yield node, scope
            inner = scope.inside(node) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else scope
            waiting.append((node, inner))


def texts(folder: str) -> Iterator[str]:
    """Every text in the modules of a folder, those with values in them too."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        scope, tree = scope_of(_module(path)), _tree_of(_module(path))
        parts = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and node not in parts):
                yield scope.pattern(node)


def entries(module: str) -> Iterator[tuple[str, str]]:
    """The keys and values of all that is written as a dict in a module."""
    scope = scope_of(module)
    for node in ast.walk(_tree_of(module)):
        if isinstance(node, ast.Dict):
            yield from (
                (scope.pattern(key), scope.pattern(value)) for key, value in zip(node.keys, node.values, strict=True)
            )


def classes(module: str) -> Iterator[str]:
    yield from (f"{module}.{node.name}" for node in _tree_of(module).body if isinstance(node, ast.ClassDef))


def answered(module: str, function: str) -> Iterator[str]:
    """What a function looks for in the name that it is given: texts that it compares, and patterns that it matches."""
    scope = scope_of(module)
    for node in ast.walk(scope.functions[function]):
        match node:
            case ast.Compare(ops=[ast.Eq()], comparators=[text]):
                yield scope.pattern(text)
            case ast.Call(func=ast.Attribute(attr="fullmatch"), args=[pattern, *_]):
                yield scope.pattern(pattern)

"""Validate prompts, with ComfyUI's error messages and formats."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from comfy.embedded.node import Host, NodeType, Spec

Graph: TypeAlias = Mapping[str, Any]
Fault: TypeAlias = dict[str, Any]
#: Validates something; yields the id of a node that must be validated first.
Verdicts: TypeAlias = Generator[str, bool, bool]

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CONVERT = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
_DYNAMIC = "COMFY_DYNAMICCOMBO_V3"
_LONG_LIST = 20  # choices; the error leaves out a longer list


@dataclass(frozen=True)
class Verdict:
    """The result of a validation: the error, the outputs that may run, and the errors of each node."""

    error: Fault | None
    outputs: tuple[str, ...] = ()
    node_errors: Mapping[str, Fault] = field(default_factory=dict)


def is_prompt_id(value: object) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def fault(type_: str, message: str, details: str = "", **extra_info: Any) -> Fault:
    return {"type": type_, "message": message, "details": details, "extra_info": extra_info}


def spec_of(spec: Any, host: Host) -> Spec:
    """Return a declared spec, with the current choices if it is a function of the host."""
    found: Spec = spec(host) if callable(spec) else spec
    return found


def declared(node: NodeType, host: Host) -> dict[str, tuple[Spec, bool]]:
    """Return every input with its spec, and True if it is required."""
    return {
        **{name: (spec_of(spec, host), True) for name, spec in node.required.items()},
        **{name: (spec_of(spec, host), False) for name, spec in node.optional.items()},
    }


def validate(graph: Graph, nodes: Mapping[str, NodeType], host: Host, targets: list[str] | None = None) -> Verdict:
    """Validate a prompt. Values are converted in place, as on the real server."""
    for node_id, node in graph.items():
        problem = _missing_class(node_id, node, nodes)
        if problem is not None:
            return Verdict(problem)
    outputs = [node_id for node_id, node in graph.items() if nodes[node["class_type"]].output_node]
    if targets is not None:
        outputs = [node_id for node_id in outputs if node_id in targets]
    if not outputs:
        return Verdict(fault("prompt_no_outputs", "Prompt has no outputs"))
    return _Validation(graph, nodes, host).judge(outputs)


def _missing_class(node_id: str, node: Any, nodes: Mapping[str, NodeType]) -> Fault | None:
    title = (node.get("_meta") or {}).get("title")
    class_type = node.get("class_type")
    if class_type is None:
        said = f"Node '{title or f'ID #{node_id}'}' has no class_type. "
        said += "The workflow may be corrupted or a custom node is missing."
    elif class_type not in nodes:
        title = title or class_type
        said = f"Node '{title}' not found. The custom node may not be installed."
    else:
        return None
    extra = {"node_id": node_id, "class_type": class_type, "node_title": title}
    return fault("missing_node_type", said, f"Node ID '#{node_id}'", **extra)


class _Validation:
    """One walk up from the outputs. Each node is validated once, and fails if a node above it fails."""

    def __init__(self, graph: Graph, nodes: Mapping[str, NodeType], host: Host) -> None:
        self._graph, self._nodes, self._host = graph, nodes, host
        self._faults: dict[str, list[Fault]] = {}
        self._good: dict[str, bool] = {}
        self._path: list[str] = []

    def judge(self, outputs: list[str]) -> Verdict:
        good, errors, own = list[str](), dict[str, Fault](), list[Fault]()
        for output in outputs:
            before = set(self._faults)
            if self._validate_output(output):
                good.append(output)
                continue
            own += self._faults.get(output, ())
            for node_id in self._upstream(output):
                if node_id in self._faults and (node_id not in before or node_id in errors):
                    self._tell(errors, node_id, output)
        if good:
            return Verdict(None, tuple(good), errors)
        details = "\n".join(
            f"{each['message']}: {each['details']}" if each["details"] else each["message"] for each in own
        )
        message = "Prompt outputs failed validation" + (":" if details else "")
        return Verdict(fault("prompt_outputs_failed_validation", message, details), (), errors)

    def _tell(self, errors: dict[str, Fault], node_id: str, output: str) -> None:
        entry = {"errors": self._faults[node_id], "dependent_outputs": [], "class_type": self._class(node_id)}
        errors.setdefault(node_id, entry)["dependent_outputs"].append(output)

    def _upstream(self, output: str) -> list[str]:
        found, todo = list[str](), [output]
        while todo:
            node_id = todo.pop()
            if node_id in self._graph and node_id not in found:
                found.append(node_id)
                todo += [value[0] for value in self._graph[node_id]["inputs"].values() if _is_link(value)]
        return found

    def _validate_output(self, node_id: str) -> bool:
        try:
            return self._walk(node_id)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            extra = {"exception_type": type(error).__name__, "traceback": []}
            self._add(
                node_id, fault("exception_during_validation", "Exception when validating node", str(error), **extra)
            )
            return False

    def _walk(self, node_id: str) -> bool:
        """Validate a node and those above it, with an explicit stack, because a graph may be deeper than Python's
        stack.
        """
        stack, verdict, error = [self._validate(node_id)], None, None
        while stack:
            try:
                source = stack[-1].send(verdict) if error is None else stack[-1].throw(error)  # type: ignore[arg-type]
            except StopIteration as done:
                stack.pop()
                verdict, error = done.value, None
            except (KeyError, IndexError, TypeError, ValueError) as fault:
                stack.pop()
                verdict, error = None, fault
            else:
                stack.append(self._validate(source))
                verdict, error = None, None
        if error is not None:
            raise error
        return bool(verdict)

    def _validate(self, node_id: str) -> Verdicts:
        if node_id in self._good:
            return self._good[node_id]
        if node_id in self._path:
            return self._cycle(node_id)
        self._path.append(node_id)
        try:
            good = True
            for each in self._inputs(node_id):  # all errors, not only the first
                good = (yield from self._input(node_id, *each)) and good
            good = good and self._custom(node_id)
        finally:
            self._path.pop()
        self._good[node_id] = good = good and node_id not in self._faults
        return good

    def _inputs(self, node_id: str) -> Iterator[tuple[str, Spec, bool]]:
        given = self._graph[node_id]["inputs"]
        for name, (spec, required) in declared(self._node(node_id), self._host).items():
            yield name, spec, required
            if spec[0] == _DYNAMIC:
                yield from _sub_inputs(name, spec, given.get(name))

    def _input(self, node_id: str, name: str, spec: Spec, required: bool) -> Verdicts:
        given = self._graph[node_id]["inputs"]
        if name not in given:
            if required:
                missing = fault("required_input_missing", "Required input is missing", name, input_name=name)
                return self._add(node_id, missing)
            return True
        value = given[name]
        if isinstance(value, list):
            return (yield from self._link(node_id, name, spec, value))
        if isinstance(value, dict) and "__value__" in value:
            value = given[name] = value["__value__"]
        return self._literal(node_id, name, spec, value)

    def _link(self, node_id: str, name: str, spec: Spec, value: list[Any]) -> Verdicts:
        config = list(spec)
        if len(value) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            extra = {"input_name": name, "input_config": config, "received_value": value}
            return self._add(node_id, fault("bad_linked_input", message, name, **extra))
        source, slot = value
        received = self._node(source).outputs[slot][1]
        if not _fits(received, spec[0]):
            extra = {"input_name": name, "input_config": config, "received_type": received, "linked_node": value}
            details = f"{name}, received_type({received}) mismatch input_type({spec[0]})"
            message = "Return type mismatch between linked nodes"
            return self._add(node_id, fault("return_type_mismatch", message, details, **extra))
        try:
            return (yield source)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            extra = {"input_name": name, "input_config": config, "exception_message": str(error)}
            extra |= {"exception_type": type(error).__name__, "traceback": [], "linked_node": value}
            message = "Exception when validating inner node"
            self._good[source] = False
            self._add(source, fault("exception_during_inner_validation", message, str(error), **extra))
            return False

    def _literal(self, node_id: str, name: str, spec: Spec, value: Any) -> bool:
        kind, options = spec
        extra = {"input_name": name, "input_config": list(spec), "received_value": value}
        if isinstance(kind, str) and kind in _CONVERT:
            try:
                value = self._graph[node_id]["inputs"][name] = _CONVERT[kind](value)
            except (ValueError, TypeError, OverflowError) as error:
                message = f"Failed to convert an input value to a {kind} value"
                extra["exception_message"] = str(error)
                return self._add(node_id, fault("invalid_input_type", message, f"{name}, {value}, {error}", **extra))
            extra["received_value"] = value
        if kind in ("INT", "FLOAT"):
            if "min" in options and value < options["min"]:
                message = f"Value {value} smaller than min of {options['min']}"
                return self._add(node_id, fault("value_smaller_than_min", message, name, **extra))
            if "max" in options and value > options["max"]:
                message = f"Value {value} bigger than max of {options['max']}"
                return self._add(node_id, fault("value_bigger_than_max", message, name, **extra))
        choices = _choices(spec)
        if choices is not None and value not in choices and not self._checks_itself(node_id, name):
            return self._add(node_id, _not_in_list(name, value, choices, extra))
        return True

    def _checks_itself(self, node_id: str, name: str) -> bool:
        return self._node(node_id).check is not None and "host" in self._node(node_id).wants

    def _custom(self, node_id: str) -> bool:
        check = self._node(node_id).check
        if check is None:
            return True
        given = self._graph[node_id]["inputs"]
        literals = {
            name: value for name, value in given.items() if name in self._declared(node_id) and not _is_link(value)
        }
        wrong = check(self._host, **literals)
        if wrong is None:
            return True
        name = wrong.partition(" - ")[0]
        message = "Custom validation failed for node"
        return self._add(node_id, fault("custom_validation_failed", message, wrong, input_name=name))

    def _cycle(self, node_id: str) -> bool:
        members = self._path[self._path.index(node_id) :]
        start = members.index(min(members))
        members = members[start:] + members[:start]
        details = " -> ".join(f"{each} ({self._class(each)})" for each in [*members, members[0]])
        for each in members:
            if each not in self._faults:
                extra = {"node_id": each, "cycle_nodes": members}
                self._add(each, fault("dependency_cycle", "Dependency cycle detected", details, **extra))
        return False

    def _add(self, node_id: str, found: Fault) -> bool:
        self._faults.setdefault(node_id, []).append(found)
        return False

    def _node(self, node_id: str) -> NodeType:
        return self._nodes[self._graph[node_id]["class_type"]]

    def _declared(self, node_id: str) -> set[str]:
        return {*self._node(node_id).required, *self._node(node_id).optional}

    def _class(self, node_id: str) -> str:
        return str(self._graph[node_id]["class_type"])


def _is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def _fits(received: str, wanted: Any) -> bool:
    if isinstance(wanted, list) or wanted == "COMBO":
        return received in ("COMBO", "STRING", "*")
    return "*" in (received, wanted) or bool(set(received.split(",")) & set(str(wanted).split(",")))


def _choices(spec: Spec) -> list[Any] | None:
    kind, options = spec
    if isinstance(kind, list):
        return kind
    if kind == "COMBO":
        return list(options["options"]) if "options" in options else None
    if kind == _DYNAMIC:
        return [option["key"] for option in options["options"]]
    return None


def _sub_inputs(name: str, spec: Spec, key: Any) -> Iterator[tuple[str, Spec, bool]]:
    for option in spec[1]["options"]:
        if option["key"] == key:
            for group in ("required", "optional"):
                for sub, sub_spec in option["inputs"].get(group, {}).items():
                    yield f"{name}.{sub}", (sub_spec[0], dict(sub_spec[1])), group == "required"


def _not_in_list(name: str, value: Any, choices: list[Any], extra: Fault) -> Fault:
    listed = str(choices)
    if len(choices) > _LONG_LIST:
        extra["input_config"] = None
        listed = f"(list of length {len(choices)})"
    return fault("value_not_in_list", "Value not in list", f"{name}: '{value}' not in {listed}", **extra)

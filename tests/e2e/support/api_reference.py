"""What is documented of the A actions, read from kvstore_api.tsv: parameters and answer shapes."""

import re
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).with_name("kvstore_api.tsv")


@dataclass
class Parameter:
    """One documented parameter; `name` may hold `.N`."""

    name: str
    type: str
    required: bool
    values: list


@dataclass
class Action:
    """One documented action."""

    name: str
    parameters: list = field(default_factory=list)
    shape: dict = field(default_factory=dict)
    codes: list = field(default_factory=list)


def load():
    """All actions by name."""
    actions = {}
    for line in FILE.read_text().splitlines():
        if line.startswith("#"):
            continue
        name, what, *rest = line.split("\t")
        action = actions.setdefault(name, Action(name))
        if what == "->":
            action.shape = _fields(rest[0])[0] if rest else {}
        elif what == "!":
            action.codes = rest[0].split() if rest else []
        else:
            values = rest[2].split("|") if 2 < len(rest) else []
            action.parameters.append(Parameter(what, rest[0], rest[1] == "required", values))
    return actions


def _fields(text):
    """Parses `A:i,B{C,D[]:s}`; gives the fields and what follows them."""
    fields = {}
    while text and text[0] != "}":
        name, text = re.match(r"(\w+)(.*)", text).groups()
        is_list = text.startswith("[]")
        text = text.removeprefix("[]")
        if text.startswith("{"):
            inner, text = _fields(text[1:])
            text = text.removeprefix("}")
        else:
            kind, text = re.match(r"(:[ibns])?(.*)", text).groups()
            inner = {":i": int, ":b": bool, ":n": (int, float)}.get(kind, str)
        fields[name] = [inner] if is_list else inner
        text = text.removeprefix(",")
    return fields, text


def differences(shape, answer, path=""):
    """Where an answer has another type than documented, and what it lacks, as (path, what)."""
    found = []
    for name, expected in shape.items():
        where = f"{path}.{name}" if path else name
        if name not in answer:
            found.append((where, "missing"))
        else:
            found += _value(expected, answer[name], where)
    return found


def _value(expected, value, where):
    if isinstance(expected, list):
        if not isinstance(value, list):
            return [(where, f"no list: {value!r}")]
        return [one for item in value for one in _value(expected[0], item, f"{where}[]")]
    if isinstance(expected, dict):
        if not isinstance(value, dict):
            return [(where, f"no object: {value!r}")]
        return differences(expected, value, where)
    is_bool = isinstance(value, bool)
    if not isinstance(value, expected) or is_bool and expected is not bool:
        return [(where, f"not documented so: {value!r}")]
    return []

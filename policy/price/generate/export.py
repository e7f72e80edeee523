"""Prints the data of a genai-prices wheel as JSON, in the form of the project's
own data.json. In comes the path of the wheel's data.py; nothing of the package
is run but that file, which builds objects of classes that are stood in for here.
"""

import ast
import datetime
import decimal
import importlib.util
import json
import sys
import types


class Node:
    """An object of the data: the fields it was made with."""

    def __init__(self, *values, **fields):
        if values:
            raise SystemExit(f"{type(self).__name__} was made with {len(values)} unnamed fields")
        self.fields = fields


def main(path):
    """Loads data.py beside a stand-in of the types that it imports."""
    package = types.ModuleType("genai")
    package.__path__ = []
    stand_in = types.ModuleType("genai.types")
    sys.modules["genai"], sys.modules["genai.types"] = package, stand_in
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    stand_in.__all__ = sorted(name for name in calls if name != "Decimal")
    for name in stand_in.__all__:
        setattr(stand_in, name, type(name, (Node,), {}))
    spec = importlib.util.spec_from_file_location("genai.data", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    json.dump(module.providers, sys.stdout, default=plain)


def plain(value):
    """What JSON has no form for: or_ and and_ are words of Python."""
    if isinstance(value, Node):
        return {name.rstrip("_"): field for name, field in value.fields.items()}
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__}")


if __name__ == "__main__":
    main(sys.argv[1])

"""Reads a template of Azure Resource Manager: what its expressions make, as far as that can be told without Azure."""

import re

TOKEN = re.compile(r"\s*(?:'((?:''|[^'])*)'|(\d+)|([A-Za-z]\w*)|([()\[\].,]))")

# Those of Azure's functions that are in use (azure-docs, template-functions).
FUNCTIONS = {"concat", "copyIndex", "createArray", "createObject", "deployment", "empty", "equals", "extensionResourceId", "false", "first",
             "format", "guid", "if", "json", "last", "length", "listKeys", "not", "null", "parameters", "reference", "resourceGroup",
             "resourceId", "split", "string", "subscription", "subscriptionResourceId", "tenant", "true", "union", "uniqueString",
             "variables"}


DEPLOYMENTS = "Microsoft.Resources/deployments"


class Unknown:
    """A value that is not known before Azure makes it, but perhaps its kind."""

    def __init__(self, kind=None):
        self.kind = kind

    def __repr__(self):
        return f"a value made by Azure ({self.kind or 'of any kind'})"


class Template:
    def __init__(self, written):
        self.written, self.problems, self.used = written, [], set()
        # A template within it has parameters and variables of its own.
        self.resources = [self.made(one, ["template"] if one["type"] == DEPLOYMENTS else []) for one in written["resources"]]
        for name in ["parameters", "variables", "outputs"]:
            self.made(written.get(name, {}))
        for kind in ["parameters", "variables"]:
            for name in written.get(kind, {}):
                if (kind, name) not in self.used:
                    self.problems.append(f"nothing uses {kind} {name}")

    def made(self, value, keep=()):
        """The value with its expressions made, as far as they can be."""
        if isinstance(value, list):
            return [self.made(item, keep) for item in value]
        if isinstance(value, dict):
            return {self.text(name): item if name in keep else self.made(item, keep) for name, item in value.items()}
        if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
            tokens = list(TOKEN.finditer(value[1:-1]))
            if "".join(token.group() for token in tokens) != value[1:-1]:
                self.problems.append(f"{value} is no expression")
                return Unknown()
            made = self.expression(tokens)
            if tokens:
                self.problems.append(f"{value} has something behind its end")
            return made
        return value

    def text(self, name):
        made = self.made(name)
        return name if isinstance(made, Unknown) else made

    def expression(self, tokens):
        quoted, number, word, sign = tokens.pop(0).groups()
        if quoted is not None:
            made = quoted.replace("''", "'")
        elif number is not None:
            made = int(number)
        elif word and next_is(tokens, "("):
            made = self.call(word, self.arguments(tokens))
        else:
            self.problems.append(f"{word or sign} cannot stand in an expression")
            return Unknown()
        while next_is(tokens, ".", "["):
            if tokens.pop(0).group(4) == ".":
                tokens.pop(0)
            else:
                self.expression(tokens)
                tokens.pop(0)
            made = Unknown()
        return made

    def arguments(self, tokens):
        tokens.pop(0)
        arguments = []
        while tokens and not next_is(tokens, ")"):
            arguments.append(self.expression(tokens))
            if next_is(tokens, ","):
                tokens.pop(0)
        if tokens:
            tokens.pop(0)
        else:
            self.problems.append("a bracket is not closed")
        return arguments

    def call(self, function, arguments):
        if function not in FUNCTIONS:
            self.problems.append(f"there is no function {function}")
        match function, arguments:
            case "parameters" | "variables", [name]:
                self.used.add((function, name))
                declared = self.written.get(function, {}).get(name)
                if declared is None:
                    self.problems.append(f"{function} has no {name}")
                elif function == "parameters":
                    return Unknown(declared["type"].removeprefix("secure"))
                else:
                    return self.made(declared)
            case "createArray", items:
                return items
            case "createObject", items:
                return {str(name): value for name, value in zip(items[::2], items[1::2], strict=True)}
            case "concat", parts if any(isinstance(part, list) for part in parts):
                return [item for part in parts if isinstance(part, list) for item in part]
            case "if", [_, [*one], [*other]]:
                return one + other
            case "if", [_, one, None]:
                return one
            case "if", [_, _, other]:
                return other if isinstance(other, Unknown) else Unknown(kind(other))
            case "json", [str(number)]:
                return float(number)
            case "true" | "false", []:
                return function == "true"
            case "null", []:
                return None
            case "format" | "string" | "guid" | "uniqueString" | "resourceId" | "subscriptionResourceId" | "extensionResourceId", _:
                return Unknown("string")
            case "empty" | "not" | "equals", _:
                return Unknown("bool")
        return Unknown()


def next_is(tokens, *signs):
    return bool(tokens) and tokens[0].group(4) in signs


def kind(value):
    if isinstance(value, Unknown):
        return value.kind
    return {str: "string", bool: "bool", int: "int", float: "float", list: "array", dict: "object"}.get(type(value))

"""Compiles as much of Bicep as deploy/azure uses into the JSON that Azure Resource Manager takes.

Microsoft's own compiler is in none of the registries that checks are installed from. This one knows the constructs below and stops
at any other. `python deploy/check/bicep.py` writes deploy/azure/nightcap.json anew; deploy/check/azure_side.py compares.
"""

import json
import re
import sys
from pathlib import Path

import tree_sitter
import tree_sitter_bicep

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))
SCHEMAS = {"subscription": "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#",
           "resourceGroup": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"}
DEPLOYMENTS = "2025-04-01"
OPERATORS = {"==": "equals", "&&": "and", "||": "or", ">": "greater", "<": "less"}


class Expression(str):
    """A text in the language of templates, as it stands between brackets."""


class Resource:
    def __init__(self, node, file):
        self.file, self.node = file, node
        self.symbol = text(node.named_children[0])
        self.type, _, self.version = content(node.named_children[1]).partition("@")
        self.module = node.type == "module_declaration"
        if self.module:
            self.path, self.type, self.version = self.type, "Microsoft.Resources/deployments", DEPLOYMENTS
        body, self.condition, self.loop = node.named_children[-1], None, None
        if body.type == "if_statement":
            self.condition, body = body.named_children
        elif body.type == "for_statement":
            variable, array, body = body.named_children
            self.loop = (text(variable), array)
        self.body = members(body)

    def names(self):
        """The expressions of its name, beginning with that of its outermost parent."""
        parent = self.body.get("parent")
        return [*(self.file.resources[text(parent)].names() if parent else []), self.file.value(self.body["name"], self.local())]

    def local(self):
        return {self.loop[0]: f"{self.file.expression(self.loop[1])}[copyIndex()]"} if self.loop else {}

    def id(self):
        type, names = quoted(self.type), ", ".join(argument(name) for name in self.names())
        if "scope" in self.body:
            return f"extensionResourceId({self.file.resources[text(self.body['scope'])].as_scope()}, {type}, {names})"
        return f"{'subscriptionResourceId' if self.file.scope == 'subscription' else 'resourceId'}({type}, {names})"

    def as_scope(self):
        if self.type == "Microsoft.Resources/resourceGroups":
            return f"format('/subscriptions/{{0}}/resourceGroups/{{1}}', subscription().subscriptionId, {argument(self.names()[0])})"
        return self.id()

    def needs(self):
        """What must be there before, but for modules' files, which see nothing from outside."""
        symbols = {text(node) for node in walk(self.node) if node.type == "identifier" and node.parent.type != "object_property"
                   or node.type == "identifier" and node == node.parent.named_children[-1]}
        return [other for symbol, other in self.file.resources.items() if symbol in symbols and other is not self]

    def template(self):
        file, local = self.file, self.local()
        made = {}
        if self.loop:
            made["copy"] = {"name": self.symbol, "count": f"[length({file.expression(self.loop[1])})]"}
        if self.condition:
            made["condition"] = f"[{file.expression(self.condition)}]"
        made |= {"type": self.type, "apiVersion": self.version}
        names = self.names()
        made["name"] = output(names[0] if len(names) == 1 else joined(names))
        scope = self.body.get("scope")
        if scope and self.module:
            made["resourceGroup"] = output(file.resources[text(scope)].names()[0])
        elif scope:
            within = file.resources[text(scope)]
            made["scope"] = f"[format('{within.type}/{{0}}', {argument(within.names()[0])})]"
        if self.module:
            parameters = {name: {"value": file.json(node)} for name, node in members(self.body["params"]).items()}
            made["properties"] = {"expressionEvaluationOptions": {"scope": "inner"}, "mode": "Incremental", "parameters": parameters,
                                  "template": File(file.path.parent / self.path).template()}
        else:
            plain = {name: node for name, node in self.body.items() if name not in ["name", "parent", "scope", "dependsOn"]}
            made |= {name: file.json(node, local) for name, node in plain.items()}
        needs = [f"[{other.id()}]" for other in self.needs()]
        return made | ({"dependsOn": sorted(needs)} if needs else {})


class File:
    def __init__(self, path):
        self.path, self.scope, self.source = path, "resourceGroup", path.read_bytes()
        tree = PARSER.parse(self.source).root_node
        if tree.has_error:
            sys.exit(f"{path} is not Bicep that can be read.")
        self.parameters, self.variables, self.outputs, self.resources = {}, {}, {}, {}
        decorators = {}
        for node in tree.named_children:
            first, last = (node.named_children or [None])[0], (node.named_children or [None])[-1]
            if node.type == "decorators":
                calls = [decorator.named_children[0] for decorator in node.named_children]
                decorators = {text(call.named_children[0]): call.named_children[1].named_children for call in calls}
                continue
            if node.type == "target_scope_assignment":
                self.scope = content(first)
            elif node.type == "parameter_declaration":
                default = last if last.type != "type" else None
                self.parameters[text(first)] = (text(node.named_children[1]), default, decorators)
            elif node.type == "variable_declaration":
                self.variables[text(first)] = last
            elif node.type == "output_declaration":
                self.outputs[text(first)] = (text(node.named_children[1]), last, decorators)
            elif node.type in ["resource_declaration", "module_declaration"]:
                resource = Resource(node, self)
                self.resources[resource.symbol] = resource
            elif node.type != "comment":
                unknown(node)
            decorators = {}

    def template(self):
        parameters = {name: self.parameter(*declared) for name, declared in self.parameters.items()}
        variables = {name: self.json(node) for name, node in self.variables.items()}
        outputs = {name: {"type": type, **self.metadata(decorators), "value": self.json(node)}
                   for name, (type, node, decorators) in self.outputs.items()}
        made = {"$schema": SCHEMAS[self.scope], "contentVersion": "1.0.0.0", "parameters": parameters, "variables": variables,
                "resources": [resource.template() for resource in self.resources.values()], "outputs": outputs}
        return {name: value for name, value in made.items() if value != {}}

    def parameter(self, type, default, decorators):
        secure = "secure" in decorators
        made = {"type": {"string": "securestring", "object": "secureobject"}[type] if secure else type}
        if default:
            made["defaultValue"] = self.json(default)
        for name, member in [("allowed", "allowedValues"), ("minValue", "minValue"), ("maxValue", "maxValue"), ("minLength", "minLength")]:
            if name in decorators:
                made[member] = self.json(decorators[name][0])
        unknown_ones = decorators.keys() - {"allowed", "minValue", "maxValue", "minLength", "description", "secure"}
        if unknown_ones:
            sys.exit(f"{self.path}: decorators that bicep.py does not know: {unknown_ones}")
        return made | self.metadata(decorators)

    def metadata(self, decorators):
        return {"metadata": {"description": content(decorators["description"][0])}} if "description" in decorators else {}

    def json(self, node, local=None):
        """A value as it stands in a template: plain, or an expression in brackets."""
        if node.type == "object":
            return {output(self.key(name, local)): self.json(value, local) for name, value in pairs(node)}
        if node.type == "array":
            return [self.json(item, local) for item in items(node)]
        if node.type == "number":
            return int(text(node))
        if node.type == "boolean":
            return text(node) == "true"
        return output(self.value(node, local))

    def key(self, node, local):
        return self.value(node, local) if node.type == "string" else text(node)

    def value(self, node, local=None):
        """A plain text, or an Expression."""
        expression = self.expression(node, local)
        return expression[1:-1].replace("''", "'") if re.fullmatch(r"'(''|[^'])*'", expression) else Expression(expression)

    def expression(self, node, local=None):
        local, children = local or {}, [child for child in node.named_children if child.type != "comment"]

        def of(child):
            return self.expression(child, local)

        match node.type:
            case "string":
                if all(part.type != "interpolation" for part in children):
                    return quoted(content(node))
                form, values, behind = "", [], node.start_byte + 1
                for part in children:
                    if part.type == "interpolation":
                        # Its first token has what blanks stand before it.
                        form += f"{self.between(behind, part.children[0].end_byte - 2)}{{{len(values)}}}"
                        values.append(of(part.named_children[0]))
                        behind = part.end_byte
                return f"format({', '.join([quoted(form + self.between(behind, node.end_byte - 1)), *values])})"
            case "number" | "boolean":
                return text(node) if node.type == "number" else f"{text(node)}()"
            case "null":
                return "null()"
            case "identifier":
                return self.named(node, local)
            case "parenthesized_expression":
                return of(children[0])
            case "unary_expression" if text(node).startswith("!"):
                return f"not({of(children[0])})"
            case "binary_expression" if text(node.children[1]) in OPERATORS:
                return f"{OPERATORS[text(node.children[1])]}({of(children[0])}, {of(children[1])})"
            case "ternary_expression":
                return f"if({', '.join(map(of, children))})"
            case "array":
                return f"createArray({', '.join(map(of, items(node)))})"
            case "object":
                pairs_of_it = [f"{argument(self.key(name, local))}, {of(value)}" for name, value in pairs(node)]
                return f"createObject({', '.join(pairs_of_it)})"
            case "call_expression":
                return self.call(children[0], [of(given) for given in items(children[1])])
            case "subscript_expression":
                return f"{of(children[0])}[{of(children[1])}]"
            case "member_expression":
                return self.member(children[0], text(children[1]), local)
        unknown(node)

    def between(self, begin, end):
        """A piece of text within quotes. The tree leaves some of them out, such as a single space."""
        return unescaped(self.source[begin:end].decode())

    def named(self, node, local):
        name = text(node)
        if name in local:
            return local[name]
        if name in self.parameters:
            return f"parameters('{name}')"
        if name in self.variables:
            return f"variables('{name}')"
        unknown(node)

    def call(self, function, arguments):
        if function.type == "member_expression":
            owner, name = function.named_children
            resource = self.resources[text(owner)]
            if text(name) != "listKeys" or arguments:
                unknown(function)
            return f"listKeys({resource.id()}, '{resource.version}')"
        return f"{text(function)}({', '.join(arguments)})"

    def member(self, owner, name, local):
        resource = self.resources.get(text(owner))
        if not resource:
            if owner.type == "member_expression" and text(owner.named_children[0]) in self.resources and text(owner).endswith(".outputs"):
                return f"{self.expression(owner, local)}.{name}.value"
            return f"{self.expression(owner, local)}.{name}"
        if name == "id":
            return resource.id()
        if name == "name":
            return argument(resource.names()[-1])
        if name in ["properties", "outputs"]:
            reference = f"reference({resource.id()}, '{resource.version}')"
            return reference if name == "properties" else f"{reference}.outputs"
        unknown(owner.parent)


def joined(names):
    if all(not isinstance(name, Expression) for name in names):
        return "/".join(names)
    return Expression(f"format('{'/'.join(f'{{{number}}}' for number in range(len(names)))}', {', '.join(map(argument, names))})")


def argument(value):
    return value if isinstance(value, Expression) else quoted(value)


def output(value):
    return f"[{value}]" if isinstance(value, Expression) else value


def quoted(plain):
    return "'" + plain.replace("'", "''") + "'"


def text(node):
    return node.text.decode()


def content(node):
    return unescaped(text(node)[1:-1])


def unescaped(written):
    return re.sub(r"\\(.)", r"\1", written)


def pairs(node):
    return [child.named_children[:2] for child in items(node)]


def items(node):
    return [child for child in node.named_children if child.type not in ["comment", "diagnostic_comment"]]


def members(node):
    return {text(name).strip("'"): value for name, value in pairs(node)}


def walk(node):
    yield node
    for child in node.named_children:
        yield from walk(child)


def unknown(node):
    sys.exit(f"line {node.start_point.row + 1}: bicep.py does not know what this compiles to: {node.type} {text(node)[:80]}")


def compiled(path):
    return File(path).template()


if __name__ == "__main__":
    made = compiled(Path("deploy/azure/nightcap.bicep"))
    Path("deploy/azure/nightcap.json").write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n")

"""Lark rules as expressions: operators, templates, literals, and ignored terminals between lexemes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lark import Token, Tree
from lark.grammar import NonTerminal
from lark.grammar import Terminal as TerminalSymbol
from lark.lexer import Pattern

from ..errors import BudgetExceeded, GrammarSyntaxError, UnsupportedFeature
from .fold import alternation, concatenation, repetition
from .ir import EMPTY, Expr, Ref, Repeat, optional
from .lark_algebra import has_algebra, stands_for_operator
from .lark_terminal import Terminal, literal_pattern, named_terminal, terminal_pattern
from .lark_text import UNBOUNDED, LarkText, subtrees
from .lexing import IGNORE

#: Instances of templates that a grammar may have.
MAX_INSTANCES = 2000


def ignored_rule(terminal: str) -> str:
    """The rule that matches a terminal where it is ignored."""
    return f"{IGNORE} {terminal}"


@dataclass(frozen=True)
class Definition:
    """A rule, or a template if it has parameters; `tree` is None if it is only declared."""

    name: str
    parameters: tuple[str, ...]
    tree: Tree[Any] | None


@dataclass
class RuleBook:
    """Lowers the rules that are asked for, and collects the terminals that they use.

    Parameters
    ----------
    source : the grammar's text.
    definitions : the rules and templates.
    terminal_trees : the named terminals with their priorities; None for the tree if only declared.
    ignored : the names of the ignored terminals.
    """

    source: LarkText
    definitions: Mapping[str, Definition]
    terminal_trees: Mapping[str, tuple[Tree[Any] | None, int]]
    ignored: tuple[str, ...]
    rules: dict[str, Expr] = field(default_factory=dict)
    terminals: dict[str, Terminal] = field(default_factory=dict)
    #: Instances of templates: (name, arguments) -> rule
    _instances: dict[tuple[str, tuple[Expr, ...]], str] = field(default_factory=dict)
    _pending: list[tuple[str, Definition, Mapping[str, Expr]]] = field(default_factory=list)
    _named: dict[Pattern, str] | None = None

    def lower(self, start: str) -> None:
        """Lower a rule and all that it needs."""
        self._rule(start)
        while self._pending:
            name, definition, arguments = self._pending.pop()
            if definition.tree is None:
                raise self._only_declared("Rule", name)
            self.rules[name] = self._body(definition.tree, arguments)
        if self.ignored:
            names = [self._terminal(name) for name in dict.fromkeys(self.ignored)]
            self.rules[IGNORE] = Repeat(alternation(Ref(ignored_rule(name)) for name in names))

    def spaced(self, expr: Expr) -> Expr:
        """The expression, and ignored text behind it."""
        return concatenation((expr, Ref(IGNORE))) if self.ignored else expr

    def _rule(self, name: str) -> Expr:
        definition = self.definitions.get(name)
        if definition is not None and not definition.parameters and name not in self.rules:
            self.rules[name] = EMPTY
            self._pending.append((name, definition, {}))
        return Ref(name)

    def _body(self, tree: Tree[Any], arguments: Mapping[str, Expr]) -> Expr:
        done: dict[int, Expr] = {}

        def of(kid: Any) -> Expr:
            return done[id(kid)] if isinstance(kid, Tree) else self._symbol(kid, arguments)

        for node in subtrees(tree):
            done[id(node)] = self._node(node.data, node.children, of, arguments)
        return done[id(tree)]

    def _node(self, kind: str, kids: list[Any], of: Callable[[Any], Expr], arguments: Mapping[str, Expr]) -> Expr:
        match kind:
            case "expansions":
                return alternation(map(of, kids))
            case "expansion":
                return concatenation(map(of, kids))
            case "alias" | "value":
                return of(kids[0])
            case "maybe":
                return optional(of(kids[0]))
            case "expr":
                return self._repeated(of(kids[0]), *kids[1:])
            case "literal" | "range":
                return self._literal(kids)
            case "template_usage":
                return self._instance(kids[0].name, tuple(map(of, kids[1:])), arguments)
        raise UnsupportedFeature(f"This version of lark has syntax that is not known here: `{kind}`.")

    def _symbol(self, symbol: Any, arguments: Mapping[str, Expr]) -> Expr:
        if isinstance(symbol, TerminalSymbol):
            return arguments.get(symbol.name) or self.spaced(Ref(self._terminal(symbol.name)))
        if isinstance(symbol, NonTerminal):
            return arguments.get(symbol.name) or self._embedded(symbol.name) or self._rule(symbol.name)
        return EMPTY  # the name of a template, handled by its usage

    def _embedded(self, name: str) -> Expr | None:
        return self.spaced(Ref(name)) if name in self.source.embedded else None

    def _repeated(self, item: Expr, operator: Token, *bounds: Token) -> Expr:
        if operator != "~":
            low, high = {"?": (0, 1), "*": (0, None), "+": (1, None)}[operator]
            return Repeat(item, low, high)
        numbers = [int(bound) for bound in bounds]
        least, most = numbers[0], numbers[-1]
        if not 0 <= least <= most:
            raise GrammarSyntaxError(
                f"Expected bounds `~ least..most` with 0 <= least <= most, got {least}..{most}.",
                source=self.source.original,
                offset=self.source.token_offset(bounds[0]),
            )
        return repetition(item, least, None if most >= UNBOUNDED else most)

    def _literal(self, tokens: list[Token]) -> Expr:
        if operator := stands_for_operator(tokens, self.source):
            message = f"`{operator}` works on terminals only. Name one, such as `WORD: /[a-z]+/ & ~/if|else/`."
            raise UnsupportedFeature(message, source=self.source.original, offset=self.source.token_offset(tokens[0]))
        pattern = literal_pattern(tokens, self.source)
        name = self._names().get(pattern)
        if name is not None:
            return self.spaced(Ref(self._terminal(name)))
        name = self._names()[pattern] = "..".join(tokens)
        self.terminals[name] = Terminal(name, pattern, 0, self.source.token_offset(tokens[0]))
        return self.spaced(Ref(name))

    def _names(self) -> dict[Pattern, str]:
        """The terminals by pattern: a literal in a rule that spells a named one is that terminal."""
        if self._named is None:
            trees = ((name, tree) for name, (tree, _) in self.terminal_trees.items() if tree is not None)
            named = {name: tree for name, tree in trees if not has_algebra(tree, self.source)}
            self._named = {terminal_pattern(name, tree, self.source): name for name, tree in named.items()}
        return self._named

    def _terminal(self, name: str) -> str:
        if name not in self.terminals:
            tree, priority = self.terminal_trees[name]
            if tree is None:
                raise self._only_declared("Terminal", name)
            self.terminals[name] = named_terminal(name, tree, priority, self.source)
        return name

    def _only_declared(self, kind: str, name: str) -> UnsupportedFeature:
        message = f"{kind} `{name}` is only declared (`%declare`), so nothing says what it matches. Define it."
        if name.lstrip("_") in ("INDENT", "DEDENT"):
            message += (
                " lark's Indenter counts spaces, which no grammar can; write a rule for each depth of indentation."
            )
        return UnsupportedFeature(message, source=self.source.original, offset=self.source.use(name))

    def _instance(self, name: str, arguments: tuple[Expr, ...], scope: Mapping[str, Expr]) -> Expr:
        """A template with arguments; a parameter may itself name a template."""
        passed = scope.get(name)
        template = self.definitions[passed.rule if isinstance(passed, Ref) else name]
        key = template.name, arguments
        if key not in self._instances:
            if len(template.parameters) != len(arguments):
                raise GrammarSyntaxError(
                    f"Template `{template.name}` takes {len(template.parameters)} arguments, got {len(arguments)}.",
                    source=self.source.original,
                    offset=self.source.use(name),
                )
            if len(self._instances) >= MAX_INSTANCES:
                raise BudgetExceeded("instances of templates", MAX_INSTANCES, "let templates not nest in themselves")
            self._instances[key] = instance = f"{template.name}{{{len(self._instances)}}}"
            self.rules[instance] = EMPTY
            self._pending.append((instance, template, dict(zip(template.parameters, arguments, strict=True))))
        return Ref(self._instances[key])

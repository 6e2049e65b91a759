"""Random JSON Schemas over all keywords of all drafts, instances that they are likely to admit, and their spellings."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, Final

from hypothesis import strategies as st

from syntagma.grammar.jsonschema.dialect import DIALECTS

DRAFTS: Final = ("2020-12", "2020-12", "2019-09", "7", "6", "4")
KEYS: Final = ("a", "b", "ab", "c")
NUMBERS: Final = (0, 1, 2, 3, 7, -1, 12, 100, 0.5, 1.0, -1.25, 2.5, 0.3, 21, 1e3)
TYPES: Final = ("null", "boolean", "integer", "number", "string", "array", "object")
PATTERNS: Final = (
    *("^a", "b$", "a|1", "^[ab]*$", "^.$", r"^\w+$", "(?=a)", r"(a)\1", "^(?!a)", "^$", r"[^\d]", "^a{2,3}$"),
    *(r"\bab\b", r"^\p{L}$", "^(ab)*$", "é", r"^(?!.*b)a", r"\.", "(?<=a)b"),
)
#: Formats with a text that they admit.
FORMATS: Final = {
    "date": "2024-02-29",
    "time": "12:00:00Z",
    "date-time": "2024-02-29T12:00:00+01:00",
    "duration": "P1DT2H",
    "email": "a@b.c",
    "idn-email": "é@b.c",
    "hostname": "a.b",
    "idn-hostname": "é.b",
    "ipv4": "1.2.3.4",
    "ipv6": "::1",
    "uri": "x:/y",
    "uri-reference": "/a",
    "iri": "x:/é",
    "iri-reference": "é",
    "uri-template": "/{a}",
    "uuid": "12345678-1234-1234-1234-123456789abc",
    "json-pointer": "/a",
    "relative-json-pointer": "1/a",
    "regex": "^a+$",
    "unknown": "a",
}
TEXTS: Final = ("", "a", "b", "ab", "ba", "aa", "é", "a\n", "😀", "a.b", *FORMATS.values())

Draw = Callable[[st.SearchStrategy[Any]], Any]

values = st.recursive(
    st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.sampled_from(TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=5,
)


class Maker:
    """Draws schemas of one draft."""

    def __init__(self, draw: Draw, draft: str) -> None:
        self.draw, self.draft, self.age = draw, draft, DIALECTS[draft].age
        self.keywords = [k for k in self.table() if DIALECTS[draft].knows(k)]
        defs = "$defs" if self.age >= 2019 else "definitions"
        self.references = ["#", f"#/{defs}/x", f"#/{defs}/y", "other.json", "other.json#/definitions/z"]
        self.references += ["#there", "other.json#there"] if self.age > 4 else []

    def one(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def several(self, depth: int, fewest: int = 1) -> list[Any]:
        return [self.schema(depth) for _ in range(self.draw(st.integers(fewest, 3)))]

    def keyed(self, keys: tuple[str, ...], make: Callable[[], Any]) -> dict[str, Any]:
        chosen = self.draw(st.lists(st.sampled_from(keys), unique=True, min_size=1, max_size=2))
        return {key: make() for key in chosen}

    def names(self, fewest: int = 0) -> list[str]:
        fewest = max(fewest, self.age == 4)
        return self.draw(st.lists(st.sampled_from(KEYS), unique=True, min_size=fewest, max_size=2))  # type: ignore[no-any-return]

    def child(self, depth: int) -> Any:
        """A subschema of a member or an item; only there may it be a reference, so that there is progress."""
        if self.draw(st.integers(0, 5)) == 0:
            return self.reference()
        return self.schema(depth)

    def reference(self) -> dict[str, Any]:
        if self.age >= 2019 and self.draw(st.integers(0, 3)) == 0:
            return {"$recursiveRef": "#"} if self.age == 2019 else {"$dynamicRef": self.one("#node", "other.json#node")}
        return {"$ref": self.one(*self.references)}

    def schema(self, depth: int) -> Any:
        if self.age > 4 and self.draw(st.integers(0, 11)) == 0:
            return self.draw(st.booleans())
        schema: dict[str, Any] = {}
        for _ in range(self.draw(st.integers(1, 2 + depth))):
            keyword = self.one(*self.keywords)
            found = self.table()[keyword](max(0, depth - 1)) if depth or keyword in LEAVES else None
            if found is not None:
                schema[keyword] = found
        if "if" in schema or self.draw(st.integers(0, 15)) == 0:
            schema |= {k: self.schema(depth - 1) for k in ("then", "else") if depth and self.draw(st.booleans())}
        if "contains" in schema and self.age >= 2019:
            schema |= {k: self.one(0, 1, 2) for k in ("minContains", "maxContains") if self.draw(st.booleans())}
        if self.age == 4:
            schema |= {f"exclusive{k.capitalize()}": True for k in ("minimum", "maximum") if k in schema and depth}
        return schema

    def document(self) -> dict[str, Any]:
        """A schema that says its draft, with definitions, anchors and a resource of its own that references lead to."""
        schema, modern = self.schema(3), self.age >= 2019
        root = dict(schema) if isinstance(schema, dict) else {"not": {}} if schema is False else {}
        name = "id" if self.age == 4 else "$id"
        other = self.schema(1)
        other = (other if isinstance(other, dict) else {}) | {name: "http://x.test/other.json"}
        other["definitions"] = {"z": self.schema(1)}
        other.setdefault("$defs" if modern else "definitions", {}).update(x=self.schema(0), y=self.schema(0))
        anchored = self.schema(1)
        anchored = anchored if isinstance(anchored, dict) else {}
        inner = {"title": "there"}
        if self.age > 4:
            anchored, inner = (s | ({"$anchor": "there"} if modern else {"$id": "#there"}) for s in (anchored, inner))
        if self.age == 2020 and self.draw(st.booleans()):
            root["$dynamicAnchor"] = other["$dynamicAnchor"] = "node"
        elif self.age == 2020:
            root["$anchor"] = other["$anchor"] = "node"
        elif self.age == 2019:
            root["$recursiveAnchor"] = other["$recursiveAnchor"] = self.draw(st.booleans())
        other["definitions"]["inner"] = inner
        root["$schema"] = DIALECTS[self.draft].uri + ("#" if self.age < 2019 else "")
        root[name] = "http://x.test/root.json"
        root["$defs" if modern else "definitions"] = {
            "x": self.schema(1), "y": self.schema(2), "there": anchored, "other": other,
        }  # fmt: skip
        return root

    def table(self) -> dict[str, Callable[[int], Any]]:
        one, draw = self.one, self.draw
        small = st.integers(0, 3)
        table: dict[str, Callable[[int], Any]] = {
            "type": lambda d: one(*TYPES, ["integer", "string"], ["array", "object"], ["number", "null"]),
            "enum": lambda d: draw(st.lists(values, min_size=1, max_size=5, unique_by=repr)),
            "const": lambda d: draw(values),
            "minimum": lambda d: one(*NUMBERS),
            "maximum": lambda d: one(*NUMBERS),
            "multipleOf": lambda d: one(1, 2, 3, 7, 0.5, 0.01, 0.3, 5, 15),
            "minLength": lambda d: draw(small),
            "maxLength": lambda d: draw(small),
            "pattern": lambda d: one(*PATTERNS),
            "format": lambda d: one(*FORMATS),
            "minItems": lambda d: draw(small),
            "maxItems": lambda d: draw(small),
            "uniqueItems": lambda d: draw(st.booleans()),
            "minProperties": lambda d: draw(small),
            "maxProperties": lambda d: draw(small),
            "required": lambda d: self.names(),
            "dependentRequired": lambda d: self.keyed(KEYS, self.names),
            "items": lambda d: self.child(d) if self.age >= 2020 or draw(st.booleans()) else self.several(d),
            "additionalItems": self.child,
            "prefixItems": self.several,
            "contains": self.child,
            "unevaluatedItems": self.child,
            "properties": lambda d: self.keyed(KEYS, lambda: self.child(d)),
            "patternProperties": lambda d: self.keyed(("^a", "b$", "^[ac]$"), lambda: self.child(d)),
            "additionalProperties": self.child,
            "propertyNames": self.schema,
            "unevaluatedProperties": self.child,
            "allOf": self.several,
            "anyOf": self.several,
            "oneOf": self.several,
            "not": self.schema,
            "if": self.schema,
            "dependentSchemas": lambda d: self.keyed(KEYS, lambda: self.schema(d)),
            "title": lambda d: "a title",
            "default": lambda d: draw(values),
            "x-unknown": lambda d: draw(values),
        }
        if self.age >= 2019:  # the validator asserts them in draft 7
            table["contentEncoding"] = lambda d: "base64"
            table["contentMediaType"] = lambda d: "application/json"
            table["contentSchema"] = self.schema
        if self.age > 4:
            table |= dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), lambda d: one(*NUMBERS))
        table["dependencies"] = lambda d: self.keyed(
            KEYS, lambda: self.names(1) if draw(st.booleans()) else self.schema(d)
        )
        return table


#: Keywords that hold no schemas.
LEAVES: Final = frozenset({
    *("type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "pattern", "format", "minItems", "maxItems", "uniqueItems"),
    *("minProperties", "maxProperties", "required", "dependentRequired"),
})  # fmt: skip


@st.composite
def schemas(draw: Draw) -> dict[str, Any]:
    """A document."""
    return Maker(draw, draw(st.sampled_from(DRAFTS))).document()


class Guess:
    """Draws instances that a schema is likely to admit: it follows the keywords, one branch of each applicator."""

    def __init__(self, root: dict[str, Any], rng: random.Random) -> None:
        self.root, self.rng = root, rng

    def value(self, schema: Any, depth: int = 4) -> Any:
        """An instance; now and then any value whatever."""
        rng = self.rng
        if not isinstance(schema, dict) or depth <= 0 or rng.random() < 0.08:
            return self.anything(depth)
        schema = self.merged(schema, depth)
        listed = [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else [])]
        if listed and rng.random() < 0.9:
            return rng.choice(listed)
        kinds = schema.get("type") or self.implied(schema)
        match rng.choice([kinds] if isinstance(kinds, str) else kinds):
            case "null":
                return None
            case "boolean":
                return rng.random() < 0.5
            case "integer" | "number" as kind:
                return self.number(schema, kind)
            case "string":
                return rng.choice([FORMATS.get(schema.get("format", ""), "a"), *rng.sample(TEXTS, 2)])
            case "array":
                return self.array(schema, depth)
            case _:
                return self.object(schema, depth)

    def anything(self, depth: int) -> Any:
        rng = self.rng
        kind = rng.randrange(6 if depth > 0 else 4)
        if kind == 4:
            return [self.anything(depth - 2) for _ in range(rng.randrange(4))]
        if kind == 5:
            return {key: self.anything(depth - 2) for key in rng.sample(KEYS, rng.randrange(4))}
        return rng.choice([None, rng.random() < 0.5, rng.choice(NUMBERS), rng.choice(TEXTS)])

    def merged(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        """The schema with what some of its applicators say."""
        rng, found = self.rng, dict(schema)
        more: list[Any] = [*schema.get("allOf", ())]
        more += [rng.choice(schema[k]) for k in ("anyOf", "oneOf") if k in schema]
        more += [self.target(schema[k]) for k in ("$ref", "$dynamicRef", "$recursiveRef") if k in schema]
        if "if" in schema:
            more += [schema["if"], schema.get("then")] if rng.random() < 0.6 else [schema.get("else")]
        for part in more:
            if isinstance(part, dict) and depth > 0:
                for key, value in self.merged(part, depth - 1).items():
                    both = isinstance(value, dict) and isinstance(found.get(key), dict)
                    found[key] = {**found[key], **value} if both else value
        return found

    def target(self, reference: str) -> Any:
        """What a reference leads to, but for the dynamic scope."""
        defs = self.root.get("$defs") or self.root["definitions"]
        document, _, fragment = reference.partition("#")
        at = defs["other"] if document else self.root
        if fragment == "there":
            return at["definitions"]["inner"] if document else defs["there"]
        for step in fragment.split("/")[1:]:
            at = at[step]
        return at

    def implied(self, schema: dict[str, Any]) -> list[str]:
        """The types that a schema's keywords speak of."""
        speak = {"string": "Length pattern format", "number": "imum multipleOf", "array": "tems ontain"}
        speak["object"] = "ropert required depend"
        found = [t for t, words in speak.items() if any(w in k for k in schema for w in words.split())]
        return found or list(TYPES)

    def number(self, schema: dict[str, Any], kind: str) -> Any:
        near = [
            schema[k]
            for k in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
            if k in schema
        ]
        near = [n for n in near if not isinstance(n, bool)]
        found = self.rng.choice([*near, *(n + 1 for n in near), *(n - 1 for n in near), *self.rng.sample(NUMBERS, 2)])
        return round(found) if kind == "integer" else round(found, 6)

    def array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        rng, items = self.rng, schema.get("items")
        prefix = schema.get("prefixItems") or (items if isinstance(items, list) else [])
        rest = schema.get("additionalItems") if isinstance(items, list) else items
        fewest = min(schema.get("minItems", 0), 3)
        n = rng.choice([fewest, fewest + 1, min(schema.get("maxItems", 2), 4), len(prefix)])
        found = [self.value(prefix[i] if i < len(prefix) else rest, depth - 1) for i in range(n)]
        if found and "contains" in schema:
            found[rng.randrange(n)] = self.value(schema["contains"], depth - 1)
        if len(found) > 1 and rng.random() < 0.1:
            found[0] = found[-1]
        return found

    def object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        rng, properties = self.rng, schema.get("properties", {})
        keys = [*schema.get("required", ())] if rng.random() < 0.9 else []
        keys += [key for key in properties if rng.random() < 0.6] + rng.sample(KEYS, rng.randrange(2))
        for key, wanted in [*schema.get("dependentRequired", {}).items(), *schema.get("dependencies", {}).items()]:
            keys += wanted if key in keys and isinstance(wanted, list) else []
        if len(keys) < schema.get("minProperties", 0):
            keys += KEYS
        rest = schema.get("additionalProperties", schema.get("unevaluatedProperties"))
        patterns = {k: s for p, s in schema.get("patternProperties", {}).items() for k in KEYS if p.strip("^$") in k}
        rng.shuffle(keys)
        return {k: self.value(properties.get(k, patterns.get(k, rest)), depth - 1) for k in keys}


def spelled(value: Any, rng: random.Random, draft_4: bool = False) -> str:
    """One of the spellings of a value; in draft 4 without exponents, which the validator takes for integers there."""
    gap = rng.choice(["", "", "", " ", "\n"])
    if isinstance(value, bool) or value is None:
        return json.dumps(value) + gap
    if isinstance(value, int | float):
        plain = json.dumps(value)
        more = [plain] if draft_4 else [f"{plain}e0", f"{plain}E+00"]
        return rng.choice([plain, plain, f"{plain}.0" if isinstance(value, int) else f"{plain}0", *more]) + gap
    if isinstance(value, str):
        return _spelled_text(value, rng) + gap
    if isinstance(value, list):
        return "[" + gap + ("," + gap).join(spelled(v, rng, draft_4) for v in value) + "]"
    members = (f"{_spelled_text(k, rng)}{gap}:{gap}{spelled(v, rng, draft_4)}" for k, v in value.items())
    return "{" + gap + ",".join(members) + "}" + gap


def _spelled_text(text: str, rng: random.Random) -> str:
    return json.dumps(text, ensure_ascii=rng.random() < 0.3).replace("a", rng.choice(["a", "a", "a", "\\u0061"]))

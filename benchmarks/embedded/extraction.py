"""Facts from a sentence into JSON, under a schema shown in the prompt."""

import json
import re

from facts import ANY_VALUE, SLOTS, Fact, Json
from templates import ASIDES, ASKS, CLAUSES, HELD_OUT, HELD_OUT_ASKS, LEADS, SEEN
from words import FILLERS, ROLES, Words, with_article

SHOW_SCHEMA = "\nAnswer with JSON for this schema: "
PLACEHOLDER = re.compile(r"\{(\w+)\}")
OWNERS = (
    "order",
    "case",
    "device",
    "file",
    "box",
    "plan",
    "car",
    "report",
    "room",
    "sample",
    "project",
    "tree",
    "ship",
)
PAIRS = (
    "{k} is {v}",
    "{k}: {v}",
    "{k} = {v}",
    "has {k} {v}",
    "a {k} of {v}",
    "{v} as its {k}",
    "{k} was {v}",
    "{k} {v}",
)
HELD_OUT_PAIRS = ("{k} is now {v}", "with {v} for {k}")


def disturb(template: str, words: Words) -> str:
    """The template with some of its words replaced, and some added: fewer wordings to learn by heart."""
    out: list[str] = []
    for word in template.split(" "):
        if out and word.isalpha() and word.islower():
            if words.chance(0.06):
                out.append(words.rng.choice(FILLERS))
            if len(word) > 3 and word not in ROLES and words.chance(0.3):
                word = words.rng.choice(FILLERS) if words.chance(0.7) else words.invented(1, 2)
        out.append(word)
    return " ".join(out)


def say(template: str, words: Words) -> tuple[str, list[Fact]]:
    """Fills the slots of a template; a slot used twice says the same, keys are distinct."""
    if not words.unseen and words.chance(0.6):
        template = disturb(template, words)
    facts: dict[str, Fact] = {}
    for name in dict.fromkeys(PLACEHOLDER.findall(template)):
        taken = {fact.key for fact in facts.values()}
        said = {fact.said for fact in facts.values()}
        for _ in range(50):
            fact = SLOTS[name].draw(words)
            if fact.key not in taken and (fact.said not in said or len(fact.said) < 3):
                break
        facts[name] = fact
    text = PLACEHOLDER.sub(lambda match: facts[match[1]].said, template)
    return with_article(text[0].upper() + text[1:] if template[0] != "{" else text), list(facts.values())


def clauses(domain: str, words: Words) -> tuple[str, list[Fact]]:
    """A subject and two to four clauses in any order, joined into one sentence or two."""
    subject, pool = CLAUSES[domain]
    chosen: list[str] = []
    used: set[str] = set()
    for clause in words.rng.sample(pool, len(pool)):
        slots = set(PLACEHOLDER.findall(clause))
        if not slots & used and len(chosen) < 4:
            chosen.append(clause)
            used |= slots
    chosen = chosen[: words.rng.randint(1, 4)]
    again = "It" if domain != "person" else words.rng.choice(["She", "He", "They", subject])
    match chosen:
        case [a]:
            template = f"{subject} {a}."
        case [a, b]:
            template = words.rng.choice(
                [f"{subject} {a} and {b}.", f"{subject} {a}. {again} {b}.", f"{subject}, who {a}, {b}."]
            )
        case [a, b, c]:
            template = words.rng.choice([f"{subject} {a}, {b} and {c}.", f"{subject} {a} and {b}. {again} {c}."])
        case [a, b, *rest]:
            template = f"{subject} {a} and {b}. {again} {' and '.join(rest)}."
    return say(template, words)


def attributes(words: Words) -> tuple[str, list[Fact]]:
    """Invented keys: what is said of a key is its value, whatever key and value mean."""
    rng = words.rng
    keys: list[str] = []
    count = rng.choice([1, 2, 3, 3, 4, 4])
    while len(keys) < count:
        key = words.key() if words.chance(0.6) else rng.choice(rng.choice(list(SLOTS.values())).keys)
        key = f"{key}_{words.key()}" if words.chance(0.1) else key
        keys = list(dict.fromkeys([*keys, key]))
    facts = [Fact(key, *rng.choice(ANY_VALUE)(words)) for key in keys]
    pattern = rng.choice(HELD_OUT_PAIRS if words.new_wording else PAIRS)
    pairs = [pattern.format(k=f.key if words.chance(0.5) else f.key.replace("_", " "), v=f.said) for f in facts]
    if pattern in ("{k}: {v}", "{k} = {v}"):
        return rng.choice([", ", "; ", "\n"]).join(pairs), facts
    if pattern in ("{k} is {v}", "{k} was {v}", "{k} is now {v}"):
        start = rng.choice(
            ["The ", f"The {rng.choice(OWNERS)}'s ", f"For {words.of(OWNERS)} {words.code()}, the ", "Its "]
        )
        return start + rng.choice([" and the ", ", the ", "; the "]).join(pairs) + ".", facts
    if pattern in ("has {k} {v}", "a {k} of {v}", "{v} as its {k}"):
        start = f"The {rng.choice(OWNERS)} " + ("" if pattern.startswith("has") else "has ")
        return start + rng.choice([" and ", ", ", " and "]).join(pairs) + ".", facts
    return f"A {rng.choice(OWNERS)} {words.code()}: " + rng.choice([", ", "; "]).join(pairs) + ".", facts


def _titled(key: str, schema: dict[str, Json]) -> dict[str, Json]:
    """A property as pydantic writes it: with a title, keywords sorted."""
    return dict(sorted({"title": key.replace("_", " ").title(), **schema}.items()))


def _object(properties: dict[str, Json], words: Words, *, pydantic: bool, title: str | None) -> dict[str, Json]:
    """An object schema, in the order people write or the one that pydantic emits."""
    if pydantic:
        named = {} if title is None else {"title": title}
        return {"properties": properties, "required": list(properties), **named, "type": "object"}
    schema: dict[str, Json] = {"type": "object", "properties": properties}
    if words.chance(0.7):
        schema["required"] = list(properties)
    if words.chance(0.1):
        schema["additionalProperties"] = False
    return schema


def object_of(facts: list[Fact], title: str, words: Words) -> tuple[dict[str, Json], dict[str, Json]]:
    """The schema of an object with these facts and the object itself; now and then two of them are nested."""
    rng = words.rng
    pydantic = words.chance(0.5)
    titles = words.chance(0.5 if pydantic else 0.05)
    name = title.capitalize() if titles else None
    schemas = {f.key: _titled(f.key, f.schema) if titles else f.schema for f in facts}
    values = {f.key: f.value for f in facts}
    inner = words.of(["details", "info", "data", "record", "more", "extra"])
    if len(facts) < 3 or words.chance(0.85) or inner in values:
        return _object(schemas, words, pydantic=pydantic, title=name), values
    nested = [f.key for f in facts[-rng.randint(2, len(facts) - 1) :]]
    part_name = inner.capitalize()
    part = {k: schemas.pop(k) for k in nested}
    part = _object(part, words, pydantic=pydantic, title=part_name if titles else None)
    value = {**{k: v for k, v in values.items() if k not in nested}, inner: {k: values[k] for k in nested}}
    if pydantic and words.chance(0.7):
        schemas[inner] = {"$ref": f"#/$defs/{part_name}"}
        return {"$defs": {part_name: part}, **_object(schemas, words, pydantic=True, title=name)}, value
    schemas[inner] = part
    return _object(schemas, words, pydantic=pydantic, title=name), value


def shown(schema: dict[str, Json]) -> str:
    """The line that shows a schema in the prompt, as `Generator` writes it."""
    return SHOW_SCHEMA + json.dumps(schema, separators=(",", ":"), ensure_ascii=False)


def extraction(words: Words) -> tuple[str, str, dict[str, Json]]:
    """A user message with its schema line, the answer, and the schema."""
    rng = words.rng
    kind = rng.random()
    if kind < 0.25:
        domain, (text, facts) = "record", attributes(words)
    elif kind < 0.5 and not words.new_wording:
        domain = rng.choice(["person", "person", "product", "meeting"])
        text, facts = clauses(domain, words)
    else:
        templates = HELD_OUT if words.new_wording else SEEN
        domain = rng.choice([*templates, "person", "person", "order"])
        text, facts = say(rng.choice(templates[domain]), words)
    if domain != "record" and not words.unseen and words.chance(0.25):
        text = rng.choice(LEADS) + text
    if words.chance(0.12):
        text = f"{text} {rng.choice(ASIDES)}" if words.chance(0.5) else f"{rng.choice(ASIDES)} {text}"
    asks = HELD_OUT_ASKS if words.new_wording else ASKS
    ask = "" if words.chance(0.35) else rng.choice(asks).format(domain=domain)
    wanted = facts if words.chance(0.6) else rng.sample(facts, rng.randint(min(2, len(facts)), len(facts)))
    wanted = rng.sample(wanted, len(wanted)) if words.chance(0.5) else wanted
    schema, value = object_of(wanted[:5], domain, words)
    return ask + text + shown(schema), json.dumps(value, ensure_ascii=False), schema

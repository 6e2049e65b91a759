"""The smaller tasks: tool calls, SQL, arithmetic, dates, lists. Each gives (user message, answer, constraint).

The constraint is a JSON schema (dict) or a regular expression (str): what evaluation compiles for the same prompt.
"""

import json
import re
import zlib
from collections.abc import Callable

import words as lists
from extraction import shown
from facts import Json
from words import Words, enumerate_words

Example = tuple[str, str, dict[str, Json] | str]

#: A tool: its arguments with their types, and requests; the last request of each is held out.
TOOLS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "get_weather": (
        {"city": "string"},
        (
            "What is the weather in {city}?",
            "How is the weather in {city}?",
            "Will it rain in {city}?",
            "Tell me the weather in {city}.",
            "Is it warm in {city} today?",
        ),
    ),
    "send_email": (
        {"to": "string", "subject": "string"},
        (
            "Send an email to {to} about {subject}.",
            "Write to {to}, subject {subject}.",
            "Mail {to} the subject {subject}.",
            "Email {to} about the {subject}.",
        ),
    ),
    "set_timer": (
        {"minutes": "integer"},
        (
            "Set a timer for {minutes} minutes.",
            "Wake me in {minutes} minutes.",
            "Start a timer of {minutes} minutes.",
            "Remind me in {minutes} minutes.",
            "I need a timer for {minutes} minutes.",
        ),
    ),
    "book_flight": (
        {"origin": "string", "destination": "string"},
        (
            "Book a flight from {origin} to {destination}.",
            "I want to fly from {origin} to {destination}.",
            "Get me from {origin} to {destination}.",
            "Find a flight from {origin} to {destination}.",
        ),
    ),
    "play_music": (
        {"artist": "string"},
        (
            "Play something by {artist}.",
            "Play songs by {artist}.",
            "I want to hear {artist}.",
            "Put on some music by {artist}.",
        ),
    ),
    "add_to_cart": (
        {"item": "string", "count": "integer"},
        (
            "Add {count} {item} to my cart.",
            "Put {count} {item} in the cart.",
            "I want to buy {count} {item}.",
            "Please add {count} {item}.",
        ),
    ),
    "call_contact": (
        {"name": "string"},
        ("Call {name}.", "Phone {name} please.", "Give {name} a call.", "Please ring {name}."),
    ),
    "turn_on": (
        {"device": "string", "room": "string"},
        (
            "Turn on the {device} in the {room}.",
            "Switch the {device} in the {room} on.",
            "Start the {device} in the {room}.",
            "Please turn the {device} on in the {room}.",
        ),
    ),
    "create_event": (
        {"title": "string", "date": "string"},
        (
            "Create an event {title} on {date}.",
            "Put {title} on {date} in my calendar.",
            "Plan {title} for {date}.",
            "Schedule {title} on {date}.",
        ),
    ),
    "convert_currency": (
        {"amount": "number", "source": "string", "target": "string"},
        (
            "Convert {amount} {source} to {target}.",
            "How much is {amount} {source} in {target}?",
            "Change {amount} {source} into {target}.",
        ),
    ),
    "search_web": (
        {"query": "string"},
        (
            "Search the web for {query}.",
            "Look up {query} online.",
            "Find something about {query} on the web.",
            "Search for {query}.",
        ),
    ),
}

_ROOMS = ("kitchen", "bedroom", "bathroom", "office", "hall", "garage", "cellar", "attic")
_ARGUMENT: dict[str, Callable[[Words], Json]] = {
    "city": Words.city,
    "origin": Words.city,
    "destination": Words.city,
    "to": Words.first,
    "name": Words.person,
    "artist": Words.person,
    "item": Words.thing,
    "title": Words.title,
    "query": lambda w: f"{w.of(lists.ADJECTIVE)} {w.of(lists.NOUN)}",
    "subject": lambda w: w.of(lists.NOUN) if w.chance(0.5) else w.invented(),
    "device": lambda w: w.of(lists.THING),
    "room": lambda w: w.of(_ROOMS),
    "minutes": lambda w: w.rng.randint(1, 90),
    "count": lambda w: w.rng.randint(2, 40),
    "amount": lambda w: w.digits(1, 5000),
    "source": lambda w: w.rng.choice(["EUR", "USD", "GBP"]),
    "target": lambda w: w.rng.choice(["JPY", "CHF", "SEK"]),
    "date": lambda w: w.date()[1],
}


def call_schema(tools: dict[str, dict[str, str]]) -> dict[str, Json]:
    """The schema of a call of one of these tools."""
    return {
        "anyOf": [
            {
                "type": "object",
                "properties": {
                    "name": {"const": name},
                    "arguments": {
                        "type": "object",
                        "properties": {key: {"type": kind} for key, kind in arguments.items()},
                        "required": list(arguments),
                    },
                },
                "required": ["name", "arguments"],
            }
            for name, arguments in tools.items()
        ]
    }


def tool_call(words: Words) -> Example:
    """One to three signatures, a request, the call that serves it; a third of the tools are invented."""
    rng = words.rng
    if words.chance(0.35):
        name = f"{rng.choice(['get', 'set', 'make', 'find', 'open', 'run'])}_{words.key()}"
        keys = list(dict.fromkeys(words.key() for _ in range(rng.randint(1, 3))))
        makers: list[Callable[[], Json]] = [words.invented, words.first, words.city, lambda: rng.randint(0, 999)]
        arguments: dict[str, Json] = {key: rng.choice(makers)() for key in keys}
        said = ", ".join(f"{key} {value}" for key, value in arguments.items())
        verb = "Please use" if words.new_wording else rng.choice(["Use", "Call", "Run", "Do"])
        request = f"{verb} {name} with {said}."
        signature = {key: "integer" if isinstance(value, int) else "string" for key, value in arguments.items()}
    else:
        name = rng.choice(list(TOOLS))
        signature, requests = TOOLS[name]
        arguments = {key: _ARGUMENT[key](words) for key in signature}
        request = (requests[-1] if words.new_wording else rng.choice(requests[:-1])).format(**arguments)
    tools = {name: signature, **{other: TOOLS[other][0] for other in rng.sample(list(TOOLS), rng.randint(0, 2))}}
    tools = dict(rng.sample(list(tools.items()), len(tools)))
    lines = [f"{n}({', '.join(f'{k}: {t}' for k, t in a.items())})" for n, a in tools.items()]
    message = "Tools:\n" + "\n".join(lines) + f"\nRequest: {request}"
    return message, json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False), call_schema(tools)


_COMPARISONS = {
    ">": ("over", "above", "more than", "greater than"),
    "<": ("under", "below", "less than", "smaller than"),
    "=": ("equal to", "of exactly"),
}
_SQL = r"SELECT (COUNT\(\*\)|\w+(, \w+)*) FROM \w+( WHERE \w+ [<>=] ([0-9]+|'[^']*'))?( ORDER BY \w+( DESC)?)?"


def sql(words: Words) -> Example:
    """A question about one table into a SELECT."""
    rng = words.rng
    ints = ["age", "price", "year", "population", "salary", "weight", "score", "stock", "height", "rooms"]
    texts = ["name", "city", "country", "color", "title", "author", "job", "kind", "team", "owner"]
    number = rng.choice(ints) if words.chance(0.6) else words.invented(1, 2)
    first, second = rng.sample(texts, 2) if words.chance(0.7) else (words.invented(1, 2), words.invented(1, 2))
    table = (
        rng.choice(["users", "cities", "books", "cars", "orders", "teams"])
        if words.chance(0.5)
        else words.invented(1, 2) + "s"
    )
    if len({number, first, second, table}) < 4:
        return sql(words)
    columns = rng.sample([f"{first} text", f"{second} text", f"{number} integer"], 3)
    sign = rng.choice(list(_COMPARISONS))
    phrase = _COMPARISONS[sign][-1] if words.new_wording and sign != "=" else rng.choice(_COMPARISONS[sign])
    value, word = words.digits(1, 99999), words.city()
    wanted, picked = rng.choice([(first, first), (f"{first} and {second}", f"{first}, {second}")])
    show = rng.choice(
        ["Which {}", "Find the {}"]
        if words.new_wording
        else ["Show the {}", "List the {}", "Give me the {}", "Get the {}"]
    )
    question, query = rng.choice(
        [
            (
                f"{show.format(wanted)} of {table} with {number} {phrase} {value}",
                f"SELECT {picked} FROM {table} WHERE {number} {sign} {value}",
            ),
            (
                f"{show.format(first)} of {table} where {second} is {word}",
                f"SELECT {first} FROM {table} WHERE {second} = '{word}'",
            ),
            (
                f"How many {table} have {number} {phrase} {value}",
                f"SELECT COUNT(*) FROM {table} WHERE {number} {sign} {value}",
            ),
            (f"{show.format(wanted)} of all {table}", f"SELECT {picked} FROM {table}"),
            (f"{show.format(first)} of {table} sorted by {number}", f"SELECT {first} FROM {table} ORDER BY {number}"),
            (f"How many {table} are there", f"SELECT COUNT(*) FROM {table}"),
        ]
    )
    return f"Table {table}({', '.join(columns)}). Write SQL: {question}?", query, _SQL


def _problem_is_held_out(a: int, b: int, sign: str) -> bool:
    return zlib.crc32(f"{a}{sign}{b}".encode()) % 6 == 0


def arithmetic(words: Words) -> Example:
    """Sums and differences below 200, products up to 12 x 12; one problem in six is never trained on."""
    rng = words.rng
    while True:
        sign = rng.choice("++--*")
        a, b = (rng.randint(1, 12), rng.randint(1, 12)) if sign == "*" else (rng.randint(0, 99), rng.randint(0, 99))
        a, b = (max(a, b), min(a, b)) if sign == "-" else (a, b)
        if _problem_is_held_out(a, b, sign) == words.unseen:
            break
    result = {"+": a + b, "-": a - b, "*": a * b}[sign]
    spoken = {"+": "plus", "-": "minus", "*": "times"}[sign]
    asks = (
        ("What number is {}?", "Calculate this: {}")
        if words.new_wording
        else ("What is {}?", "{} =", "How much is {}?", "Calculate {}.", "{}")
    )
    question = rng.choice(asks).format(f"{a} {rng.choice([sign, spoken])} {b}")
    if words.chance(0.4):
        key = rng.choice(["answer", "result", "value", "number"])
        schema = {"type": "object", "properties": {key: {"type": "integer"}}, "required": [key]}
        return question + shown(schema), json.dumps({key: result}), schema
    return question, str(result), "[0-9]{1,3}"


def date(words: Words) -> Example:
    """A day as people write it into ISO form."""
    written, iso = words.date()
    seen = (
        "Write {} as an ISO date.",
        "Convert {} to ISO format.",
        "{} in ISO format",
        "ISO date of {}?",
        "Which date is {}?",
    )
    ask = "Write the date {} in ISO format." if words.new_wording else words.rng.choice(seen)
    if words.chance(0.3):
        schema = {"type": "string", "format": "date"}
        return ask.format(written) + shown(schema), f'"{iso}"', schema
    return ask.format(written), iso, "[0-9]{4}-[0-9]{2}-[0-9]{2}"


_CATEGORIES = {
    "fruits": lists.FRUIT,
    "animals": lists.ANIMAL,
    "colors": lists.COLOR,
    "tools": lists.TOOL,
    "languages": lists.LANGUAGE,
}


def listing(words: Words) -> Example:
    """Items of an enumeration: all of them, or those of a category."""
    rng = words.rng
    if words.chance(0.5):
        items = list(
            dict.fromkeys(
                rng.choice([words.first, words.thing, words.invented, words.city])() for _ in range(rng.randint(2, 5))
            )
        )
        wanted, kind, mixed = items, rng.choice(["items", "names", "words", "things"]), items
    else:
        kind = rng.choice(list(_CATEGORIES))
        other = rng.choice([k for k in _CATEGORIES if k != kind])
        wanted = rng.sample(list(_CATEGORIES[kind]), rng.randint(1, 3))
        mixed = wanted + rng.sample(list(_CATEGORIES[other]), rng.randint(1, 2))
        rng.shuffle(mixed)
        wanted = [word for word in mixed if word in wanted]
    seen = ("List the {} in: {}", "Which {} are in this text: {}", "Make a list of the {}: {}", "List all {}: {}")
    carrier = rng.choice(("{}", "{}.", "I saw {}.", "We have {}.", "There are {} on the table.", "I like {}."))
    ask = "Name the {} in: {}" if words.new_wording else rng.choice(seen)
    schema = {"type": "array", "items": {"type": "string"}}
    message = ask.format(kind, carrier.format(enumerate_words(mixed, rng)))
    return message + (shown(schema) if words.chance(0.5) else ""), json.dumps(wanted, ensure_ascii=False), schema


def matches(constraint: str, text: str) -> bool:
    """Whether a text is in the language of a regular-expression constraint."""
    return re.fullmatch(constraint, text) is not None

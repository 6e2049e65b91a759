"""Facts: one key of a JSON object, its schema, its value, and the words that say it in a sentence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import words as lists
from words import NUMBER, Words, enumerate_words

Json = Any  # a JSON value


@dataclass(frozen=True)
class Fact:
    """What a slot of a sentence template is filled with."""

    key: str
    schema: dict[str, Json]
    value: Json
    said: str  #: as it stands in the sentence


@dataclass(frozen=True)
class Slot:
    """A placeholder of the templates: the keys it may have in a schema, and how its value is made."""

    keys: tuple[str, ...]
    make: Callable[[Words], tuple[dict[str, Json], Json, str]]

    def draw(self, words: Words) -> Fact:
        return Fact(words.rng.choice(self.keys), *self.make(words))


def _string(make: Callable[[Words], str]) -> Callable[[Words], tuple[dict[str, Json], Json, str]]:
    def draw(words: Words) -> tuple[dict[str, Json], Json, str]:
        text = make(words)
        schema: dict[str, Json] = {"type": "string"}
        if words.chance(0.04):
            schema |= words.rng.choice([{"minLength": 1}, {"maxLength": words.rng.choice([40, 50, 80, 100])}])
        return schema, text, text

    return draw


def _integer(low: int, high: int) -> Callable[[Words], tuple[dict[str, Json], Json, str]]:
    def draw(words: Words) -> tuple[dict[str, Json], Json, str]:
        n = words.digits(low, high) if high > 100 else words.rng.randint(low, high)
        schema: dict[str, Json] = {"type": "integer"}
        if words.chance(0.08):
            schema |= words.rng.choice([{"minimum": 0}, {"minimum": 0, "maximum": 10 ** (len(str(high)))}])
        return schema, n, NUMBER[n] if n <= 12 and words.chance(0.2) else str(n)

    return draw


def _number(low: int, high: int) -> Callable[[Words], tuple[dict[str, Json], Json, str]]:
    def draw(words: Words) -> tuple[dict[str, Json], Json, str]:
        n: float = words.digits(low, high)
        if words.chance(0.6):
            n = n + words.rng.choice(
                [words.rng.randint(1, 9) / 10, (10 * words.rng.randint(0, 9) + words.rng.randint(1, 9)) / 100]
            )
            n = round(n, 2)
        return {"type": "number"}, n, str(n)

    return draw


def _boolean(true: Sequence[str], false: Sequence[str]) -> Callable[[Words], tuple[dict[str, Json], Json, str]]:
    def draw(words: Words) -> tuple[dict[str, Json], Json, str]:
        value = words.chance(0.5)
        return {"type": "boolean"}, value, words.rng.choice(true if value else false)

    return draw


def _enum(*pools: Sequence[str]) -> Callable[[Words], tuple[dict[str, Json], Json, str]]:
    def draw(words: Words) -> tuple[dict[str, Json], Json, str]:
        pool = words.rng.choice(pools)
        options = words.rng.sample(list(pool), min(len(pool), words.rng.randint(2, 5)))
        value = words.rng.choice(options)
        schema: dict[str, Json] = {"enum": options}
        if words.chance(0.6):
            schema = schema | {"type": "string"} if words.chance(0.5) else {"type": "string"} | schema
        return schema, value, value

    return draw


def _array(make: Callable[[Words], str]) -> Callable[[Words], tuple[dict[str, Json], Json, str]]:
    def draw(words: Words) -> tuple[dict[str, Json], Json, str]:
        items = list(dict.fromkeys(make(words) for _ in range(words.rng.randint(2, 4))))
        schema: dict[str, Json] = {"type": "array", "items": {"type": "string"}}
        if words.chance(0.4):
            schema = {"items": {"type": "string"}, "type": "array"}
        return schema, items, enumerate_words(items, words.rng)

    return draw


def _date(words: Words) -> tuple[dict[str, Json], Json, str]:
    said, iso = words.date()
    return (
        {"type": "string", "format": "date"} if words.chance(0.5) else {"format": "date", "type": "string"},
        iso,
        said,
    )


def _email(words: Words) -> tuple[dict[str, Json], Json, str]:
    schema, value, said = _string(Words.email)(words)
    return schema | ({"format": "email"} if words.chance(0.2) else {}), value, said


def _clock(words: Words) -> str:
    return f"{words.rng.randint(0, 23):02}:{words.rng.choice(['00', '15', '30', '45', str(words.rng.randint(10, 59))])}"


def _club(words: Words) -> str:
    if words.chance(0.5):
        return f"{words.city()} {words.rng.choice(['United', 'Rovers', 'City', 'Stars'])}"
    return words.city()


def _hotel(words: Words) -> str:
    return f"{words.rng.choice(['Hotel ', 'Villa ', ''])}{words.invented().capitalize()}"


def _dish(words: Words) -> str:
    if words.chance(0.5):
        return words.of(lists.DISH)
    return f"{words.invented().capitalize()} {words.of(lists.DISH)}"


SIZES = ("small", "medium", "large", "huge", "tiny")
PRIORITIES = ("low", "medium", "high", "urgent", "critical")
ROOMS = ("single", "double", "twin", "suite", "family")
CURRENCIES = ("EUR", "USD", "GBP", "JPY", "CHF", "SEK")

SLOTS: dict[str, Slot] = {
    "name": Slot(("name", "name", "name", "full_name", "person"), _string(Words.person)),
    "first": Slot(("first_name", "first", "given_name"), _string(Words.first)),
    "last": Slot(("last_name", "last", "surname"), _string(Words.last)),
    "other": Slot(("friend", "partner", "contact", "colleague"), _string(Words.person)),
    "age": Slot(("age", "age", "age", "years", "age_years"), _integer(1, 99)),
    "city": Slot(("city", "city", "town", "home", "location"), _string(Words.city)),
    "country": Slot(("country", "nation", "country"), _string(Words.country)),
    "job": Slot(("job", "job", "profession", "occupation", "role"), _string(Words.job)),
    "company": Slot(("company", "employer", "firm"), _string(Words.company)),
    "email": Slot(("email", "email", "mail", "email_address"), _email),
    "hobbies": Slot(
        ("hobbies", "interests", "likes"), _array(lambda w: w.of(lists.HOBBY) if w.chance(0.7) else w.invented())
    ),
    "languages": Slot(("languages", "speaks"), _array(lambda w: w.of(lists.LANGUAGE))),
    "married": Slot(("married", "is_married"), _boolean(("married",), ("not married", "single", "unmarried"))),
    "member": Slot(
        ("member", "is_member", "active"),
        _boolean(("a member", "an active member"), ("not a member", "no longer a member")),
    ),
    "product": Slot(("product", "item", "article", "product"), _string(Words.thing)),
    "quantity": Slot(("quantity", "count", "amount", "units"), _integer(2, 500)),
    "price": Slot(("price", "cost", "price", "total"), _number(1, 2000)),
    "customer": Slot(("customer", "buyer", "client", "name"), _string(Words.person)),
    "color": Slot(("color", "colour"), _enum(lists.COLOR[:10])),
    "size": Slot(("size", "format"), _enum(SIZES)),
    "order": Slot(("order_id", "order", "order_number", "id"), _string(Words.code)),
    "paid": Slot(("paid", "is_paid"), _boolean(("paid", "already paid"), ("not paid", "unpaid", "not yet paid"))),
    "stock": Slot(
        ("in_stock", "available"), _boolean(("in stock", "available"), ("out of stock", "sold out", "not available"))
    ),
    "date": Slot(("date", "day", "date"), _date),
    "due": Slot(("due_date", "due", "deadline"), _date),
    "born": Slot(("born", "birthday", "date_of_birth", "birth_date"), _date),
    "time": Slot(("time", "start", "starts_at"), _string(_clock)),
    "title": Slot(("title", "event", "title"), _string(Words.title)),
    "work": Slot(("title", "title", "name", "work"), _string(Words.title)),
    "place": Slot(("place", "venue", "location"), _string(Words.place)),
    "guests": Slot(("guests", "people", "attendees", "seats"), _integer(2, 900)),
    "host": Slot(("host", "organizer", "speaker"), _string(Words.person)),
    "guest": Slot(("guest", "name", "booked_by"), _string(Words.person)),
    "hotel": Slot(("hotel", "hotel_name"), _string(_hotel)),
    "restaurant": Slot(("restaurant", "place"), _string(lambda w: w.invented().capitalize())),
    "nights": Slot(("nights", "stay"), _integer(1, 14)),
    "party": Slot(("people", "persons", "party_size"), _integer(1, 12)),
    "room": Slot(("room", "room_type"), _enum(ROOMS)),
    "origin": Slot(("origin", "from", "departure"), _string(Words.city)),
    "target": Slot(("destination", "to", "arrival"), _string(Words.city)),
    "flight": Slot(("flight", "flight_number"), _string(Words.code)),
    "temperature": Slot(("temperature", "temp", "degrees"), _integer(1, 40)),
    "humidity": Slot(("humidity", "humidity_percent"), _integer(10, 99)),
    "sky": Slot(("condition", "weather", "sky"), _enum(lists.SKY)),
    "author": Slot(("author", "writer", "by"), _string(Words.person)),
    "year": Slot(("year", "published", "released"), _integer(1900, 2030)),
    "pages": Slot(("pages", "page_count", "length"), _integer(20, 999)),
    "genre": Slot(("genre", "kind"), _enum(lists.GENRE)),
    "rating": Slot(("rating", "score"), _number(1, 9)),
    "street": Slot(("street", "address", "address_line"), _string(Words.street)),
    "zip": Slot(("zip", "postal_code", "zip_code"), _string(lambda w: str(w.rng.randint(10000, 99999)))),
    "rent": Slot(("rent", "price", "monthly_rent"), _integer(200, 5000)),
    "rooms": Slot(("rooms", "bedrooms"), _integer(1, 9)),
    "furnished": Slot(
        ("furnished", "is_furnished"), _boolean(("furnished", "fully furnished"), ("unfurnished", "not furnished"))
    ),
    "team": Slot(("home", "home_team", "winner"), _string(_club)),
    "rival": Slot(("away", "away_team", "loser"), _string(_club)),
    "goals": Slot(("home_score", "home_goals", "scored"), _integer(0, 9)),
    "against": Slot(("away_score", "away_goals", "conceded"), _integer(0, 9)),
    "invoice": Slot(("invoice", "invoice_number", "number"), _string(Words.code)),
    "sum": Slot(("amount", "total", "sum"), _number(10, 9000)),
    "currency": Slot(("currency", "unit"), _enum(CURRENCIES)),
    "dish": Slot(("dish", "recipe", "name"), _string(_dish)),
    "servings": Slot(("servings", "serves"), _integer(1, 12)),
    "minutes": Slot(("minutes", "duration", "duration_minutes"), _integer(5, 240)),
    "ingredients": Slot(
        ("ingredients", "needs"), _array(lambda w: w.of(lists.FOOD) if w.chance(0.7) else w.invented())
    ),
    "group": Slot(("team", "group", "project"), _string(lambda w: w.invented().capitalize())),
    "members": Slot(("members", "people", "team_members"), _array(Words.first)),
    "lead": Slot(("lead", "manager", "head"), _string(Words.person)),
    "priority": Slot(("priority", "urgency", "level"), _enum(PRIORITIES)),
    "pet": Slot(("name", "pet", "pet_name"), _string(lambda w: w.invented(1, 2).capitalize())),
    "species": Slot(("species", "animal", "kind"), _string(lambda w: w.of(lists.ANIMAL))),
    "owner": Slot(("owner", "owned_by", "keeper"), _string(Words.person)),
    "weight": Slot(("weight", "weight_kg", "kilograms"), _number(1, 90)),
    "founder": Slot(("founder", "founded_by"), _string(Words.person)),
    "staff": Slot(("employees", "staff", "headcount"), _integer(3, 9000)),
    "founded": Slot(("founded", "founded_in", "since"), _integer(1900, 2030)),
}

#: How the value of an invented key may look: a word, a name, a number, a code, a day, a choice, a list.
ANY_VALUE = (
    _string(Words.invented),
    _string(Words.person),
    _string(Words.city),
    _string(Words.thing),
    _string(Words.code),
    _string(lambda w: f"{w.invented()} {w.invented()}"),
    _integer(0, 9999),
    _integer(0, 99),
    _number(1, 900),
    _date,
    _enum(lists.COLOR, PRIORITIES, SIZES, lists.SKY),
    _array(Words.invented),
    _string(Words.title),
)

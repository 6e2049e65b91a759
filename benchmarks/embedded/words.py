"""Words of the synthetic corpus, and the line between seen and unseen.

A word is *held out* when its checksum says so (one in eight) or when it is listed in `RESERVED`; training draws the
others, evaluation draws only held-out ones. Most names are composed from syllables, so that the model has to copy
what it reads instead of recalling it.
"""

import itertools
import random
import zlib
from collections.abc import Sequence


def _list(text: str) -> list[str]:
    return text.split()


RESERVED = frozenset(_list("ada lovelace london grace hopper alan turing oslo emmy noether lisbon harbor"))

FIRST = _list(
    """
    Anna Ben Clara David Elena Felix Greta Hassan Ines Jonas Karla Liam Maria Noah Olga Peter Quinn Rosa
    Samir Tara Umar Vera Wei Xenia Yusuf Zoe Amir Bianca Carlos Diana Erik Fatima George Hana Igor Julia
    Kenji Lena Marco Nadia Oscar Priya Rafael Sofia Tomas Ursula Victor Wanda Yara Zane Alice Bruno Chloe
    Daniel Esther Farid Gina Hugo Ivy Jack Kofi Lucy Mateo Nina Omar Paula Rita Stefan Tessa Uri Viola Walter
    Yuki Zara José Zoë André Björn Søren Mia Emma Olivia Lucas Ethan Mason Logan James John Mary Linda Robert
    Michael Sarah Laura Kevin Brian Susan Karen Emily Jacob Tom Tim Sam Max Leo Kim Ada Grace Alan Emmy
    """
)
LAST = _list(
    """
    Smith Jones Garcia Müller Rossi Silva Novak Kim Chen Tanaka Singh Khan Ali Okafor Mensah Larsen Berg
    Lindqvist Moreau Dubois Fischer Weber Costa Santos Lopez Perez Brown Taylor Wilson Walker Young King
    Wright Hill Green Baker Carter Turner Parker Cook Bell Reed Bailey Cooper Ward Brooks Gray Price Wood
    Ross Foster Hughes Lovelace Hopper Turing Noether
    """
)
CITY = _list(
    """
    Paris London Berlin Madrid Rome Vienna Prague Oslo Lisbon Dublin Athens Warsaw Budapest Zurich Geneva
    Milan Naples Turin Lyon Nice Hamburg Munich Bremen Leipzig Seville Porto Ghent Bruges Utrecht Bergen
    Malmö Turku Tampere Riga Vilnius Kyoto Osaka Tokyo Seoul Busan Beijing Shanghai Delhi Mumbai Pune Cairo
    Tunis Accra Lagos Nairobi Kigali Lima Quito Bogotá Santiago Montevideo Toronto Montreal Ottawa Boston
    Chicago Denver Seattle Austin Portland Miami Dallas Phoenix Atlanta New_York San_Diego Los_Angeles
    Cape_Town São_Paulo Tel_Aviv Hong_Kong
    """
)
COUNTRY = _list(
    """
    France Spain Italy Germany Austria Norway Sweden Finland Denmark Poland Greece Ireland Portugal Japan
    China India Egypt Kenya Ghana Peru Chile Brazil Canada Mexico Cuba Turkey Iran Nepal Vietnam Thailand
    """
)
JOB = _list(
    """
    teacher nurse doctor baker painter engineer lawyer farmer pilot chemist plumber carpenter librarian
    designer writer editor driver waiter chef butcher gardener tailor dentist architect biologist physicist
    mathematician programmer journalist photographer translator accountant electrician mechanic surgeon
    violinist singer actor judge sailor welder potter florist data_analyst bus_driver tour_guide art_dealer
    social_worker
    """
)
FRUIT = _list("apple pear plum cherry grape lemon orange banana mango peach apricot fig melon kiwi lime papaya")
ANIMAL = _list("cat dog horse rabbit parrot hamster goat sheep duck turtle snake donkey ferret pigeon lizard mouse")
COLOR = _list("red blue green yellow black white brown pink purple gray orange golden silver")
TOOL = _list("hammer saw wrench drill chisel shovel rake ladder pliers screwdriver axe clamp")
LANGUAGE = _list(
    "English French German Spanish Italian Polish Czech Dutch Greek Turkish Arabic Hindi Korean Swahili Latin"
)
THING = _list(
    """
    lamp chair table desk sofa bottle notebook pencil backpack jacket scarf helmet kettle teapot mug plate
    bowl spoon knife candle mirror carpet pillow blanket camera phone tablet keyboard monitor printer speaker
    battery charger cable bicycle scooter tent rope compass watch ring necklace violin guitar drum flute
    puzzle kite globe clock vase basket broom umbrella
    """
)
ADJECTIVE = _list(
    """
    old small large heavy light round wooden plastic metal glass cheap antique modern folding portable
    electric silent bright dark soft hard narrow wide foldable oak steel copper leather cotton ceramic
    """
)
NOUN = _list(
    """
    river mountain garden winter summer shadow silence ocean forest bridge window harbor island mirror
    journey letter stone star night morning desert field house tower road storm dream secret song winner
    circle machine city door moon valley lantern kingdom market museum festival workshop
    """
)
HOBBY = _list(
    """
    chess tennis hiking painting swimming cooking reading fishing cycling dancing sailing knitting running
    skiing
    """
)
DISH = _list("soup stew salad curry pie risotto lasagna pancakes omelette goulash dumplings chili ramen paella")
FOOD = _list(
    """
    rice flour butter eggs milk salt pepper garlic onions carrots beans cheese basil honey sugar tomatoes
    potatoes
    """
)
GENRE = _list("mystery romance fantasy history thriller poetry horror comedy drama biography")
SKY = _list("sunny cloudy rainy snowy windy foggy stormy clear")
MONTH = _list("January February March April May June July August September October November December")
NUMBER = _list("zero one two three four five six seven eight nine ten eleven twelve")

#: Words of a training template that say which slot is which; the others are replaced now and then.
ROLES = frozenset(
    _list(
        """
    years born address number from owner paid stock people guests rooms nights degrees percent humidity pages
    rating dollars euros minutes serves members employees founded weighs kilograms members first last team
    score zip code room table flight invoice written total units with under both where that they them this
    home town month
    """
    )
)
#: What replaces them, or is put between words: they mean little, so that a name ends where its capitals end.
FILLERS = _list(
    """
    really still often soon later again there here also just quite maybe finally gladly needs found keeps
    gave made sees holds brings shows picked chose left runs uses sent called thinks hopes plans tells said
    looks goes went stands sits meets joined opened closed handed gets put sold carried moved knows likes
    loves got had was will
    """
)

_SINGLE = _list("b c d f g h j k l m n p r s t v w z")
ONSET = _SINGLE * 4 + _list("br ch cl cr dr fl fr gl gr kr pl pr qu sh sk sl st th tr") + [""] * 6
NUCLEUS = _list("a e i o u") * 5 + _list("ai ea ee ia io oo ou y á é ö")
CODA = [""] * 50 + _list("n n n r r r l l l s s s m m k t t d g b x nd ng nt rk rn rt sh ss st th ck")


def is_held_out(word: str) -> bool:
    """Whether a word is kept from training; case does not matter."""
    word = word.lower()
    return word in RESERVED or zlib.crc32(word.encode()) % 8 == 0


class Words:
    """Draws words of one side of the split: `unseen=False` for training, `unseen=True` for evaluation.

    `new_wording` says which templates go with them, the held-out ones or those of training; by default the same side.
    """

    def __init__(self, rng: random.Random, *, unseen: bool = False, new_wording: bool | None = None) -> None:
        self.rng = rng
        self.unseen = unseen
        self.new_wording = unseen if new_wording is None else new_wording

    def chance(self, p: float) -> bool:
        return self.rng.random() < p

    def of(self, words: Sequence[str]) -> str:
        """One of a list of words, on this side of the split; `_` in a word stands for a space."""
        pool = [w for w in words if is_held_out(w) == self.unseen] or list(words)
        return self.rng.choice(pool).replace("_", " ")

    def invented(self, low: int = 2, high: int = 3) -> str:
        """A pronounceable lower-case word nobody has seen."""
        rng = self.rng
        while True:
            syllables = (
                rng.choice(ONSET) + rng.choice(NUCLEUS) + rng.choice(CODA) for _ in range(rng.randint(low, high))
            )
            word = "".join(syllables)
            if 3 <= len(word) <= 11 and is_held_out(word) == self.unseen:
                return word

    def key(self) -> str:
        """An invented key of an object: ASCII, so that a schema shows it unescaped."""
        while True:
            word = self.invented(1, 2)
            if word.isascii():
                return word

    def _proper(self, real: Sequence[str], low: int = 2, high: int = 3) -> str:
        return self.of(real) if self.chance(0.3) else self.invented(low, high).capitalize()

    def first(self) -> str:
        return self._proper(FIRST)

    def last(self) -> str:
        return self._proper(LAST)

    def person(self) -> str:
        return self.first() if self.chance(0.5) else f"{self.first()} {self.last()}"

    def city(self) -> str:
        return self._proper(CITY)

    def country(self) -> str:
        return self._proper(COUNTRY)

    def job(self) -> str:
        return self.of(JOB)

    def thing(self) -> str:
        """A product: an adjective or colour may stand before it, an `s` behind it, or it is a brand name."""
        if self.chance(0.2):
            return f"{self.invented().capitalize()} {self.rng.randint(2, 900)}"
        noun = self.of(THING) if self.chance(0.7) else self.invented()
        noun = noun + "s" if self.chance(0.4) else noun
        return f"{self.of(self.rng.choice([ADJECTIVE, COLOR]))} {noun}" if self.chance(0.4) else noun

    def company(self) -> str:
        name = self.invented(1, 3).capitalize()
        return (
            f"{name} {self.rng.choice(['Ltd', 'Inc', 'Group', 'Labs', 'Works', 'Foods', 'Bank'])}"
            if self.chance(0.4)
            else name
        )

    def title(self) -> str:
        """The title of a book, a film, an event: two to four words."""
        a, n, m = self.of(ADJECTIVE).capitalize(), self._proper(NOUN).capitalize(), self.of(NOUN).capitalize()
        return self.rng.choice([f"The {a} {n}", f"{a} {n}", f"The {n} of {m}", f"{n} and {m}", f"{n} {m}", f"The {n}"])

    def place(self) -> str:
        noun = self.rng.choice(["Hall", "Park", "Square", "Museum", "Theater", "Library", "Center", "Hotel", "Garden"])
        return f"{self._proper(NOUN).capitalize()} {noun}"

    def street(self) -> str:
        number, name = self.rng.randint(1, 199), self._proper(NOUN).capitalize()
        return f"{number} {name} {self.rng.choice(['Street', 'Road', 'Lane', 'Avenue'])}"

    def email(self) -> str:
        end = self.rng.choice(["com", "org", "net", "io"])
        return f"{self.invented(1, 2)}@{self.invented(1, 2)}.{end}"

    def code(self) -> str:
        """An order number, a seat, a flight: capital letters and digits."""
        letters = "".join(self.rng.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=self.rng.randint(1, 3)))
        return letters + self.rng.choice(["", "", "-"]) + str(self.rng.randint(1, 9999))

    def digits(self, low: int, high: int) -> int:
        """A number whose count of digits, not its value, is uniform."""
        lengths = range(len(str(low)), len(str(high)) + 1)
        n = self.rng.choice(lengths)
        return (
            self.rng.randint(max(low, 10 ** (n - 1)), min(high, 10**n - 1))
            if n > 1
            else self.rng.randint(low, min(high, 9))
        )

    def date(self) -> tuple[str, str]:
        """A day as people write it, and in ISO form."""
        year, month, day = self.rng.randint(1960, 2039), self.rng.randint(1, 12), self.rng.randint(1, 28)
        name, iso = MONTH[month - 1], f"{year}-{month:02}-{day:02}"
        suffix = {1: "st", 2: "nd", 3: "rd"}.get(day % 10 if day // 10 != 1 else 0, "th")
        written = [
            f"{name} {day}, {year}",
            f"{day} {name} {year}",
            f"{name} {day}{suffix}, {year}",
            f"{name[:3]} {day}, {year}",
            f"the {day}{suffix} of {name} {year}",
            iso,
        ]
        return self.rng.choices(written, [4, 4, 2, 2, 2, 1])[0], iso


def enumerate_words(words: Sequence[str], rng: random.Random) -> str:
    """`a, b and c`."""
    if len(words) == 1:
        return words[0]
    return ", ".join(words[:-1]) + rng.choice([" and ", ", and " if len(words) > 2 else " and "]) + words[-1]


def with_article(text: str) -> str:
    """`a apple` becomes `an apple`."""
    parts = text.split(" ")
    for i, (word, following) in enumerate(itertools.pairwise(parts)):
        if word in ("a", "A") and following[:1].lower() in tuple("aeiou"):
            parts[i] = word + "n"
    return " ".join(parts)

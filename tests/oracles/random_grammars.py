"""Random small grammars over the letters a and b: ambiguous, recursive, nullable, whatever comes."""

from hypothesis import strategies as st

from syntagma.grammar.ir import Alt, Bytes, Expr, Grammar, Ref, Repeat, Seq, byte_set

LETTERS = b"ab"
RULES = ("S", "A", "B")

_leaves = st.sampled_from([Bytes(b"a"), Bytes(b"b"), Bytes(b"ab"), byte_set((0x61, 0x62)), *map(Ref, RULES)])


def _grown(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    bounds = st.sampled_from([(0, 1), (0, None), (1, None), (2, 2), (1, 2)])
    repeats = st.builds(lambda item, bound: Repeat(item, *bound), inner, bounds)
    return st.one_of(several.map(Seq), several.map(Alt), repeats)


expressions = st.recursive(_leaves, _grown, max_leaves=5)


@st.composite
def grammars(draw: st.DrawFn) -> Grammar:
    """A grammar of three rules, any of which may call any; some derive nothing."""
    return Grammar("S", {name: draw(expressions) for name in RULES})


regular = st.recursive(
    st.sampled_from([Bytes(b"a"), Bytes(b"b"), Bytes(b"ba"), byte_set((0x61, 0x62)), Seq(())]), _grown, max_leaves=5
)


@st.composite
def small_grammars(draw: st.DrawFn) -> Grammar:
    """A grammar of two rules of few parts, whose parses a naive parser can list."""
    leaves = st.sampled_from([Bytes(b"a"), Bytes(b"b"), Ref("S"), Ref("A")])
    bodies = st.recursive(leaves, _grown, max_leaves=4)
    return Grammar("S", {"S": draw(bodies), "A": draw(bodies)})

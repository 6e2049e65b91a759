"""Shortcuts through numba's compiler: what makes a cold start bearable.

Kernels need little of it: they make no arrays, close over nothing, and index from zero. Where numba's internals differ
from what is expected, a shortcut is left out, and compiling takes longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias

from numba.core import base, cgutils, interpreter, postproc, transforms, typed_passes, types, typing, untyped_passes
from numba.core.compiler import CompilerBase
from numba.core.compiler_machinery import PassManager
from numba.core.options import DefaultOptions
from numba.core.runtime import rtsys
from numba.core.targetconfig import ConfigStack
from numba.core.types import functions

Function: TypeAlias = Callable[..., Any]
#: The steps of numba's compiler that kernels need.
PASSES = (
    (untyped_passes, "TranslateByteCode"),
    (untyped_passes, "FixupArgs"),
    (untyped_passes, "IRProcessing"),
    (untyped_passes, "ReconstructSSA"),
    (typed_passes, "NopythonTypeInference"),
    (typed_passes, "PreLowerStripPhis"),
    (typed_passes, "AnnotateTypes"),
    (typed_passes, "NativeLowering"),
    (typed_passes, "NoPythonBackend"),
)
#: (function type, kept alive, argument types, keywords) -> the signature that numba chose.
_signatures: dict[tuple[Any, ...], Any] = {}


def without_reference_counts() -> dict[str, bool]:
    """The option by which numba counts no references: kernels make no arrays. A tenth of their time."""
    return {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}


class KernelCompiler(CompilerBase):  # type: ignore[misc]
    """Numba's compiler without the steps that look for closures, contexts, generators and array expressions."""

    def define_pipelines(self) -> list[PassManager]:
        """The steps, in order."""
        manager = PassManager("kernel")
        for module, name in PASSES:
            manager.add_pass(getattr(module, name), name)
        manager.finalize()
        return [manager]


def short_pipeline() -> dict[str, Any]:
    """The option by which numba compiles with `KernelCompiler`."""
    known = all(hasattr(module, name) for module, name in PASSES)
    return {"pipeline_class": KernelCompiler} if known else {}


@contextmanager
def shortcuts() -> Iterator[None]:
    """All shortcuts that hold while a kernel is compiled."""
    with ExitStack() as stack:
        for each in (
            remembered_signatures,
            remembered_answers,
            one_refresh,
            no_peepholes,
            no_lifetimes,
            no_wraparound,
            arrays_apart,
        ):
            stack.enter_context(each())
        yield


@contextmanager
def remembered_signatures() -> Iterator[None]:
    """Remember what an operator or builtin makes of some argument types.

    Numba looks that up anew at every use, by trial of all that might do: half the time of typing a kernel.
    """
    owner = getattr(functions, "BaseFunction", None)
    choose = getattr(owner, "get_call_type", None)
    if owner is None or choose is None or getattr(choose, "remembers", False):
        yield
        return

    def recall(self: Any, context: Any, args: Any, kws: Any) -> Any:
        key = (self, context, tuple(args), tuple(dict(kws).items()))
        found = _signatures.get(key)
        if found is None or found.args not in self._impl_keys:
            found = _signatures[key] = choose(self, context, args, kws)
        return found

    recall.remembers = True  # type: ignore[attr-defined]
    with replaced(owner, "get_call_type", recall):
        yield


@contextmanager
def remembered_answers() -> Iterator[None]:
    """Remember what is asked thousands of times.

    How large a type is, for which numba lets LLVM parse a module; what a code generator takes; the type of a constant.
    """
    with ExitStack() as stack:
        stack.enter_context(_remembered(base.BaseContext, "get_abi_sizeof", lambda context, kind: (context, str(kind))))
        stack.enter_context(_remembered(base, "_has_loc", lambda function: function))
        stack.enter_context(
            _remembered(
                typing.BaseContext,
                "resolve_value_type",
                lambda context, value: (context, value) if type(value) is int else None,
            )
        )
        yield


@contextmanager
def _remembered(owner: Any, name: str, key: Callable[..., object]) -> Iterator[None]:
    """Remember what a function returns, by what `key` makes of its arguments; None is not remembered."""
    answer = getattr(owner, name, None)
    if answer is None:
        yield
        return
    answers: dict[object, Any] = {}

    def recall(*args: Any) -> Any:
        asked = key(*args)
        if asked is None:
            return answer(*args)
        if asked not in answers:
            answers[asked] = answer(*args)
        return answers[asked]

    with replaced(owner, name, recall):
        yield


@contextmanager
def one_refresh() -> Iterator[None]:
    """Look once for what has been registered with numba since, not whenever it misses something."""
    refresh = getattr(base.BaseContext, "refresh", None)
    if refresh is None:
        yield
        return
    fresh: list[Any] = []

    def refresh_once(context: Any) -> None:
        if context not in fresh:
            fresh.append(context)
            refresh(context)

    with replaced(base.BaseContext, "refresh", refresh_once):
        yield


def _counts_references() -> bool:
    """Whether what is being compiled may hold objects; no kernel does, but what numba itself is made of."""
    flags = ConfigStack.top_or_none()
    return flags is None or flags.nrt


@contextmanager
def no_peepholes() -> Iterator[None]:
    """Do not look through kernels for `with` and for large dictionaries."""

    def pass_by(change: Function) -> Function:
        return lambda function: change(function) if _counts_references() else function

    with ExitStack() as stack:
        for name in ("peep_hole_delete_with_exit", "peep_hole_fuse_dict_add_updates"):
            if hasattr(interpreter, name):
                stack.enter_context(replaced(interpreter, name, pass_by(getattr(interpreter, name))))
        yield


@contextmanager
def no_lifetimes() -> Iterator[None]:
    """Where no references are counted, do not find out, after every step, how long each variable lives."""
    run = getattr(postproc.PostProcessor, "run", None)
    if run is None or not hasattr(postproc, "VariableLifetime"):
        yield
        return

    def run_shortly(processor: Any, *args: Any, **kws: Any) -> None:
        function = processor.func_ir
        if _counts_references() or function.is_generator:
            run(processor, *args, **kws)
            return
        function.blocks = transforms.canonicalize_cfg(function.blocks)
        function.variable_lifetime = postproc.VariableLifetime(function.blocks)
        function.generator_info = None

    with replaced(postproc.PostProcessor, "run", run_shortly):
        yield


@contextmanager
def no_wraparound() -> Iterator[None]:
    """Compile no test for negative indices, which numba makes at every access to an array; kernels have none."""
    from numba.np import arrayobj

    if not hasattr(arrayobj, "fix_integer_index"):
        yield
        return

    def as_it_is(context: Any, builder: Any, kind: Any, index: Any, size: Any) -> Any:
        return context.cast(builder, index, kind, types.intp)

    with replaced(arrayobj, "fix_integer_index", as_it_is):
        yield


@contextmanager
def arrays_apart() -> Iterator[None]:
    """Take arrays apart where they are: numba lays each in memory first, at every access, for LLVM to undo."""
    from numba.np import arrayobj

    if not all(hasattr(arrayobj, name) for name in ("make_array", "basic_indexing", "load_item", "store_item")):
        yield
        return
    in_memory, index_any = arrayobj.make_array, arrayobj.basic_indexing

    def make(kind: Any) -> Function:
        make_whole: Function = in_memory(kind)
        if type(kind) is not types.Array:
            return make_whole

        def take(context: Any, builder: Any, value: Any = None, ref: Any = None) -> Any:
            if value is None:
                return make_whole(context, builder, ref=ref)
            return ArrayValue(context.data_model_manager[kind], builder, value)

        return take

    def index(
        context: Any, builder: Any, kind: Any, array: Any, index_types: Any, indices: Any, boundscheck: Any = None
    ) -> Any:
        if kind.ndim != 1 or kind.layout != "C" or len(indices) != 1 or not isinstance(index_types[0], types.Integer):
            return index_any(context, builder, kind, array, index_types, indices, boundscheck)
        at = context.cast(builder, indices[0], index_types[0], types.intp)
        if boundscheck:
            cgutils.do_boundscheck(context, builder, at, cgutils.unpack_tuple(builder, array.shape, 1)[0], 0)
        return builder.gep(array.data, [at]), [], []

    with replaced(arrayobj, "make_array", make), replaced(arrayobj, "basic_indexing", index):
        yield


class ArrayValue:
    """The fields of an array that is held in registers."""

    __slots__ = ("_builder", "_model", "_value")

    def __init__(self, model: Any, builder: Any, value: Any) -> None:
        self._model, self._builder, self._value = model, builder, value

    def __getattr__(self, name: str) -> Any:
        """The value of a field."""
        return self._builder.extract_value(self._value, self._model.get_field_position(name))

    def _getvalue(self) -> Any:
        return self._value


def load_alone(compiled: Any) -> None:
    """Let a kernel be loaded from disk without all that numba needs to compile one: a third of a warm start."""
    cache: Any = getattr(compiled, "_cache", None)
    if not all(
        hasattr(cache, name) for name in ("load_overload", "_load_overload", "_guard_against_spurious_io_errors")
    ):
        return

    def load(signature: Any, context: Any) -> Any:
        rtsys.initialize(context)
        with cache._guard_against_spurious_io_errors():
            return cache._load_overload(signature, context)

    cache.load_overload = load


@contextmanager
def replaced(owner: Any, name: str, function: Function) -> Iterator[None]:
    """Replace a method, which `owner` has or inherits, for a while."""
    own = vars(owner).get(name)
    setattr(owner, name, function)
    try:
        yield
    finally:
        if own is None:
            delattr(owner, name)
        else:
            setattr(owner, name, own)

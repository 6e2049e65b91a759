"""Shortcuts through numba's compiler: what makes a cold start bearable.

Where numba's internals differ from what is expected, a shortcut is left out, and compiling takes longer.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias

import llvmlite.binding as llvm
from numba import _dynfunc
from numba.core import codegen, cpu, types
from numba.core.options import DefaultOptions
from numba.core.runtime import rtsys
from numba.core.types import functions
from numba.np import arrayobj

Function: TypeAlias = Callable[..., Any]
#: (function type, kept alive, argument types, keywords) -> the signature that numba chose.
_signatures: dict[tuple[Any, ...], Any] = {}


def without_reference_counts() -> dict[str, bool]:
    """The option by which numba counts no references: kernels make no arrays. A tenth of their time."""
    return {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}


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
def no_wraparound() -> Iterator[None]:
    """Compile no test for negative indices, which numba makes at every access to an array; kernels have none."""
    if not hasattr(arrayobj, "fix_integer_index"):
        yield
        return

    def as_it_is(context: Any, builder: Any, kind: Any, index: Any, size: Any) -> Any:
        return context.cast(builder, index, kind, types.intp)

    with replaced(arrayobj, "fix_integer_index", as_it_is):
        yield


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
def no_machine_code() -> Iterator[None]:
    """Leave what is compiled inside as bitcode for linking, unoptimised but for dead globals.

    Numba links every callee into its callers and optimises and compiles the whole again, so a deep call graph would be
    compiled once for each level. Where numba's internals differ from what is expected, it is.
    """
    library, context = getattr(codegen, "JITCodeLibrary", None), getattr(cpu, "CPUContext", None)
    shortcuts: list[tuple[Any, str, Function]] = [
        (library, "_optimize_final_module", _drop_dead_globals),
        (library, "_finalize_final_module", _keep_bitcode),
    ]
    shortcuts.append((context, "get_executable", _no_executable))
    known = hasattr(llvm, "create_new_module_pass_manager") and hasattr(llvm, "create_pass_builder")
    if not known or not all(hasattr(owner, name) for owner, name, _ in shortcuts):
        yield
        return
    with ExitStack() as stack:
        for owner, name, function in shortcuts:
            stack.enter_context(replaced(owner, name, function))
        yield


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


def _drop_dead_globals(library: Any) -> None:
    """Instead of the optimisation of a module: live dead globals would forbid the cache."""
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    target = library._codegen._tm
    passes.run(library._final_module, llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options()))


def _keep_bitcode(library: Any) -> None:
    """Instead of handing the module to the code generator."""
    library._finalize_dynamic_globals()
    library._final_module.__library = weakref.proxy(library)
    library._finalized = True


def _no_executable(context: Any, library: Any, fndesc: Any, env: Any) -> Any:
    """Instead of the function that Python would call: what numba knows the kernel by."""
    library._ensure_finalized()
    return _dynfunc.make_function(fndesc.lookup_module(), fndesc.qualname.split(".")[-1], "", 0, env, (library,))

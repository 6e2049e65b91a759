"""Linking shortcuts: inner kernels stay bitcode, and an entry point links all that it calls at once.

Numba links every callee into its callers and optimises and compiles the whole again, so a deep call graph would be
compiled once for each level. Where numba's internals differ from what is expected, it is.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias

import llvmlite.binding as llvm
from numba import _dynfunc
from numba.core import codegen, cpu

from .numba_shortcuts import replaced

Function: TypeAlias = Callable[..., Any]
#: What llvmlite called passes before 0.44.
OLD_NAMES = {"simplify_cfg": "cfg_simplification", "global_dead_code_eliminate": "global_dce"}


@contextmanager
def no_machine_code() -> Iterator[None]:
    """Leave what is compiled inside as bitcode for linking, without its callees, unoptimised but for dead globals."""
    if not _is_known():
        yield
        return
    library = codegen.JITCodeLibrary
    with ExitStack() as stack:
        stack.enter_context(replaced(library, "finalize", _alone(library.finalize)))
        stack.enter_context(replaced(library, "_optimize_final_module", _drop_dead_globals))
        stack.enter_context(replaced(library, "_finalize_final_module", _keep_bitcode))
        stack.enter_context(replaced(cpu.CPUContext, "get_executable", _no_executable))
        yield


@contextmanager
def linked_at_once() -> Iterator[None]:
    """Link what is compiled inside with all that it calls, which `no_machine_code` has left apart."""
    if not _is_known():
        yield
        return
    finalize = codegen.JITCodeLibrary.finalize

    def finalize_whole(library: Any) -> None:
        library._linking_libraries = _callers_first(library)
        finalize(library)

    with ExitStack() as stack:
        stack.enter_context(replaced(codegen.JITCodeLibrary, "finalize", finalize_whole))
        stack.enter_context(replaced(codegen.JITCodeLibrary, "_optimize_functions", _use_registers))
        yield


def _is_known() -> bool:
    """Whether numba and llvmlite are inside as these shortcuts expect."""
    library, context = getattr(codegen, "JITCodeLibrary", None), getattr(cpu, "CPUContext", None)
    steps = ("finalize", "_optimize_functions", "_optimize_final_module", "_finalize_final_module")
    return (
        all(hasattr(library, name) for name in (*steps, "add_linking_library"))
        and hasattr(context, "get_executable")
        and (hasattr(llvm, "create_pass_builder") or hasattr(llvm, "create_module_pass_manager"))
    )


def _alone(finalize: Function) -> Function:
    """`finalize` of a library, without linking."""

    def finalize_alone(library: Any) -> None:
        linked, library._linking_libraries = library._linking_libraries, []
        finalize(library)
        library._linking_libraries = linked

    return finalize_alone


def _callers_first(library: Any) -> list[Any]:
    """What a library calls, and what that calls, each behind its callers: LLVM links only what is called already."""
    found: dict[Any, None] = {}

    def visit(callee: Any) -> None:
        if callee not in found:
            for each in callee._linking_libraries:
                visit(each)
            found[callee] = None

    for each in library._linking_libraries:
        visit(each)
    return [*reversed(found)]


def _run(library: Any, module: Any, *passes: str) -> None:
    """Run passes of LLVM over a module."""
    if hasattr(llvm, "create_new_module_pass_manager"):
        manager = llvm.create_new_module_pass_manager()
        for name in passes:
            getattr(manager, f"add_{name}_pass")()
        manager.run(module, llvm.create_pass_builder(library._codegen._tm, llvm.create_pipeline_tuning_options()))
        return
    manager = llvm.create_module_pass_manager()
    for name in passes:
        getattr(manager, f"add_{OLD_NAMES.get(name, name)}_pass")()
    manager.run(module)


def _use_registers(library: Any, module: Any) -> None:
    """Instead of all optimisations within functions, which come again behind linking: what makes a module small."""
    module.data_layout = library._codegen._data_layout
    _run(library, module, "sroa", "simplify_cfg")


def _drop_dead_globals(library: Any) -> None:
    """Instead of the optimisation of a module: live dead globals would forbid the cache."""
    _run(library, library._final_module, "global_dead_code_eliminate")


def _keep_bitcode(library: Any) -> None:
    """Instead of handing the module to the code generator."""
    library._finalize_dynamic_globals()
    library._final_module.__library = weakref.proxy(library)
    library._finalized = True


def _no_executable(context: Any, library: Any, fndesc: Any, env: Any) -> Any:
    """Instead of the function that Python would call: what numba knows the kernel by."""
    library._ensure_finalized()
    return _dynfunc.make_function(fndesc.lookup_module(), fndesc.qualname.split(".")[-1], "", 0, env, (library,))

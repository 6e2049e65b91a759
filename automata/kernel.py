"""Kernel decorator: one place that says how numba compiles.

Every kernel of the package is decorated with `@kernel`. Where they are kept is said in `kernel_cache.py`, what numba is
spared in `numba_shortcuts.py` and `numba_linking.py`.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeAlias

from ..grammar.collection import no_collection
from . import compile_ahead
from .kernel_cache import CACHE_DIR

#: A kernel, before and after compiling: its types stand in its signature, not in annotations.
Function: TypeAlias = Callable[..., Any]


if CACHE_DIR is not None:
    os.environ["NUMBA_CACHE_DIR"] = str(CACHE_DIR)
compile_ahead.start()

with no_collection():  # of the many objects that numba is made of
    import numba  # reads NUMBA_CACHE_DIR at import
    import numpy
    from numba import types
    from numba.extending import intrinsic

    from .numba_linking import linked_at_once, no_machine_code
    from .numba_shortcuts import load_alone, short_pipeline, shortcuts, without_reference_counts

if CACHE_DIR is not None:
    numba.config.CACHE_DIR = str(CACHE_DIR)


def kernel(signature: str | None = None) -> Callable[[Function], Function]:
    """Compile a function with numba: no Python objects, GIL released.

    Without a `signature`: an entry point. It is compiled at the first call, with all it calls, optimised as one, and
    cached on disk. With one: an inner kernel, which entry points compile in; see `InnerKernel`.
    """

    def decorate(function: Function) -> Function:
        if numba.config.DISABLE_JIT:
            return function
        if signature is not None:
            return InnerKernel(function, signature)
        return _entry(function)

    return decorate


OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
OPTIONS |= without_reference_counts() | short_pipeline()


def _entry(function: Function) -> Function:
    try:
        compiled: Function = numba.njit(cache=CACHE_DIR is not None, **OPTIONS)(function)
    except RuntimeError as error:
        if "no locator" not in str(error):
            raise
        compiled = numba.njit(**OPTIONS)(function)
    load_alone(compiled)
    compile_for, compiler = compiled._compile_for_args, compiled._compiler  # type: ignore[attr-defined]
    compile_anew = compiler.compile

    def load_or_compile(*args: Any, **kws: Any) -> Any:
        compile_ahead.await_kernel(function.__module__, function.__name__)
        with no_collection():
            return compile_for(*args, **kws)

    def compile_shortly(*args: Any) -> Any:
        with no_collection(), shortcuts(), linked_at_once():
            return compile_anew(*args)

    compiled._compile_for_args = load_or_compile  # type: ignore[attr-defined]
    compiler.compile = compile_shortly
    return compiled


class Direct:
    """A kernel as `call`, past numba's look at the types of the arguments, which takes longer than many a kernel.

    Whoever calls sees to it that they are those of the first call: another array's bytes would be misread.
    """

    __slots__ = ("_kernel", "call")

    def __init__(self, function: Function) -> None:
        self._kernel = function
        self.call: Function = self._first_call

    def _first_call(self, *args: Any) -> Any:
        result = self._kernel(*args)
        compiled = getattr(self._kernel, "overloads", {}).get(tuple(map(numba.typeof, args)))
        self.call = getattr(compiled, "entry_point", self._kernel)
        return result


class InnerKernel:
    """A kernel that other kernels call: typed as its signature says when the first of them is compiled, never before.

    No machine code is made of it alone, and nothing is cached: whoever calls it holds it. So a process with a warm
    cache loads the entry points only. A call from Python compiles it as an entry point of its own.
    """

    def __init__(self, function: Function, signature: str) -> None:
        self.py_func = function
        self.__name__, self.__doc__ = function.__name__, function.__doc__
        self._signature = signature

    @cached_property
    def _inner(self) -> Any:
        inner = numba.njit(**OPTIONS, no_cpython_wrapper=True)(self.py_func)
        self._template = inner.get_call_template
        inner.get_call_template = self._typed_template
        return inner

    @property
    def _numba_type_(self) -> Any:
        """What numba takes it for where a kernel names it."""
        return self._inner._numba_type_

    def _typed_template(self, args: Any, kws: Any) -> Any:
        if not self._inner.overloads:
            with no_machine_code():
                self._inner.compile(self._signature)
            self._inner.disable_compile()
        return self._template(args, kws)

    @cached_property
    def _outer(self) -> Function:
        return _entry(self.py_func)

    def __call__(self, *args: Any) -> Any:
        """Call it from Python."""
        return self._outer(*args)

    @property
    def signatures(self) -> list[Any]:
        """The argument types that it is compiled for as an inner kernel."""
        return list(self._inner.signatures)


def _array_of(item: Any, n_bytes: int, interpreted: Any) -> Function:
    """The array of such items at an address, given that and its length; for kernels, interpreted ones, too."""
    if numba.config.DISABLE_JIT:
        return lambda address, length: numpy.ctypeslib.as_array((interpreted * int(length)).from_address(int(address)))

    @intrinsic  # type: ignore[untyped-decorator]
    def array_of(context: Any, address: Any, length: Any) -> Any:
        from numba.np.arrayobj import populate_array  # slow to import, and of no use where kernels are loaded

        kind = types.Array(item, 1, "C")

        def generate(target: Any, builder: Any, signature: Any, args: Any) -> Any:
            pointer = builder.inttoptr(args[0], target.get_value_type(types.CPointer(item)))
            array = target.make_array(kind)(target, builder)
            size = target.get_constant(types.intp, n_bytes)
            populate_array(array, data=pointer, shape=[args[1]], strides=[size], itemsize=size, meminfo=None)
            return array._getvalue()

        return kind(types.int64, types.int64), generate

    return array_of  # type: ignore[no-any-return]


array_at: Function = _array_of(types.int32, 4, ctypes.c_int32)
bytes_at: Function = _array_of(types.uint8, 1, ctypes.c_uint8)
longs_at: Function = _array_of(types.int64, 8, ctypes.c_int64)

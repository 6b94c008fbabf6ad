"""Target: this machine's vectors, and the way from IR to functions that can be called.

    target = Target.of_host()
    compiled = target.compile(module)
    function = compiled.function("step", c_int64, c_void_p)

What is slow: compiling, a tenth of a second or more; other threads run meanwhile. It refuses to know what is compiled.
"""

import ctypes
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir


@dataclass(frozen=True, slots=True)
class Target:
    """lanes: float32 in one vector register; rows: rows of a product whose sums fit the registers beside the rest."""

    cpu: str
    features: str
    lanes: int
    rows: int

    @classmethod
    def of_host(cls) -> "Target":
        """This machine."""
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        llvm.initialize_native_asmparser()
        features = llvm.get_host_cpu_features()
        wide = features.get("avx512f", False) and features.get("avx512dq", False)
        lanes = 16 if wide else 8 if features.get("avx2", False) else 4
        rows = 8 if lanes != 8 else 4
        return cls(llvm.get_host_cpu_name(), features.flatten(), lanes, rows)

    def compile(self, module: ir.Module) -> "Compiled":
        """The module's functions as machine code."""
        found = llvm.Target.from_default_triple()
        machine = found.create_target_machine(
            cpu=self.cpu, features=self.features, opt=1, codemodel="jitdefault"
        )
        module.triple = llvm.get_default_triple()
        module.data_layout = str(machine.target_data)
        parsed = llvm.parse_assembly(str(module))
        parsed.verify()
        # What code written tile by tile still needs; the usual pipeline takes ten times as long and finds no more.
        passes = llvm.create_new_module_pass_manager()
        passes.add_sroa_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
        options = llvm.create_pipeline_tuning_options(speed_level=2)
        passes.run(parsed, llvm.create_pass_builder(machine, options))
        engine = llvm.create_mcjit_compiler(parsed, machine)
        engine.finalize_object()
        return Compiled(engine)


def pause_instruction() -> str:
    """What a thread says that waits for another, in assembly."""
    return "pause" if llvm.get_default_triple().startswith("x86_64") else "yield"


class Compiled:
    """Machine code; it lives as long as this object."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def function(self, name: str, result: Any, *arguments: Any) -> Any:
        """A function to call from Python; other Python threads run while it does."""
        return ctypes.CFUNCTYPE(result, *arguments)(self._engine.get_function_address(name))

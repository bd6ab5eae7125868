"""The vector instructions that oneDNN may use in this process.

Convolutions and matrix products give other last bits with other instructions, so a gradient is recomputed to
the bit only under the same ones. oneDNN reads `ONEDNN_MAX_CPU_ISA` once, when it is first used; its names,
from old to new: https://uxlfoundation.github.io/oneDNN/dev_guide_cpu_dispatcher_control.html
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

VARIABLE = "ONEDNN_MAX_CPU_ISA"
DEFAULT = "DEFAULT"
# Each with the flags of /proc/cpuinfo that it needs, from new to old.
_NEEDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("AVX512_CORE_AMX", frozenset({"amx_tile", "amx_int8", "amx_bf16", "avx512_fp16", "avx512_bf16"})),
    ("AVX512_CORE_FP16", frozenset({"avx512_fp16", "avx512_bf16", "avx512_vnni", "avx512bw"})),
    ("AVX512_CORE_BF16", frozenset({"avx512_bf16", "avx512_vnni", "avx512bw", "avx512vl", "avx512dq"})),
    ("AVX512_CORE_VNNI", frozenset({"avx512_vnni", "avx512bw", "avx512vl", "avx512dq"})),
    ("AVX512_CORE", frozenset({"avx512f", "avx512bw", "avx512vl", "avx512dq"})),
    ("AVX2_VNNI", frozenset({"avx2", "avx_vnni"})),
    ("AVX2", frozenset({"avx2"})),
    ("AVX", frozenset({"avx"})),
    ("SSE41", frozenset({"sse4_1"})),
)


def onednn_isa() -> str:
    """What oneDNN is held to in this process, else the most that this machine has."""
    return os.environ.get(VARIABLE, "").upper() or machine_isa()


def pin_onednn(recorded: str = "") -> str:
    """Hold oneDNN to `recorded`, or to what this machine has; returns what holds now.

    What was chosen before stays: oneDNN has perhaps read it already. A machine that has less than was
    recorded is held to what it has.
    """
    chosen = os.environ.get(VARIABLE, "").upper()
    if not chosen:
        mine = machine_isa()
        chosen = recorded if recorded and _rank(recorded) >= _rank(mine) else mine
        if chosen != DEFAULT:
            os.environ[VARIABLE] = chosen
    return chosen


def machine_isa() -> str:
    """The newest instruction set of this processor by oneDNN's name; DEFAULT where that cannot be read."""
    flags = _flags()
    return next((name for name, needs in _NEEDS if needs <= flags), DEFAULT)


def _rank(name: str) -> int:
    """Place among the names, newest first; an unknown one is newer than all."""
    names = [known for known, _ in _NEEDS]
    return names.index(name) if name in names else -1


def _flags() -> frozenset[str]:
    if platform.machine() not in ("x86_64", "AMD64"):
        return frozenset()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line for line in lines if line.startswith("flags")), "").split())

"""Formats that cannot run code when they are read, told by their content and not only by their name."""

from __future__ import annotations

from storage.errors import StorageError

_NPY_MAGIC = b"\x93NUMPY"
_NPY_HEADER_BYTES = 4096


def check_no_code(name: str, content: bytes) -> None:
    """Raises StorageError unless the file is text, JSON, safetensors or an array without objects."""
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    check = _CHECKS.get(suffix)
    if check is None:
        known = ", ".join(sorted(_CHECKS))
        raise StorageError(f"{name}: the vault keeps only {known}: other formats can run code when opened")
    if not check(content):
        raise StorageError(f"{name}: the content is not what {suffix} promises, and is not kept")


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _is_safetensors(content: bytes) -> bool:
    """8 bytes of length, little-endian, then that many bytes of a JSON object."""
    length = int.from_bytes(content[:8], "little")
    return len(content) >= 8 + length and content[8:9] == b"{"


def _is_array(content: bytes) -> bool:
    """An .npy whose header names no object type: NumPy would unpickle those."""
    header = content[:_NPY_HEADER_BYTES]
    return header.startswith(_NPY_MAGIC) and b"|O" not in header[: header.find(b"}") + 1]


_CHECKS = {".txt": _is_text, ".json": _is_text, ".safetensors": _is_safetensors, ".npy": _is_array}

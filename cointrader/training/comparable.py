"""Whether the bits of another run can be expected here, and if not, why: what differs is not damaged."""

from __future__ import annotations

import json
from dataclasses import dataclass

from models.step_journal import JournalLayout, OptimiserFacts
from storage.sessions import SessionRow
from storage.steps import JournalRow


@dataclass(frozen=True)
class Here:
    """What this process computes with."""

    device: str
    torch_name: str
    torch_version: str
    capability: str
    onednn_isa: str
    threads: int


def here(session: SessionRow) -> Here:
    """This process, on the device of the session where there is one of that name."""
    import torch

    from models.backprop.instructions import onednn_isa
    from models.device import probe_device

    device = probe_device("cpu" if session.device == "cpu" else "auto")
    return Here(
        device=device.label,
        torch_name=device.torch_name,
        torch_version=str(torch.__version__),
        capability=device.capability,
        onednn_isa=onednn_isa(),
        threads=torch.get_num_threads(),
    )


def layout_and_optimiser(journal: JournalRow) -> tuple[JournalLayout, OptimiserFacts]:
    """What the journal says of the network and of what stepped it."""
    facts = OptimiserFacts(
        name=journal.optimiser,
        settings=json.loads(journal.optimiser_json),
        torch_version=journal.torch_version,
        capability=journal.capability,
        onednn_isa=journal.onednn_isa,
        threads=journal.threads,
    )
    return JournalLayout.from_json(journal.layout_json), facts


def stepping_differs(journal: JournalRow, session: SessionRow, now: Here) -> list[str]:
    """What an optimiser's step depends on and is otherwise here, in words."""
    implementation = json.loads(journal.optimiser_json).get("implementation", "")
    found = []
    if implementation != "foreach":
        found.append(
            f"it was stepped by the {implementation} {journal.optimiser}, and foreach gives other bits"
        )
    return found + _others(
        ("torch", journal.torch_version, now.torch_version),
        ("the instruction set of ATen", journal.capability, now.capability),
        ("the device", session.device, now.device),
    )


def gradients_differ(journal: JournalRow, now: Here) -> list[str]:
    """What a gradient depends on beside that."""
    return _others(
        ("the instruction set of oneDNN", journal.onednn_isa, now.onednn_isa),
        ("the number of threads", str(journal.threads), str(now.threads)),
    )


def reason(match: bool, differences: list[str], note: str) -> str:
    """Why bits were not to be expected, or why their absence is a surprise; empty when all is well."""
    if differences:
        return "; ".join(differences) + ("; the digests agree all the same" if match else "")
    if match:
        return ""
    return "though nothing differs that they depend on" + (f" ({note})" if note else "")


def sentence(match: bool, comparable: bool, why: str) -> str:
    """What was found, for the operator."""
    if not comparable:
        return f"not comparable: {why}"
    return "bit for bit what training recorded" if match else f"other bits than training recorded, {why}"


def _others(*pairs: tuple[str, str, str]) -> list[str]:
    return [f"{what} was {was}, here it is {now}" for what, was, now in pairs if was != now]

"""On what results say that they were made."""

from __future__ import annotations

import pytest

from lle import provenance


@pytest.mark.parametrize(("limit", "named"), [("sse41", "oneDNN SSE41"), ("", "")])
def test_a_limit_of_onednn_is_other_hardware(monkeypatch: pytest.MonkeyPatch, limit: str, named: str) -> None:
    provenance._hardware.cache_clear()
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    monkeypatch.delenv("DNNL_MAX_CPU_ISA", raising=False)
    told = provenance._hardware(1)["instructions"]
    provenance._hardware.cache_clear()
    assert told.partition(", ")[2] == named

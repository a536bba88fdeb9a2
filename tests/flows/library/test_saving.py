from pathlib import Path

import numpy
import pytest
from safetensors.numpy import save_file

from posttraining.trainers.saving import ADAPTER_FILE, SavingError, require_whole_adapter

A, B = "base_model.model.layers.0.q_proj.lora_A.weight", "base_model.model.layers.0.q_proj.lora_B.weight"


def save(folder: Path, *names: str) -> None:
    save_file({name: numpy.ones((2, 2), dtype=numpy.float32) for name in names}, str(folder / ADAPTER_FILE))


def test_an_adapter_with_every_trained_weight_is_whole(tmp_path: Path):
    save(tmp_path, A, B)
    require_whole_adapter(tmp_path, {A, B})


def test_embeddings_that_peft_puts_beside_their_adapter_are_no_fault(tmp_path: Path):
    save(tmp_path, A, B, "base_model.model.model.embed_tokens.base_layer.weight")
    require_whole_adapter(tmp_path, {A, B})


def test_an_adapter_that_lacks_what_was_trained_is_refused(tmp_path: Path):
    with pytest.raises(SavingError, match=r"adapter_model\.safetensors is missing"):
        require_whole_adapter(tmp_path, {A, B})
    save(tmp_path)
    with pytest.raises(SavingError, match=r"2 of 2 trained weights are missing, such as .*lora_A"):
        require_whole_adapter(tmp_path, {A, B})
    save(tmp_path, A)
    with pytest.raises(SavingError, match=r"1 of 2 trained weights are missing, such as .*lora_B"):
        require_whole_adapter(tmp_path, {A, B})
    save(tmp_path, A, B)
    with pytest.raises(SavingError, match=r"1 were not trained, such as .*lora_B"):
        require_whole_adapter(tmp_path, {A})
    save(tmp_path)
    with pytest.raises(SavingError, match="nothing was trained"):
        require_whole_adapter(tmp_path, set())

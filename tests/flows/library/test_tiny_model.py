import hashlib
from pathlib import Path

from posttraining.tiny_model import write_tiny_model


def test_the_tiny_model_is_the_same_every_time(tmp_path: Path):
    hashes = []
    for name in ("one", "two"):
        write_tiny_model(tmp_path / name)
        files = sorted((tmp_path / name).iterdir())
        hashes.append({file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files})
    assert hashes[0] == hashes[1]
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"} <= hashes[0].keys()

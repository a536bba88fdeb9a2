"""A small tokenizer of the base model's kind: its special tokens, its way to begin texts and its chat template; few words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from posttraining.rehearsal.families import Family, template_of

VOCABULARY = 768
"""Tokens that are learnt of the rows; special ones come on top."""

_MARKED = re.compile(r"<\|[A-Za-z0-9_]+\|>|</?think>|</?start_of_turn>|<end_of_turn>")


def write_known_tokenizer(family: Family, texts: Iterable[str], folder: Path) -> None:
    """Makes a byte-level BPE tokenizer with the family's special tokens and template, learnt from `texts`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    template = template_of(family)
    special = special_tokens(family, template)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    if family["bos"] is not None and family.get("beginsText"):
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{family['bos']} $A",
            pair=f"{family['bos']} $A {family['bos']} $B",
            special_tokens=[(family["bos"], tokenizer.token_to_id(family["bos"]))],
        )
    tokenizer.save(str(folder / "tokenizer.json"))
    settings: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": family["eos"],
        "model_max_length": 1 << 20,
        "clean_up_tokenization_spaces": False,
    }
    settings |= {f"{kind}_token": family[kind] for kind in ("bos", "pad") if family[kind] is not None}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    if template is not None:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")


def write_learnt_tokenizer(published: Path, texts: Iterable[str], folder: Path) -> None:
    """The publisher's own tokenizer with everything but its words: those are learnt anew, few, from `texts`."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(published)
    small = tokenizer.train_new_from_iterator(iter(texts), VOCABULARY + len(tokenizer.all_special_tokens))
    small.save_pretrained(folder)


def special_tokens(family: Family, template: str | None) -> list[str]:
    """The family's special tokens: those that are named, and those that its template writes."""
    named = [family[kind] for kind in ("bos", "eos", "pad")]
    found = [*filter(None, named), *family["special"], *_MARKED.findall(template or "")]
    return list(dict.fromkeys(found))

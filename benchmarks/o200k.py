"""A tokenizer of 200,000 tokens, out of the npm package `tiktoken`, as a folder that the benchmarks take.

    npm pack tiktoken && tar xzf tiktoken-*.tgz
    python benchmarks/o200k.py package FOLDER     # package/encoders/o200k_base.json, or any file like it
    python benchmarks/maskbench.py SCHEMAS --tokenizer FOLDER

Such a file holds {"pat_str": the pattern that cuts texts, "special_tokens": {text: id}, "bpe_ranks": "! first-id base64
base64 ..." (a line each run of ids)}. tiktoken joins the two neighbours whose bytes together have the lowest id, so
every way to cut a token into two tokens is a merge, in the order of the ids. Ids that are not taken become special
tokens `<|reserved_N|>`, as a list of merges has no holes. Texts are tokenised as by tiktoken (tests/test_o200k.py).
"""

from __future__ import annotations

import argparse
import base64
import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

END = "<|endoftext|>"
#: The character that stands for each byte in a byte-level tokenizer.
PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
LETTERS = {byte: chr(byte) for byte in PRINTABLE}
LETTERS |= {byte: chr(256 + i) for i, byte in enumerate(byte for byte in range(256) if byte not in LETTERS)}


def read_ranks(text: str) -> dict[bytes, int]:
    """Bytes to id, out of lines `! first-id base64 base64 ...`."""
    ranks = {}
    for line in text.splitlines():
        mark, first, *words = line.split()
        if mark != "!":
            raise SystemExit(f"Expected lines of ranks to begin with '! first-id', got {line[:40]!r}.")
        ranks |= {base64.b64decode(word): int(first) + k for k, word in enumerate(words)}
    return ranks


def merges_of(ranks: dict[bytes, int]) -> list[tuple[bytes, bytes]]:
    """Every pair of tokens that together are a token, by its id, then by theirs."""
    found = []
    for token in sorted(ranks, key=ranks.__getitem__):
        cuts = ((token[:i], token[i:]) for i in range(1, len(token)))
        pairs = [(head, tail) for head, tail in cuts if head in ranks and tail in ranks]
        found += sorted(pairs, key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
    return found


def tokenizer_of(content: dict[str, Any]) -> Tokenizer:
    """The tokenizer that the file describes."""
    ranks, special = read_ranks(content["bpe_ranks"]), content["special_tokens"]
    pieces = {token: "".join(map(LETTERS.__getitem__, token)) for token in ranks}
    merges = [(pieces[head], pieces[tail]) for head, tail in merges_of(ranks)]
    names = {rank: name for name, rank in special.items()}
    taken = {*ranks.values()}
    free = [(names.get(i, f"<|reserved_{i}|>"), i) for i in range(1 + max(taken | {*names})) if i not in taken]
    model = models.BPE({pieces[t]: rank for t, rank in ranks.items()} | dict(free), merges, ignore_merges=True)
    tokenizer = Tokenizer(model)
    split = pre_tokenizers.Split(Regex(content["pat_str"]), "isolated")
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, letters])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name, _ in free])
    return tokenizer


def write(source: Path, folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json."""
    file = source / "encoders" / "o200k_base.json" if source.is_dir() else source
    tokenizer = tokenizer_of(json.loads(file.read_text("utf-8")))
    if tokenizer.token_to_id(END) is None:
        raise SystemExit(f"{file}: expected a special token {END!r}, the end of sequence.")
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": END}) + "\n", "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="the unpacked package, or a file of its folder `encoders`")
    parser.add_argument("folder", type=Path, help="where the tokenizer goes")
    options = parser.parse_args()
    write(options.source, options.folder)

"""Trains the embedded model on the synthetic corpus within a budget of wall time, then exports it.

    python benchmarks/embedded/train.py --minutes 65 --work /tmp/embedded          train (again: resumes), then export
    python benchmarks/embedded/train.py --minutes 65 --work /tmp/embedded --export-only

One core is enough; the learning rate falls as a cosine over the budget. Everything is generated from `--seed`; a run is
repeatable up to how many steps the machine manages in the time.
"""

import argparse
import itertools
import json
import math
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from generate import stream
from muon import Muon
from network import Network, Shape
from tokenizer import BOS, END, SETTINGS, encode_example, train_tokenizer
from tokenizers import Tokenizer
from torch import Tensor
from wiring import wire_induction

os.environ["TOKENIZERS_PARALLELISM"] = "false"
CONTEXT = 512
WEIGHTS = Path(__file__).parents[2] / "backends" / "weights"


@dataclass
class Progress:
    """What a checkpoint remembers beside the parameters."""

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    answer_tokens: int = 0
    examples: int = 0
    losses: list[tuple[int, float]] = field(default_factory=list)


def batches(tokenizer: Tokenizer, seed: int, size: int) -> Iterator[tuple[Tensor, Tensor, int]]:
    """Batches of about `size` tokens, of examples of like length: tokens and answer mask (batch, length), examples."""
    rng = random.Random(seed)
    source = stream(seed)
    while True:
        pool = [
            encode_example(tokenizer, message, answer) for _, (message, answer, _) in itertools.islice(source, 2048)
        ]
        pool = sorted((e for e in pool if len(e[0]) <= CONTEXT), key=lambda e: len(e[0]))
        rows: list[list[tuple[list[int], int]]] = [[]]
        for example in pool:
            if (len(rows[-1]) + 1) * len(example[0]) > size:
                rows.append([])
            rows[-1].append(example)
        rng.shuffle(rows)
        for row in rows:
            length = max(len(tokens) for tokens, _ in row)
            tokens = torch.full((len(row), length), END)
            answer = torch.zeros((len(row), length), dtype=torch.bool)
            for i, (ids, start) in enumerate(row):
                tokens[i, : len(ids)] = torch.tensor(ids)
                answer[i, start : len(ids)] = True
            yield tokens, answer, len(row)


def loss_of(network: Network, tokens: Tensor, answer: Tensor) -> Tensor:
    """The cross-entropy of the answers, nats a token."""
    wanted = answer[:, 1:]
    return F.cross_entropy(network(tokens[:, :-1], wanted), tokens[:, 1:][wanted])


def make_optimizers(network: Network) -> tuple[Muon, torch.optim.AdamW]:
    """Muon for the matrices of the layers, AdamW for embedding and norms."""
    inner = [p for name, p in network.named_parameters() if "_proj" in name]
    outer = [p for name, p in network.named_parameters() if "_proj" not in name]
    return Muon(inner, lr=0.02, weight_decay=0.01), torch.optim.AdamW(
        outer, lr=4e-3, betas=(0.9, 0.98), weight_decay=0.0
    )


def rate(seconds: float, budget: float) -> float:
    """The share of the peak learning rate: a warm-up of 1 %, then a cosine to 1 %."""
    if seconds < 0.01 * budget:
        return 0.05 + 0.95 * seconds / (0.01 * budget)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, seconds / budget)))


def train(options: argparse.Namespace, tokenizer: Tokenizer) -> None:
    """Steps until the budget is spent; a checkpoint every two minutes.

    The first fifth takes half batches: while the gradient is large, more steps are worth more than clean ones.
    """
    network = Network(Shape(vocab_size=tokenizer.get_vocab_size()))
    wire_induction(network)
    optimizers = make_optimizers(network)
    progress = Progress()
    path = options.work / "checkpoint.pt"
    if path.exists():
        saved = torch.load(path, weights_only=True)
        network.load_state_dict(saved["network"])
        for optimizer, state in zip(optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        progress = Progress(**saved["progress"])
    peaks = [[group["lr"] for group in optimizer.param_groups] for optimizer in make_optimizers(network)]
    budget, begun, last_saved = options.minutes * 60.0, time.monotonic() - progress.seconds, time.monotonic()
    source: Iterator[tuple[Tensor, Tensor, int]] = iter(())
    phase: bool | None = None
    while progress.seconds < budget:
        if phase != (early := progress.seconds < 0.2 * budget):
            phase = early
            source = batches(tokenizer, options.seed + progress.step, options.batch // (2 if early else 1))
        tokens, answer, count = next(source)
        scale = rate(progress.seconds, budget)
        for optimizer, peak in zip(optimizers, peaks, strict=True):
            for group, lr in zip(optimizer.param_groups, peak, strict=True):
                group["lr"] = lr * scale
        loss = loss_of(network, tokens, answer)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        progress.step += 1
        progress.seconds = time.monotonic() - begun
        progress.tokens += tokens.numel()
        progress.answer_tokens += int(answer.sum())
        progress.examples += count
        if progress.step % 50 == 0:
            progress.losses.append((progress.step, round(loss.item(), 4)))
            print(
                f"step {progress.step} {progress.seconds:.0f}s {progress.tokens / 1e6:.2f}M loss {loss.item():.4f}",
                flush=True,
            )
        if time.monotonic() - last_saved > 120:
            save(path, network, optimizers, progress)
            last_saved = time.monotonic()
    save(path, network, optimizers, progress)


def save(path: Path, network: Network, optimizers: tuple[torch.optim.Optimizer, ...], progress: Progress) -> None:
    """Writes a checkpoint so that a killed write leaves the old one."""
    content: dict[str, Any] = {
        "network": network.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
        "progress": vars(progress),
    }
    torch.save(content, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def export(options: argparse.Namespace, tokenizer: Tokenizer) -> None:
    """Writes weights (float16), configuration and tokenizer where the package reads them."""
    from safetensors.torch import save_file

    saved = torch.load(options.work / "checkpoint.pt", weights_only=True)
    shape = Shape(vocab_size=tokenizer.get_vocab_size())
    options.out.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.to(torch.float16).contiguous() for name, tensor in saved["network"].items()}
    save_file(tensors, options.out / "model.safetensors", metadata={"format": "pt"})
    config = shape.llama_config(context=CONTEXT, bos=BOS, eos=END)
    (options.out / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    (options.out / "tokenizer_config.json").write_text(json.dumps(SETTINGS, indent=2) + "\n", "utf-8")
    tokenizer.save(str(options.out / "tokenizer.json"))
    progress = {key: value for key, value in saved["progress"].items() if key != "losses"}
    parameters = sum(tensor.numel() for tensor in tensors.values())
    print(json.dumps({"parameters": parameters, **progress}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=65.0)
    parser.add_argument("--work", type=Path, required=True, help="folder of checkpoint and tokenizer")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--batch", type=int, default=4096, help="tokens a step")
    parser.add_argument("--vocabulary", type=int, default=1280)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--export-only", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.work.mkdir(parents=True, exist_ok=True)
    path = options.work / "tokenizer.json"
    if not path.exists():
        sample = itertools.islice(stream(options.seed), 20000)
        train_tokenizer((text for _, example in sample for text in example[:2]), options.vocabulary).save(str(path))
    tokenizer = Tokenizer.from_file(str(path))
    if not options.export_only:
        train(options, tokenizer)
    export(options, tokenizer)


if __name__ == "__main__":
    main()

"""`mctl compress`"""

from __future__ import annotations

from mctl.cli import compress_options as own
from mctl.cli import options


def compress(
    prune: own.Prune = None,
    target_speedup: own.TargetSpeedup = None,
    on: own.On = None,
    at: own.At = None,
    round_to: own.RoundTo = None,
    threads: own.Threads = None,
    method: own.Method = None,
    score_start: own.ScoreStart = None,
    structure: own.Structure = None,
    block: own.Block = None,
    layers: own.Layers = None,
    layers_by: own.LayersBy = None,
    trim_vocab: own.TrimVocab = None,
    trim_vocab_optional: own.TrimVocabOptional = None,
    vocab_corpus: own.VocabCorpus = None,
    vocab_spare: own.VocabSpare = None,
    ramp_epochs: own.RampEpochs = None,
    recovery_epochs: own.RecoveryEpochs = None,
    distill: own.Distill = None,
    no_distill: own.NoDistill = None,
    distill_from: own.DistillFrom = None,
    temperature: own.Temperature = None,
    distill_weight: own.DistillWeight = None,
    hidden_weight: own.HiddenWeight = None,
    relations_weight: own.RelationsWeight = None,
    augment: own.Augment = None,
    unlabelled: own.Unlabelled = None,
    name: own.Name = None,
    teacher: options.Teacher = None,
    model: options.Model = None,
    data: options.Data = None,
    test: options.Test = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    sheet: options.Sheet = None,
    max_dropped: options.MaxDropped = None,
    max_length: options.MaxLength = None,
    trust_remote_code: options.TrustRemoteCode = None,
    batch_size: options.BatchSize = None,
    learning_rate: options.LearningRate = None,
    mixed_precision: options.MixedPrecision = None,
    gradient_accumulation: options.GradientAccumulation = None,
    gradient_checkpointing: options.GradientCheckpointing = None,
    freeze_embeddings: options.FreezeEmbeddings = None,
    seed: options.Seed = None,
    artifacts: options.Artifacts = None,
    config: options.Config = None,
    quiet: options.Quiet = False,
) -> None:
    """Prune and distil the teacher into a physically smaller model.

    Without --teacher and --model, the newest teacher in the artifacts folder is compressed.

    Examples:

        mctl compress --prune 25 --distill --data news.csv

        mctl compress --teacher ./my-classifier --data news.csv --prune 50 --distill

        mctl compress --prune 75 --distill logits,hidden,relations --mixed-precision bf16

        mctl compress --prune 0 --layers 6 --distill

        mctl compress --target-speedup 2 --at 8x64 --distill

        mctl compress --prune 50 --distill --trim-vocab --vocab-corpus more-news.txt

        mctl compress --prune 50 --structure blocks --block 32
    """
    from mctl.cli.next_step import NextStep
    from mctl.errors import UserError
    from mctl.pipeline.preflight import check_paths, starts_from
    from mctl.recipe import load_recipe
    from mctl.report.console import open_console

    if model is not None and teacher is not None:
        raise UserError("an encoder to fine-tune or a teacher that is fine-tuned, not both.", where="--model --teacher")
    if no_distill and (distill or distill_from):
        flags = "--no-distill --distill" if distill else "--no-distill --distill-from"
        raise UserError("the student either learns from a teacher or it does not.", where=flags, todo="Give one.")
    recipe = load_recipe(
        config,
        {
            "artifacts": artifacts,
            "model.name": model,
            "model.max_length": max_length,
            "model.trust_remote_code": trust_remote_code,
            "data.source": data,
            "data.test": test,
            "data.text": text,
            "data.label": label,
            "data.sheet": sheet,
            "data.max_dropped": max_dropped,
            "compress.prune": prune,
            "compress.target_speedup": target_speedup,
            "compress.on": on,
            "compress.at": at,
            "compress.round_to": round_to,
            "measure.threads": threads,
            "compress.method": method,
            "compress.score_start": score_start,
            "compress.structure": structure,
            "compress.block": block,
            "compress.layers": layers,
            "compress.layers_by": layers_by,
            "compress.trim_vocab": "optional" if trim_vocab_optional else trim_vocab,
            "compress.vocab_corpus": vocab_corpus or None,
            "compress.vocab_spare": vocab_spare,
            "compress.distill": False if no_distill else distill,
            "compress.distill_from": distill_from,
            "compress.temperature": temperature,
            "compress.distill_weight": distill_weight,
            "compress.hidden_weight": hidden_weight,
            "compress.relations_weight": relations_weight,
            "compress.augment": augment,
            "compress.unlabelled": unlabelled or None,
            "compress.name": name,
            "compress.ramp_epochs": ramp_epochs,
            "compress.recovery_epochs": recovery_epochs,
            "compress.teacher": teacher,
            "compress.batch_size": batch_size,
            "compress.mixed_precision": mixed_precision,
            "compress.gradient_accumulation": gradient_accumulation,
            "compress.gradient_checkpointing": gradient_checkpointing,
            "compress.learning_rate": learning_rate,
            "compress.freeze_embeddings": freeze_embeddings,
            "compress.seed": seed,
        },
    )
    check_paths(recipe, *starts_from(recipe))
    from mctl.pipeline.compress import compress as run  # Imports torch.

    with open_console(quiet) as console:
        made = run(recipe, console)
        console.made(made)
        next_step = NextStep(recipe, config, artifacts).after_artifact(made)
        console.say(options.last_line(next_step, made.manifest.data))

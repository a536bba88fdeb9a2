"""Types of contracts/index.ts's `recipe`; `npm run contracts` writes this file."""

from typing import Literal, NotRequired, TypeAlias, TypedDict


class RecipeModel(TypedDict):
    """The model that a recipe trains."""

    base: str
    """Base model; another experiment's output may replace it when the run is deployed."""
    revision: NotRequired[str]
    """Hub revision (branch, tag or commit); pin it for runs that must be repeatable."""
    shape: NotRequired[str]
    """Key of the model's shape in the planner's table, for example `Qwen/Qwen2.5-3B`; left out: `base`."""
    attention: Literal["eager", "sdpa", "flash_attention_2", "flash_attention_3"]
    """Attention implementation that `transformers` is asked for."""
    chatTemplate: NotRequired[str]
    """Name of a file in `flows/posttraining/chat_templates/` with which the model is trained and which it keeps; left out: the model's own, else `plain`."""
    chatTemplateArguments: NotRequired[dict[str, str | float | bool]]
    """Variables of the model's chat template, such as `enable_thinking: false`; training, evaluation and serving see the same."""


class RecipeDataset(TypedDict):
    """The examples that a recipe trains on."""

    source: str
    """A hub id, JSON lines in a store or a folder, or the project's own `tiny:sums`."""
    subset: NotRequired[str]
    """Hub configuration (subset) name."""
    revision: NotRequired[str]
    """Hub revision (branch, tag or commit); pin it for runs that must be repeatable."""
    split: str
    """Hub split, or a part of one."""
    limit: NotRequired[int]
    """Use only so many examples: the first after shuffling."""
    shuffle: bool
    """Shuffle the rows by `seed` before `limit` is taken; those of `tiny:sums` never are."""
    brokenRows: Literal["refuse", "skip"]
    """What is done about rows that cannot be read: the run is refused, or they are left out and counted."""
    examples: NotRequired[int]
    """Number of training examples; the planner needs it for hours and dollars where the run is measured in epochs."""
    meanTokens: NotRequired[int]
    """Mean tokens per example (prompt and answer), for hours and dollars."""


class RecipeSequence(TypedDict):
    """How long sequences may be."""

    maxLength: int
    """Longest sequence in tokens, prompt and answer together."""
    maxCompletionLength: NotRequired[int]
    """Longest answer in tokens that a policy may generate (GRPO)."""
    packing: bool
    """Pack several examples into one sequence (SFT)."""


class FullTraining(TypedDict):
    """All weights are trained."""

    kind: Literal["full"]


class LoraTraining(TypedDict):
    """Low-rank adapters are trained beside the weights."""

    kind: Literal["lora"]
    rank: int
    """Rank of the two matrices that are trained beside each weight."""
    alpha: float
    """Scale of the adapter: its product is multiplied by alpha / rank."""
    dropout: float
    """Share of the adapter's inputs that is dropped while training."""
    targets: Literal["all-linear"] | list[str]
    """Module names, or `all-linear`."""
    saves: Literal["merged", "adapter", "both"]
    """What is uploaded and registered: the model with the adapter merged into it, the adapter alone, or the model with the adapter beside it."""


class QloraTraining(TypedDict):
    """Low-rank adapters are trained beside quantised weights."""

    kind: Literal["qlora"]
    rank: int
    """Rank of the two matrices that are trained beside each weight."""
    alpha: float
    """Scale of the adapter: its product is multiplied by alpha / rank."""
    dropout: float
    """Share of the adapter's inputs that is dropped while training."""
    targets: Literal["all-linear"] | list[str]
    """Module names, or `all-linear`."""
    saves: Literal["merged", "adapter", "both"]
    """What is uploaded and registered: the model with the adapter merged into it, the adapter alone, or the model with the adapter beside it."""
    bits: Literal[4]
    """Bits of the quantised base: 4 is bitsandbytes NF4."""


Precision: TypeAlias = Literal["float32", "bfloat16-mixed", "bfloat16-stochastic", "bfloat16"]
"""Number formats while training: of weights, arithmetic, gradients and moments."""


class Optimizer(TypedDict):
    """The optimizer and its learning rate."""

    name: Literal[
        "adamw_torch",
        "adamw_torch_fused",
        "adamw_torch_8bit",
        "adamw_bnb_8bit",
        "paged_adamw_8bit",
        "paged_adamw_32bit",
    ]
    """The optimizer's name in `transformers`."""
    learningRate: float
    """Highest learning rate of the schedule."""
    schedule: Literal["constant", "constant_with_warmup", "linear", "cosine"]
    """How the learning rate changes after the warm-up."""
    warmupSteps: int
    """Optimizer steps in which the learning rate rises from 0."""
    beta1: float
    """Decay of AdamW's first moment."""
    beta2: float
    """Decay of AdamW's second moment."""
    weightDecay: float
    """AdamW's weight decay."""
    maxGradientNorm: float
    """Gradients with a larger norm are scaled down to it."""


Batch = TypedDict(
    "Batch",
    {
        "global": int,
        "micro": NotRequired[int],
    },
)


class DurationInSteps(TypedDict):
    """A training of so many optimizer steps."""

    steps: int
    """Optimizer steps."""


class DurationInEpochs(TypedDict):
    """A training of so many passes over the examples."""

    epochs: float
    """Passes over all examples."""


class Evaluation(TypedDict):
    """What a trained model, and its base model, are measured on."""

    tasks: list[str]
    """lm-eval task names: the library's own, or files in `flows/posttraining/tasks/`."""
    limit: NotRequired[int]
    """Evaluate only the first `limit` examples of each task."""
    maxAnswerTokens: NotRequired[int]
    """Longest answer in tokens that a question may get; left out: each task's own, 256 where a task says nothing."""
    batchSize: int
    """Examples that are evaluated together."""
    headline: str
    """The metric that stands for the whole run in tables: `<task>/<metric>` or `train/<metric>`."""


class GateCondition(TypedDict):
    """One condition of the gate; a model is promoted, and may be served, only if all hold."""

    metric: str
    """`<task>/<metric>` or `train/<metric>`."""
    minimum: NotRequired[float]
    """The metric must be at least this."""
    maximum: NotRequired[float]
    """The metric must be at most this."""
    minimumGain: NotRequired[float]
    """Smallest gain over the base model's value of the same metric."""
    confidence: NotRequired[float]
    """How sure the condition must be: bounds at this confidence are judged instead of the measured values, a gain's from both models' answers to the same documents. 0.5 judges the values themselves. Left out: 0.99 for a `minimumGain` of 0 or more whose error is known, else the values themselves."""


class DpoSettings(TypedDict):
    """What only DPO has."""

    beta: float
    """How strongly the policy is held to the reference model."""
    lossTypes: list[Literal["sigmoid", "ipo", "hinge", "robust", "sft"]]
    """TRL's loss names, added up with `lossWeights`; `sft` beside `sigmoid` keeps chosen answers likely."""
    lossWeights: list[float]
    """One weight for each of `lossTypes`."""
    precomputeReferenceLogProbabilities: bool
    """Compute the reference model's log-probabilities once before training instead of holding it in memory."""


class Reward(TypedDict):
    """One reward of the sum that a policy is trained for."""

    name: str
    """Name of a function in `flows/posttraining/rewards.py`."""
    weight: float
    """Its weight in the sum."""


class TransformersGeneration(TypedDict):
    """The trainer itself generates."""

    kind: Literal["transformers"]


class ColocatedGeneration(TypedDict):
    """vLLM generates on the GPUs that train."""

    kind: Literal["vllm-colocated"]
    memoryUtilization: Literal["auto"] | float
    """Share of a GPU's memory that vLLM may take. `auto` lets the planner choose."""
    sleep: bool
    """vLLM gives its memory back while the trainer trains."""


class ServerGeneration(TypedDict):
    """vLLM generates on nodes of its own."""

    kind: Literal["vllm-server"]


class KtoSettings(TypedDict):
    """What only KTO has."""

    beta: float
    """How strongly the policy is held to the reference model."""
    lossType: Literal["kto", "apo_zero_unpaired"]
    """TRL's loss name: `kto` measures how far the model has moved on the answers of other prompts; `apo_zero_unpaired` does not."""
    desirableWeight: float
    """Weight of good answers, against a dataset that has more of one kind."""
    undesirableWeight: float
    """Weight of bad answers."""
    precomputeReferenceLogProbabilities: bool
    """Compute the reference model's log-probabilities once before training instead of holding it in memory."""


Trainable: TypeAlias = FullTraining | LoraTraining | QloraTraining
"""What of the model is trained."""


Duration: TypeAlias = DurationInSteps | DurationInEpochs
"""How long a recipe trains."""


class DpoRecipe(TypedDict):
    """A recipe for DPO."""

    method: Literal["dpo"]
    name: str
    """Name of the recipe: `<method>-<size>`; the file has the same name."""
    description: str
    """One sentence for people."""
    model: RecipeModel
    dataset: RecipeDataset
    sequence: RecipeSequence
    trainable: Trainable
    precision: Precision
    optimizer: Optimizer
    batch: Batch
    duration: Duration
    sharding: Literal["auto", "none", "ddp", "fsdp2", "zero2", "zero3"]
    """How states are spread over GPUs. `auto` lets the planner choose."""
    activationCheckpointing: Literal["auto", "none", "full"]
    """Recompute activations in the backward pass. `auto` lets the planner choose."""
    checkpointEverySteps: int
    """Steps between checkpoints from which a retried step goes on."""
    loggingSteps: int
    """Steps between two lines of what the trainer logs."""
    seed: int
    """Seed of every library."""
    evaluation: Evaluation
    gate: list[GateCondition]
    """What a model must reach to be promoted."""
    dpo: DpoSettings


CompletionGeneration: TypeAlias = TransformersGeneration | ColocatedGeneration | ServerGeneration
"""Where completions are generated."""


class KtoRecipe(TypedDict):
    """A recipe for KTO."""

    method: Literal["kto"]
    name: str
    """Name of the recipe: `<method>-<size>`; the file has the same name."""
    description: str
    """One sentence for people."""
    model: RecipeModel
    dataset: RecipeDataset
    sequence: RecipeSequence
    trainable: Trainable
    precision: Precision
    optimizer: Optimizer
    batch: Batch
    duration: Duration
    sharding: Literal["auto", "none", "ddp", "fsdp2", "zero2", "zero3"]
    """How states are spread over GPUs. `auto` lets the planner choose."""
    activationCheckpointing: Literal["auto", "none", "full"]
    """Recompute activations in the backward pass. `auto` lets the planner choose."""
    checkpointEverySteps: int
    """Steps between checkpoints from which a retried step goes on."""
    loggingSteps: int
    """Steps between two lines of what the trainer logs."""
    seed: int
    """Seed of every library."""
    evaluation: Evaluation
    gate: list[GateCondition]
    """What a model must reach to be promoted."""
    kto: KtoSettings


class SftRecipe(TypedDict):
    """A recipe for SFT."""

    method: Literal["sft"]
    name: str
    """Name of the recipe: `<method>-<size>`; the file has the same name."""
    description: str
    """One sentence for people."""
    model: RecipeModel
    dataset: RecipeDataset
    sequence: RecipeSequence
    trainable: Trainable
    precision: Precision
    optimizer: Optimizer
    batch: Batch
    duration: Duration
    sharding: Literal["auto", "none", "ddp", "fsdp2", "zero2", "zero3"]
    """How states are spread over GPUs. `auto` lets the planner choose."""
    activationCheckpointing: Literal["auto", "none", "full"]
    """Recompute activations in the backward pass. `auto` lets the planner choose."""
    checkpointEverySteps: int
    """Steps between checkpoints from which a retried step goes on."""
    loggingSteps: int
    """Steps between two lines of what the trainer logs."""
    seed: int
    """Seed of every library."""
    evaluation: Evaluation
    gate: list[GateCondition]
    """What a model must reach to be promoted."""
    completionOnlyLoss: bool
    """Compute the loss on the answer's tokens only."""


class GrpoSettings(TypedDict):
    """What only GRPO has."""

    generations: int
    """Completions per prompt."""
    temperature: float
    """Temperature with which answers are sampled."""
    beta: float
    """Weight of the KL term; 0 needs no reference model."""
    iterations: int
    """Optimizer passes over one batch of completions."""
    rewards: list[Reward]
    """Reward functions with weights."""
    generation: CompletionGeneration


class GrpoRecipe(TypedDict):
    """A recipe for GRPO."""

    method: Literal["grpo"]
    name: str
    """Name of the recipe: `<method>-<size>`; the file has the same name."""
    description: str
    """One sentence for people."""
    model: RecipeModel
    dataset: RecipeDataset
    sequence: RecipeSequence
    trainable: Trainable
    precision: Precision
    optimizer: Optimizer
    batch: Batch
    duration: Duration
    sharding: Literal["auto", "none", "ddp", "fsdp2", "zero2", "zero3"]
    """How states are spread over GPUs. `auto` lets the planner choose."""
    activationCheckpointing: Literal["auto", "none", "full"]
    """Recompute activations in the backward pass. `auto` lets the planner choose."""
    checkpointEverySteps: int
    """Steps between checkpoints from which a retried step goes on."""
    loggingSteps: int
    """Steps between two lines of what the trainer logs."""
    seed: int
    """Seed of every library."""
    evaluation: Evaluation
    gate: list[GateCondition]
    """What a model must reach to be promoted."""
    grpo: GrpoSettings


Recipe: TypeAlias = SftRecipe | DpoRecipe | GrpoRecipe | KtoRecipe
"""What to train and how good it must become. It says nothing about machines: the planner derives those."""

import type { HubAnswer } from "../../../preflight/hub";
import type { Machine } from "../../../preflight/machine";

/** Configurations of local stacks that are wrong, each with what its refusal must say: a piece of the reason by the field's path. */

export interface WrongConfiguration {
  readonly title: string;
  readonly document: unknown;
  readonly expected: Readonly<Record<string, string>>;
  readonly machine?: Partial<Machine>;
}

type Tree = Readonly<Record<string, unknown>>;

const chain = [
  { name: "sft", recipe: "sft-tiny" },
  { name: "dpo", recipe: "dpo-tiny", from: "sft" },
  { name: "grpo", recipe: "grpo-tiny", from: "dpo" },
];
const local = { kind: "local", stages: chain, endpoint: { serves: "grpo" } };

/** A stack of one stage, with values laid over its recipe. */
const stageOf = (recipe: string, set: Tree, more: Tree = {}): Tree => ({
  kind: "local",
  stages: [{ name: "only", recipe, set, ...more }],
});

/** One wrong field of a recipe. */
const inRecipe = (recipe: string, set: Tree, field: string, text: string, machine?: Partial<Machine>) => ({
  title: `${recipe} with ${JSON.stringify(set)}`,
  document: stageOf(recipe, set),
  expected: { [field === "" ? "stages[0].recipe" : `stages[0].recipe (${recipe}) ${field}`]: text },
  ...(machine === undefined ? {} : { machine }),
});

const inStack = (title: string, document: unknown, expected: Record<string, string>, machine?: Partial<Machine>) => ({
  title,
  document,
  expected,
  ...(machine === undefined ? {} : { machine }),
});

const answering = (answer: HubAnswer): Partial<Machine> => ({ askHub: () => Promise.resolve(answer) });

const kinds: WrongConfiguration[] = [
  inStack("nothing", {}, { kind: "got nothing; allowed: local, platform, experiment" }),
  inStack("null", null, { kind: "got nothing; allowed: local" }),
  inStack("a list", [], { "(the whole document)": "must be a mapping" }),
  inStack("text", "local", { "(the whole document)": "must be a mapping" }),
  inStack("a misspelt kind", { kind: "locl" }, { kind: "(did you mean local?)" }),
  inStack("another case", { kind: "Local" }, { kind: "(did you mean local?)" }),
  inStack("an experiment", { kind: "experiment" }, { kind: "is not available yet" }),
];

const stacks: WrongConfiguration[] = [
  inStack("no stages", { kind: "local" }, { stages: "is missing; must be a list" }),
  inStack("an empty list of stages", { kind: "local", stages: [] }, { stages: "must not be empty" }),
  inStack("an unknown demand", stageOf("sft-tiny", {}, { rehearsal: "frist" }), {
    "stages[0].rehearsal": "allowed: required, first, none",
  }),
  inStack(
    "a recipe that has not been rehearsed, beside another fault",
    {
      kind: "local",
      stages: [
        { name: "one", recipe: "sft-tiny", set: { seed: 424_243 }, rehearsal: "required" },
        { name: "two", recipe: "sft-tiny", set: { seed: -1 }, rehearsal: "required" },
        { name: "three", recipe: "sft-tiny", rehearsal: "first" },
      ],
    },
    {
      "stages[0].rehearsal": "run `npm run rehearse -- sft-tiny --set seed=424243`, or write",
      "stages[1].recipe (sft-tiny) seed": "got -1",
    },
  ),
  inStack("a misspelt key", { ...local, stagess: [] }, { stagess: "did you mean stages?" }),
  inStack("a key of a stage at the top", { ...local, recipe: "sft-tiny" }, { recipe: "it belongs to stages[]" }),
  inStack("a key of a recipe at the top", { ...local, optimizer: {} }, { optimizer: "it belongs to stages[].set" }),
  inStack(
    "a key that nothing has",
    { ...local, zebra: 1 },
    { zebra: "the keys here are kind, store, stages, endpoint" },
  ),
  inStack(
    "a key with control characters",
    { ...local, "a\u001b[31m": 1 },
    { '["a\\u001b[31m"]': "is not a known key" },
  ),
  inStack("a prototype", JSON.parse(`{"kind":"local","stages":[],"__proto__":{"a":1}}`), {
    stages: "must not be empty",
    // In brackets, so that it is a key like others.
    ["__proto__"]: "is not a known key",
  }),
  inStack("a store that is text", { ...local, store: "here" }, { store: "must be a mapping" }),
  inStack("a port that needs privileges", { ...local, store: { port: 80 } }, { "store.port": "must be at least 1024" }),
  inStack(
    "a port that does not exist",
    { ...local, store: { port: 70000 } },
    { "store.port": "must be at most 65535" },
  ),
  inStack("half a port", { ...local, store: { port: 9000.5 } }, { "store.port": "must be a whole number" }),
  inStack("a port as text", { ...local, store: { port: "9000" } }, { "store.port": "must be a number" }),
  inStack("a removal", { ...local, store: { removal: "delete" } }, { "store.removal": "allowed: remove, retain" }),
  inStack(
    "one port for two servers",
    { ...local, store: { port: 9000 }, endpoint: { serves: "grpo", port: 9000 } },
    { "endpoint.port": "9000 is store.port too" },
  ),
  inStack(
    "an endpoint of no stage",
    { ...local, endpoint: { serves: "rlhf" } },
    { "endpoint.serves": "must be one of the stages: sft, dpo, grpo" },
  ),
  inStack("an endpoint that serves nothing", { ...local, endpoint: {} }, { "endpoint.serves": "is missing" }),
  inStack(
    "a misspelt key of the endpoint",
    { ...local, endpoint: { serves: "grpo", prot: 1 } },
    { "endpoint.prot": "did you mean port?" },
  ),
  inStack(
    "an engine",
    { ...local, endpoint: { serves: "grpo", engine: "tgi" } },
    { "endpoint.engine": "allowed: auto, vllm, transformers" },
  ),
  inStack(
    "a key",
    { ...local, endpoint: { serves: "grpo", key: "abc" } },
    { "endpoint.key": "allowed: required, none" },
  ),
  ...["", " ", "my model", "model\n", "'; rm -rf /", "-model", "a".repeat(129), "模型"].map((modelName) =>
    inStack(
      `the model name ${JSON.stringify(modelName).slice(0, 20)}`,
      { ...local, endpoint: { serves: "grpo", modelName } },
      { "endpoint.modelName": "must be 1 to 128 letters, digits" },
    ),
  ),
];

const stages: WrongConfiguration[] = [
  ...["", "s", "SFT", "1st", "two words", "sft\n", "sft-", "../sft", "a".repeat(33)].map((name) =>
    inStack(
      `the stage name ${JSON.stringify(name).slice(0, 20)}`,
      { kind: "local", stages: [{ name, recipe: "sft-tiny" }] },
      { "stages[0].name": "must be 2 to 32 characters" },
    ),
  ),
  ...["../../recipes/sft-tiny", "/etc/passwd", "./sft-tiny", "SFT-tiny", "sft-tiny.yaml", "sft-tiny ", " ", ""].map(
    (recipe) =>
      inStack(
        `the recipe ${JSON.stringify(recipe)}`,
        { kind: "local", stages: [{ name: "sft", recipe }] },
        { "stages[0].recipe": recipe === "" ? "must not be empty" : "allowed: dpo-3b" },
      ),
  ),
  inStack("a recipe with its ending", stageOf("flows/recipes/sft-tiny.yaml", {}), {
    "stages[0].recipe": "(did you mean sft-tiny?)",
  }),
  inStack("a name twice", { kind: "local", stages: [chain[0], chain[0]] }, { "stages[1].name": '"sft" is used twice' }),
  inStack(
    "a stage from a later one",
    {
      kind: "local",
      stages: [
        { ...chain[0], from: "dpo" },
        { ...chain[1], from: undefined },
      ],
    },
    { "stages[0].from": "must be an earlier stage, and this is the first" },
  ),
  inStack(
    "a stage from itself",
    { kind: "local", stages: [chain[0], { ...chain[1], from: "dpo" }] },
    { "stages[1].from": "must be an earlier stage: sft" },
  ),
  inStack(
    "a stage and an endpoint of one whose name is wrong",
    {
      kind: "local",
      stages: [
        { name: "SFT", recipe: "sft-tiny" },
        { name: "dpo", recipe: "dpo-tiny", from: "SFT" },
        { name: "grpo", recipe: "grpo-tiny", from: "sft" },
      ],
      endpoint: { serves: "SFT" },
    },
    { "stages[0].name": "must be 2 to 32 characters" },
  ),
  inStack(
    "a stage of one whose name is too short",
    {
      kind: "local",
      stages: [
        { name: "s", recipe: "sft-tiny" },
        { name: "dpo", recipe: "dpo-tiny", from: "s" },
      ],
    },
    { "stages[0].name": "must be 2 to 32 characters" },
  ),
  inStack(
    "a stage of one without a name",
    { kind: "local", stages: [{ recipe: "sft-tiny" }, { name: "dpo", recipe: "dpo-tiny", from: "sft" }] },
    { "stages[0].name": "is missing" },
  ),
  inStack(
    "a stage from another than the one whose name is wrong",
    {
      kind: "local",
      stages: [
        { name: "SFT", recipe: "sft-tiny" },
        { name: "dpo", recipe: "dpo-tiny", from: "grpo" },
      ],
      endpoint: { serves: "rlhf" },
    },
    {
      "stages[0].name": "must be 2 to 32 characters",
      "stages[1].from": 'got "grpo"; must be an earlier stage',
      "endpoint.serves": "must be one of the stages: dpo",
    },
  ),
  inStack(
    "a base model that is never used",
    { kind: "local", stages: [chain[0], { ...chain[1], set: { model: { base: "tiny:llama" } } }] },
    { "stages[1].set.model.base": 'the base model comes from stage "sft"' },
  ),
  inStack("a generation below 1", stageOf("sft-tiny", {}, { generation: 0 }), {
    "stages[0].generation": "must be at least 1",
  }),
  inStack("a generation with a point", stageOf("sft-tiny", {}, { generation: 1.5 }), {
    "stages[0].generation": "must be a whole number",
  }),
  inStack("a remedy", stageOf("sft-tiny", {}, { whenLost: "ignore" }), {
    "stages[0].whenLost": "allowed: run-again, serve-last",
  }),
  inStack(
    "values that are a list",
    { kind: "local", stages: [{ ...chain[0], set: [1] }] },
    {
      "stages[0].set": "must be a mapping",
    },
  ),
  inStack("a field of the recipe beside it", stageOf("sft-tiny", {}, { optimizer: { learningRate: 1 } }), {
    "stages[0].optimizer": "it belongs to stages[].set",
  }),
];

const lora = { kind: "lora", rank: 8, alpha: 16 };
const number = "tiny_sums/number";

const recipes: WrongConfiguration[] = [
  inRecipe("sft-tiny", { batch: { micro: 5 } }, "batch.micro", "must divide batch.global (32)"),
  inRecipe("sft-tiny", { batch: { micro: 33 } }, "batch.micro", "must be at most batch.global (32)"),
  inRecipe("sft-tiny", { batch: { global: 1e12 } }, "batch.global", "must be at most 1048576"),
  inRecipe("sft-tiny", { batch: { global: "32" } }, "batch.global", "must be a number"),
  inRecipe("sft-tiny", { sharding: "fsdp2" }, "sharding", "a local stack trains in one"),
  inRecipe("sft-tiny", { sharding: "zero3" }, "sharding", 'write "auto"'),
  inRecipe("sft-tiny", { optimizer: { name: "adamw_bnb_8bit" } }, "optimizer.name", 'write "adamw_torch"'),
  inRecipe("sft-tiny", { optimizer: { name: "paged_adamw_8bit" } }, "optimizer.name", "needs a GPU"),
  inRecipe("sft-tiny", { optimizer: { name: "paged_adamw_32bit" } }, "optimizer.name", "needs a GPU"),
  inRecipe("sft-tiny", { model: { attention: "flash_attention_2" } }, "model.attention", 'write "sdpa"'),
  inRecipe("sft-tiny", { model: { attention: "flash" } }, "model.attention", "allowed: eager, sdpa"),
  inRecipe("sft-tiny", { trainable: { ...lora, kind: "qlora" } }, "trainable.kind", 'write "lora"'),
  inRecipe("sft-tiny", { trainable: { ...lora, rank: 1e9 } }, "trainable.rank", "must be at most 4096"),
  inRecipe("sft-tiny", { trainable: { ...lora, rank: 200 } }, "trainable.rank", "is 128 wide"),
  inRecipe("sft-tiny", { trainable: { ...lora, targets: ["q_prj"] } }, "trainable.targets[0]", "did you mean q_proj?"),
  inRecipe("sft-tiny", { trainable: { ...lora, targets: "q_proj" } }, "trainable.targets", "all-linear"),
  inRecipe("sft-tiny", { trainable: { rank: 8 } }, "trainable.rank", 'belongs to trainable of kind "lora" or "qlora"'),
  inRecipe("grpo-tiny", { grpo: { generation: { kind: "vllm-colocated" } } }, "grpo.generation.kind", "needs a GPU"),
  inRecipe("grpo-tiny", { grpo: { generation: { kind: "vllm-server" } } }, "grpo.generation.kind", "needs a GPU"),
  inRecipe("grpo-tiny", { grpo: { generations: 1e9 } }, "grpo.generations", "must be at most 1024"),
  inRecipe("grpo-tiny", { grpo: { generations: 7 } }, "batch.global", "must be a multiple of grpo.generations (7)"),
  inRecipe("grpo-tiny", { grpo: { rewards: [{ name: "nice" }] } }, "grpo.rewards[0].name", "allowed: tiny_sums_exact"),
  inRecipe("grpo-tiny", { dataset: { limit: 4 } }, "batch.global", "the dataset has 4: write 32 or less"),
  inRecipe(
    "grpo-tiny",
    { dataset: { limit: 4 }, duration: { epochs: 1 }, optimizer: { schedule: "linear", warmupSteps: 5 } },
    "batch.global",
    "the dataset has 4: write 32 or less",
  ),
  inRecipe("sft-tiny", { optimizer: { warmupSteps: 401 } }, "optimizer.warmupSteps", "the run has 400 steps"),
  inRecipe("sft-tiny", { optimizer: { schedule: "constant" } }, "optimizer.warmupSteps", "has no warm-up"),
  inRecipe("sft-tiny", { optimizer: { beta2: 1 } }, "optimizer.beta2", "must be less than 1"),
  inRecipe("sft-tiny", { optimizer: { lerningRate: 1 } }, "optimizer.lerningRate", "did you mean learningRate?"),
  inRecipe(
    "sft-tiny",
    { "optimizer.learningRate": 1 },
    '["optimizer.learningRate"]',
    "keys are nested: write optimizer:",
  ),
  inRecipe("sft-tiny", { learningRate: 1 }, "learningRate", "it belongs to optimizer"),
  inRecipe("sft-tiny", { optimizer: null }, "optimizer", "got null; must be a mapping"),
  inRecipe("sft-tiny", { duration: { steps: 1e12 } }, "duration.steps", "must be at most 10000000"),
  inRecipe("sft-tiny", { duration: { epochs: 1, steps: 1 } }, "duration", "its keys exclude each other"),
  inRecipe("sft-tiny", { duration: "long" }, "duration", "write one of: a mapping with steps or epochs"),
  inRecipe("sft-tiny", { sequence: { maxLength: 1 } }, "sequence.maxLength", "must be at least 8"),
  inRecipe("sft-tiny", { sequence: { maxLength: 16 } }, "sequence.maxLength", "write 27 or more"),
  inRecipe("sft-tiny", { sequence: { maxLength: 4096 } }, "sequence.maxLength", "has a context of 512 tokens"),
  inRecipe("grpo-tiny", { sequence: { maxCompletionLength: 64 } }, "sequence.maxCompletionLength", "must be less than"),
  inRecipe("dpo-tiny", { sequence: { packing: true } }, "sequence.packing", "only recipes of method sft"),
  inRecipe("sft-tiny", { dpo: { beta: 0.1 } }, "dpo", 'is not a key here; it belongs to recipes of method "dpo"'),
  inRecipe("sft-tiny", { grpo: {} }, "grpo", 'it belongs to recipes of method "grpo"'),
  inRecipe("dpo-tiny", { completionOnlyLoss: true }, "completionOnlyLoss", 'recipes of method "sft"'),
  inRecipe("dpo-tiny", { dpo: { lossWeights: [1] } }, "dpo.lossWeights", "one weight for each of dpo.lossTypes (2)"),
  inRecipe("sft-tiny", { name: "dpo-tiny" }, "name", "must begin with the method"),
  inRecipe("sft-tiny", { description: "   " }, "description", "must be a sentence"),
  inRecipe("sft-tiny", { model: { base: "llama" } }, "model.base", "must be a hub id (owner/name)"),
  inRecipe("sft-tiny", { model: { base: "tiny:gpt" } }, "model.base", "or tiny:llama"),
  inRecipe("sft-tiny", { model: { revision: "main" } }, "model.revision", "only models of the hub have revisions"),
  inRecipe("sft-tiny", { dataset: { source: "tiny:products" } }, "dataset.source", "or tiny:sums"),
  inRecipe("sft-tiny", { dataset: { split: "test" } }, "dataset.split", "only datasets of the hub have it"),
  inRecipe("sft-tiny", { seed: -1 }, "seed", "must be at least 0"),
  inRecipe("sft-tiny", { seed: 2 ** 32 }, "seed", "must be at most 4294967295"),
  inRecipe("sft-tiny", { seed: 2 ** 64 }, "seed", "must be at most 4294967295"),
  inRecipe("sft-tiny", { seed: -(2 ** 64) }, "seed", "must be at least 0"),
  inRecipe(
    "sft-tiny",
    { precision: "float16" },
    "precision",
    "allowed: float32, bfloat16-mixed, bfloat16-stochastic, bfloat16",
  ),
  inRecipe(
    "sft-tiny",
    { evaluation: { tasks: ["tiny_sums", "gsm8kk"] } },
    "evaluation.tasks[1]",
    "did you mean gsm8k?",
  ),
  inRecipe("sft-tiny", { evaluation: { tasks: ["tiny_sums", "tiny_sums"] } }, "evaluation.tasks[1]", "already"),
  inRecipe("sft-tiny", { evaluation: { tasks: ["tiny_sums", "ai2_arc"] } }, "evaluation.tasks[1]", "which is a tag"),
  inRecipe("sft-tiny", { evaluation: { tasks: ["tiny_sums", "humaneval"] } }, "evaluation.tasks[1]", "runs code"),
  inRecipe(
    "sft-tiny",
    { evaluation: { tasks: ["tiny_sums", " "] } },
    "evaluation.tasks[1]",
    "must be the name of a task",
  ),
  inRecipe(
    "sft-tiny",
    { evaluation: { tasks: ["tiny_sums", "mmlu_stem", "mmlu"] } },
    "evaluation.tasks[2]",
    "of which mmlu_stem has tasks too",
  ),
  inRecipe("sft-tiny", { evaluation: { headline: "tiny_sums/numbers" } }, "evaluation.headline", "tiny_sums reports"),
  inRecipe("sft-tiny", { evaluation: { headline: "gsm8k/exact_match" } }, "evaluation.headline", "is not measured"),
  inRecipe("sft-tiny", { evaluation: { headline: "train/reward" } }, "evaluation.headline", "logs of such a sft run"),
  inRecipe("grpo-tiny", { evaluation: { headline: "train/kl" } }, "evaluation.headline", "logs of such a grpo run"),
  inRecipe(
    "sft-tiny",
    { evaluation: { headline: "train/loss" }, loggingSteps: 500 },
    "loggingSteps",
    "so that train/loss would never be logged",
  ),
  inRecipe("sft-tiny", { gate: [{ metric: number }] }, "gate[0]", "needs at least one of"),
  inRecipe("sft-tiny", { gate: [{ metric: number, minimum: 1.2 }] }, "gate[0].minimum", "is a share"),
  inRecipe("sft-tiny", { gate: [{ metric: number, minimumGain: 2 }] }, "gate[0].minimumGain", "is a share"),
  inRecipe(
    "sft-tiny",
    { gate: [{ metric: number, minimum: 0.9, maximum: 0.1 }] },
    "gate[0].minimum",
    "is above maximum",
  ),
  inRecipe(
    "sft-tiny",
    {
      gate: [
        { metric: number, minimum: 0.9 },
        { metric: number, maximum: 0.5 },
      ],
    },
    "gate[1].maximum",
    "another condition wants the same metric to be at least 0.9",
  ),
  inRecipe("sft-tiny", { gate: [{ metric: "tiny_sum/number", minimum: 0.5 }] }, "gate[0].metric", "is not measured"),
  inRecipe("sft-tiny", { gate: { metric: number, minimum: 0.5 } }, "gate", "must be a list"),
];

/** What a stage may ask of the model that its chain starts from, whatever its recipe's own base is. */
const chains: WrongConfiguration[] = [
  inStack(
    "a chain from the project's model with adapters of another",
    {
      kind: "local",
      stages: [
        { name: "sft", recipe: "sft-tiny" },
        { name: "dpo", recipe: "dpo-tiny", from: "sft" },
        {
          name: "large",
          recipe: "dpo-3b",
          from: "dpo",
          set: { trainable: { kind: "lora", rank: 256, alpha: 16, targets: ["c_attn"] } },
        },
      ],
    },
    {
      "stages[2].recipe (dpo-3b) trainable.targets[0]": "allowed: q_proj",
      "stages[2].recipe (dpo-3b) trainable.rank": "tiny:llama is 128 wide",
      "stages[2].recipe (dpo-3b) sequence.maxLength": "tiny:llama has a context of 512 tokens",
    },
  ),
  inStack(
    "a chain whose first stage is not right, of which no more is known",
    {
      kind: "local",
      stages: [
        { name: "sft", recipe: "sft-tny" },
        { name: "dpo", recipe: "dpo-tiny", from: "sft", set: { sequence: { maxLength: 1024 } } },
      ],
    },
    { "stages[0].recipe": "did you mean sft-tiny?" },
  ),
];

const gib = 2 ** 30;
const hub = (more: Tree = {}): Tree => ({ model: { base: "owner/model", ...more } });
const unreachable: HubAnswer = { kind: "unreachable", why: "its name is not known here" };

const machines: WrongConfiguration[] = [
  inRecipe("sft-tiny", hub(), "model.base", "there is no such model on huggingface.co", answering({ kind: "missing" })),
  inRecipe("sft-tiny", hub(), "model.base", "set HF_TOKEN to a token that may read it", answering({ kind: "gated" })),
  inRecipe("sft-tiny", hub(), "model.base", "cannot be reached: its name is not known here", answering(unreachable)),
  inRecipe("sft-tiny", hub(), "model.base", "it has no config.json", answering({ kind: "no such file" })),
  inRecipe("sft-tiny", hub(), "model.base", "HF_HUB_OFFLINE is set", { environment: { HF_HUB_OFFLINE: "1" } }),
  inRecipe("sft-tiny", hub(), "model.base", "no such model on mirror.example.com", {
    ...answering({ kind: "missing" }),
    environment: { HF_ENDPOINT: "https://mirror.example.com/" },
  }),
  inRecipe(
    "sft-tiny",
    hub({ revision: "v9" }),
    "model.revision",
    "owner/model has no such branch, tag or commit",
    answering({ kind: "no revision" }),
  ),
  inRecipe(
    "sft-tiny",
    { dataset: { source: "owner/data" } },
    "dataset.source",
    "there is no such dataset on huggingface.co",
    answering({ kind: "missing" }),
  ),
  inRecipe(
    "sft-tiny",
    { evaluation: { tasks: ["tiny_sums", "gsm8k"] } },
    "evaluation.tasks[1]",
    "which reads dataset openai/gsm8k",
    answering(unreachable),
  ),
  inRecipe("sft-tiny", { evaluation: { tasks: ["tiny_sums", "ifeval"] } }, "evaluation.tasks[1]", '"langdetect"', {
    hasModule: (module) => module !== "langdetect",
  }),
  inRecipe("sft-tiny", { model: { base: "file:///no/such/model" } }, "model.base", "the folder does not exist"),
  inRecipe("sft-tiny", { model: { base: "file:///etc" } }, "model.base", "has no config.json"),
  inRecipe("sft-tiny", { dataset: { source: "file:///no/such.jsonl" } }, "dataset.source", "it does not exist"),
  inRecipe("sft-tiny", { dataset: { source: "file:///etc/passwd" } }, "dataset.source", "ends in .jsonl"),
  inRecipe("sft-tiny", { model: { shape: "Qwen/Qwen2.5-33B" } }, "model.shape", "did you mean"),
  inRecipe(
    "sft-tiny",
    { ...hub(), sequence: { maxLength: 4096 } },
    "sequence.maxLength",
    "owner/model has a context of 2048 tokens",
    answering({ kind: "found", content: { max_position_embeddings: 2048 } }),
  ),
  inRecipe("sft-tiny", hub(), "model.base", "TRANSFORMERS_OFFLINE is set", {
    environment: { HF_HUB_OFFLINE: "", TRANSFORMERS_OFFLINE: "1" },
  }),
  inRecipe("sft-tiny", { dataset: { source: "owner/data" } }, "dataset.source", "HF_DATASETS_OFFLINE is set", {
    environment: { HF_DATASETS_OFFLINE: "1" },
  }),
  // What its dataset would be does not matter.
  ...["ai2_arc", "humaneval"].map((task) => ({
    ...inRecipe(
      "sft-tiny",
      { evaluation: { tasks: ["tiny_sums", task] } },
      "evaluation.tasks[1]",
      task === "ai2_arc" ? "which is a tag" : "runs code",
      answering({ kind: "missing" }),
    ),
    title: `no task, whose dataset is not there either: ${task}`,
  })),
  inRecipe(
    "sft-tiny",
    hub(),
    "model.base",
    "which is an encoder with a decoder",
    answering({ kind: "found", content: { is_encoder_decoder: true } }),
  ),
  inRecipe(
    "sft-tiny",
    hub(),
    "model.base",
    "which is quantised: name the model that it was made of",
    answering({ kind: "found", content: { quantization_config: { quant_method: "gptq" } } }),
  ),
  inRecipe("sft-tiny", hub(), "model.base", "it has no *.safetensors on huggingface.co", {
    askHub: (url) =>
      Promise.resolve({
        kind: "found",
        content: url.endsWith("/api/models/owner/model/revision/main")
          ? { siblings: [{ rfilename: "config.json" }, { rfilename: "pytorch_model.bin" }] }
          : {},
      }),
  }),
  inRecipe(
    "sft-tiny",
    { ...hub(), trainable: { ...lora, targets: ["q_proj", "model.layers.0.mlp.up_proj", "embed_tokens", "c_attn"] } },
    "trainable.targets[3]",
    "allowed: q_proj",
    answering({ kind: "found", content: { model_type: "qwen2" } }),
  ),
  inRecipe(
    "sft-tiny",
    { ...hub(), evaluation: { headline: "train/aux_loss" } },
    "evaluation.headline",
    "owner/model is none (its config.json has no router_aux_loss_coef)",
    answering({ kind: "found", content: { text_config: { model_type: "qwen2" } } }),
  ),
  inStack(
    "sequences and answers longer than the model's context",
    stageOf("grpo-tiny", {
      ...hub(),
      dataset: { source: "s3://bucket/data" },
      sequence: { maxLength: 4096, maxCompletionLength: 2048 },
    }),
    {
      "stages[0].recipe (grpo-tiny) sequence.maxLength": "owner/model has a context of 2048 tokens: write that or less",
      "stages[0].recipe (grpo-tiny) sequence.maxCompletionLength": "write 2047 or less",
    },
    answering({ kind: "found", content: { max_position_embeddings: 2048 } }),
  ),
  inStack("a model that memory cannot hold", stageOf("sft-70b", {}), {
    "stages[0].recipe (sft-70b) model.base": "GiB of memory, and it has 24.0 GiB: choose a smaller model",
    stages: "the models and checkpoints of the runs that would start take at least",
  }),
  inStack(
    "a model of which memory holds adapters only",
    stageOf("sft-3b", {}),
    { "stages[0].recipe (sft-3b) trainable.kind": "write lora" },
    { memory: () => 16 * gib },
  ),
  inStack(
    "a chain whose first model is too large for a later stage",
    {
      kind: "local",
      stages: [
        { name: "sft", recipe: "sft-3b", set: { trainable: lora } },
        { name: "dpo", recipe: "dpo-3b", from: "sft" },
      ],
    },
    { "stages[1].recipe (dpo-3b) trainable.kind": "write lora" },
    { memory: () => 16 * gib, freeDisk: () => 1000 * gib },
  ),
  inStack(
    "a disk that is full",
    stageOf("sft-3b", { trainable: lora }),
    { stages: "and 1.00 GiB are free: make room" },
    { freeDisk: () => gib },
  ),
  inStack(
    "a port that another program has",
    { ...local, store: { port: 4000 } },
    { "store.port": "port 4000 on 127.0.0.1 is taken by another program: set store.port to a free port" },
    {
      portProblem: (port, server) =>
        Promise.resolve(
          `port ${port} on 127.0.0.1 is taken by another program: set ${server}.port to a free port, or leave it out to have one chosen`,
        ),
    },
  ),
  inStack(
    "no Python environments",
    local,
    { stages: "python/train is not there", endpoint: "python/serve is not there" },
    { hasPython: () => false },
  ),
  inStack(
    "no vLLM",
    { ...local, endpoint: { serves: "grpo", engine: "vllm" } },
    { "endpoint.engine": "vllm is not installed" },
    {
      engineProblem: () =>
        "endpoint.engine: vllm is not installed in /x: run `npm run bootstrap`, or set another engine",
    },
  ),
];

const several: WrongConfiguration[] = [
  inStack(
    "faults of the stack, the chain, recipes and the machine at once",
    {
      kind: "local",
      store: { port: 80, removal: "delete" },
      stages: [
        {
          name: "sft",
          recipe: "sft-tiny",
          set: { optimizer: { learningRate: -1, warmupSteps: 900 }, batch: { micro: 5 } },
        },
        { name: "sft", recipe: "dpo-tny", from: "nothing" },
        { name: "grpo", recipe: "grpo-tiny", set: { grpo: { rewards: [{ name: "nice" }] }, sharding: "ddp" } },
        { name: "hub", recipe: "sft-tiny", set: { model: { base: "owner/model" }, seed: -1 } },
      ],
      endpoint: { serves: "rlhf", port: 4000, modelName: "my model" },
    },
    {
      "store.port": "must be at least 1024",
      "store.removal": "allowed: remove, retain",
      "stages[0].recipe (sft-tiny) optimizer.learningRate": "must be greater than 0",
      "stages[0].recipe (sft-tiny) optimizer.warmupSteps": "the run has 400 steps",
      "stages[0].recipe (sft-tiny) batch.micro": "must divide batch.global (32)",
      "stages[1].name": "is used twice",
      "stages[1].from": "must be an earlier stage: sft",
      "stages[1].recipe": "did you mean dpo-tiny?",
      "stages[2].recipe (grpo-tiny) grpo.rewards[0].name": "allowed: tiny_sums_exact",
      "stages[2].recipe (grpo-tiny) sharding": "a local stack trains in one",
      "stages[3].recipe (sft-tiny) model.base": "there is no such model",
      "stages[3].recipe (sft-tiny) seed": "must be at least 0",
      "endpoint.serves": "must be one of the stages",
      "endpoint.modelName": "must be 1 to 128 letters",
      "endpoint.port": "is taken",
    },
    {
      ...answering({ kind: "missing" }),
      portProblem: (_, server) => Promise.resolve(server === "endpoint" ? "is taken" : undefined),
    },
  ),
];

export const wrongLocalStacks = [...kinds, ...stacks, ...stages, ...recipes, ...chains, ...machines, ...several];

import { describe, expect, it } from "vitest";
import { chooseRehearsals } from "../../../dev/rehearsalChoice";

const names = (files: readonly string[] | undefined, most = 12) => {
  const { chosen, leftOut } = chooseRehearsals(files, most);
  const shown = ({ variant: { recipe, trainable } }: (typeof chosen)[number]): string => `${recipe} ${trainable}`;
  return { chosen: chosen.map(shown), leftOut: leftOut.map(shown) };
};

describe("what a change puts at risk", () => {
  it.each([
    ["flows/posttraining/trainers/adapters.py", "sft-70b LoRA"],
    ["flows/posttraining/trainers/precision.py", "sft-3b full"],
    ["flows/posttraining/methods/dpo.py", "dpo-3b full"],
    ["flows/posttraining/rewards.py", "grpo-3b LoRA"],
    ["flows/posttraining/data/forms.py", "dpo-3b LoRA"],
    ["flows/sft/flow.py", "sft-3b full"],
    ["flows/recipes/grpo-70b.yaml", "grpo-70b LoRA"],
    ["flows/posttraining/rehearsal/scaling.py", "sft-70b LoRA"],
    ["rehearsal/rehearse.ts", "sft-70b LoRA"],
    ["flows/uv.lock", "sft-70b LoRA"],
  ])("%s: %s", (file, variant) => {
    expect(names([file]).chosen).toContain(variant);
  });

  it("is the standard one where no flow has changed, where nothing has, and where nobody can tell, and it is said which", () => {
    for (const files of [["README.md"], [], undefined]) expect(names(files).chosen).toEqual(["sft-70b LoRA"]);
    expect(chooseRehearsals(undefined, 2).chosen[0]?.why).toBe("what has changed cannot be told");
    expect(chooseRehearsals(["README.md"], 2).chosen[0]?.why).toBe("no flow has changed");
  });

  it("is each once, the gravest first, and what is too much is left out by name", () => {
    const files = [
      "flows/posttraining/methods/grpo.py",
      "flows/posttraining/rewards.py",
      "flows/posttraining/models.py",
      "flows/dpo/flow.py",
    ];
    expect(names(files, 2)).toEqual({ chosen: ["sft-70b LoRA", "dpo-3b full"], leftOut: ["grpo-3b LoRA"] });
  });
});

import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { engineFor, serverCommand } from "../../../provider/modelServerCommand";

describe("the server's command", () => {
  const server = {
    python: "/env/bin/python",
    modelDirectory: "/a folder/model",
    modelName: "grpo",
    host: "127.0.0.1",
    port: 8000,
    cacheDirectory: "/cache",
    temporaryDirectory: "/tmp/x",
    apiKey: "secret",
    chatTemplateArguments: {},
    adapters: [],
  };

  it("hands the chat template what the model was trained with, whichever the engine is", () => {
    const trained = { ...server, chatTemplateArguments: { enable_thinking: false, date_string: "26 Jul 2024" } };
    const json = '{"enable_thinking":false,"date_string":"26 Jul 2024"}';
    const vllm = serverCommand("vllm", trained).arguments;
    expect(vllm.slice(vllm.indexOf("--default-chat-template-kwargs"))[1]).toBe(json);
    const transformers = serverCommand("transformers", trained).arguments;
    expect(transformers.slice(transformers.indexOf("--chat-template-kwargs"))[1]).toBe(json);
    for (const engine of ["vllm", "transformers"] as const) {
      expect(serverCommand(engine, server).arguments.join(" ")).not.toContain("template");
    }
  });

  it("gives the key to the server alone, and to no command line", () => {
    for (const engine of ["vllm", "transformers"] as const) {
      const command = serverCommand(engine, server);
      expect(command.arguments.join(" ")).not.toContain("secret");
      expect(Object.values(command.environment)).toContain("secret");
      expect(Object.values(serverCommand(engine, { ...server, apiKey: null }).environment)).not.toContain("secret");
    }
  });

  it("lets no setting of a person's shell for the same libraries through", () => {
    const { foreign } = serverCommand("vllm", server);
    for (const name of ["VLLM_PORT", "VLLM_API_KEY", "HF_HOME", "RANK", "MASTER_ADDR", "AWS_PROFILE"]) {
      expect(name).toMatch(foreign);
    }
    expect("PATH").not.toMatch(foreign);
  });

  it("keeps vLLM's precision and everything that it writes inside the stack", () => {
    const command = serverCommand("vllm", server);
    expect(command.arguments.join(" ")).toContain("--dtype float32");
    expect(command.arguments).toContain("/a folder/model");
    // Else a model whose whole context needs more than the cache has would not be served at all.
    expect(command.arguments.join(" ")).toContain("--max-model-len -1");
    for (const name of [
      "HF_HOME",
      "XDG_CACHE_HOME",
      "VLLM_CACHE_ROOT",
      "VLLM_CONFIG_ROOT",
      "TORCHINDUCTOR_CACHE_DIR",
    ]) {
      expect(command.environment[name]).toMatch(/^\/cache/);
    }
  });

  it("falls back to transformers where vLLM is not installed", () => {
    const environment = fs.mkdtempSync(path.join(os.tmpdir(), "environment-"));
    const packages = path.join(environment, "lib", "python3.11", "site-packages");
    fs.mkdirSync(packages, { recursive: true });
    const python = path.join(environment, "bin", "python");
    expect(engineFor("auto", python)).toBe("transformers");
    fs.mkdirSync(path.join(packages, "vllm"));
    expect(engineFor("auto", python)).toBe("vllm");
    expect(engineFor("transformers", python)).toBe("transformers");
    fs.rmSync(environment, { recursive: true });
  });
});

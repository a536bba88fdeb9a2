import * as path from "node:path";
import { layout } from "../machine/checkout.mjs";
import { neutralizeOwnEnvironment } from "../machine/environment.mjs";

// Before anything reads it: gRPC looks for proxies when it opens its channel to the engine. What the provider starts gets this
// environment, whoever has started the engine, and what it writes is for its user alone.
neutralizeOwnEnvironment(path.join(layout.state, "home"));
process.umask(0o077);

import { randomBytes } from "node:crypto";
import * as grpc from "@grpc/grpc-js";
import { ResourceProviderService, type IResourceProviderServer } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct, type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import { holdsUnknown, signatureKey, unknownValue, unwrapSecrets } from "../../../provider/wire";
import type { Double, Resource } from "./double";
import type { Journal, Operation } from "./journal";
import { type Change, differences, isTree, isWithin, mapLeaves, overlay, strings, type Tree } from "./properties";
import type { Scenario } from "./scenario";
import { nameOf, typeOf } from "../urns";

/** What the engine asks a provider plugin, answered for a double: the part that both doubles share. */

const treeOf = (struct: Struct | undefined): Tree => struct?.toJavaScript() ?? {};
const structOf = (tree: unknown): Struct => Struct.fromJavaScript(tree as Record<string, JavaScriptValue>);
const plain = (tree: Tree): Tree => unwrapSecrets(tree) as Tree;

/** The same tree without what is secret in it. */
function masked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(masked);
  if (!isTree(value)) return value;
  if (signatureKey in value) return "<secret>";
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, masked(item)]));
}

/** What an output that does not exist, or one that was put into a string, leaves in a property. */
const broken = /\bundefined\b|\[object Object\]|Calling \[toString\]/;

export class DoubleServer {
  constructor(
    private readonly double: Double,
    private readonly journal: Journal,
    private readonly scenario: Scenario,
  ) {}

  /** @returns the port */
  async serve(): Promise<number> {
    const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
    server.addService(ResourceProviderService, this.handlers());
    return new Promise((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
  }

  private handlers(): grpc.UntypedServiceImplementation {
    const handlers: Partial<IResourceProviderServer> = {
      getPluginInfo: answer(() => {
        const info = new PluginInfo();
        info.setVersion("0.0.0-double");
        return info;
      }),
      cancel: answer(() => new Empty()),
      attach: answer(() => new Empty()),
      diffConfig: answer((request: messages.DiffRequest) => this.diffConfig(request)),
      configure: answer((request: messages.ConfigureRequest) => this.configure(request)),
      check: answer((request: messages.CheckRequest) => this.check(request)),
      diff: answer((request: messages.DiffRequest) => this.diff(request)),
      create: answer((request: messages.CreateRequest) => this.create(request)),
      read: answer((request: messages.ReadRequest) => this.read(request)),
      update: answer((request: messages.UpdateRequest) => this.update(request)),
      delete: answer((request: messages.DeleteRequest) => this.delete(request)),
      invoke: answer((request: messages.InvokeRequest) => {
        throw new Error(
          `${request.getTok()}: the program must work without asking the cloud, and the double answers nothing`,
        );
      }),
    };
    return handlers as grpc.UntypedServiceImplementation;
  }

  private diffConfig(request: messages.DiffRequest): messages.DiffResponse {
    const [before, after] = [plain(treeOf(request.getOldInputs())), plain(treeOf(request.getNews()))];
    return diffResponse(differences(before, after), this.double.providerReplacements(before, after), false);
  }

  private configure(request: messages.ConfigureRequest): messages.ConfigureResponse {
    this.double.configure(plain(treeOf(request.getArgs())));
    const response = new messages.ConfigureResponse();
    response.setAcceptsecrets(true);
    response.setSupportspreview(true);
    return response;
  }

  private check(request: messages.CheckRequest): messages.CheckResponse {
    const news = treeOf(request.getNews());
    const resource = resourceOf(request.getUrn(), news);
    const previous = request.hasOlds() ? plain(treeOf(request.getOlds())) : undefined;
    const unique = Buffer.from(request.getRandomseed_asU8()).toString("hex");
    const { refusals, generated } = this.double.check(resource, previous, unique);
    const failures = [
      ...refusals,
      ...strings(resource.inputs).flatMap(({ path, text }) =>
        broken.test(text) ? [`${path}: "${text.slice(0, 200)}" holds a value that does not exist`] : [],
      ),
    ];
    const response = new messages.CheckResponse();
    response.setInputs(structOf(overlay(generated, news)));
    response.setFailuresList(
      failures.map((reason) => {
        const failure = new messages.CheckFailure();
        failure.setReason(reason);
        return failure;
      }),
    );
    return response;
  }

  private diff(request: messages.DiffRequest): messages.DiffResponse {
    const before = plain(treeOf(request.getOldInputs()));
    const resource = resourceOf(request.getUrn(), treeOf(request.getNews()));
    const changes = differences(before, resource.inputs);
    const immutable = this.double.immutable(resource);
    const replaces = [...changes.keys()].filter((path) => immutable.some((pattern) => isWithin(path, pattern)));
    return diffResponse(changes, replaces, replaces.length > 0 && this.double.hasOwnName(resource, before));
  }

  private async create(request: messages.CreateRequest): Promise<messages.CreateResponse> {
    const raw = treeOf(request.getProperties());
    const resource = resourceOf(request.getUrn(), raw);
    const response = new messages.CreateResponse();
    if (request.getPreview()) {
      const outputs = this.double.outputs(resource, this.double.idOf(resource, "0".repeat(32)));
      response.setProperties(
        structOf(
          overlay(
            mapLeaves(outputs, () => unknownValue),
            raw,
          ),
        ),
      );
      return response;
    }
    const id = this.double.idOf(resource, randomBytes(16).toString("hex"));
    const outputs = this.double.outputs(resource, id);
    await this.carryOut("create", resource, raw, id, outputs, () => {
      this.double.beforeCreate(resource, this.journal);
    });
    response.setId(id);
    response.setProperties(structOf(overlay(outputs, raw)));
    return response;
  }

  private async update(request: messages.UpdateRequest): Promise<messages.UpdateResponse> {
    const raw = treeOf(request.getNews());
    const resource = resourceOf(request.getUrn(), raw);
    const id = request.getId();
    const outputs = this.double.outputs(resource, id);
    const response = new messages.UpdateResponse();
    if (request.getPreview()) {
      const known = mapLeaves(outputs, (leaf) =>
        holdsUnknown(leaf) || (typeof leaf === "string" && leaf.includes(unknownValue)) ? unknownValue : leaf,
      );
      response.setProperties(structOf(overlay(known, raw)));
      return response;
    }
    await this.carryOut("update", resource, raw, id, outputs, () => {
      if (this.journal.find(resource.type, id, this.double.cluster()) === undefined) throw notFound(resource.type, id);
    });
    response.setProperties(structOf(overlay(outputs, raw)));
    return response;
  }

  private async delete(request: messages.DeleteRequest): Promise<Empty> {
    const raw = treeOf(request.getOldInputs());
    const resource = resourceOf(request.getUrn(), raw);
    const id = request.getId();
    await this.carryOut("delete", resource, raw, id, this.double.outputs(resource, id), () => {
      const existing = this.journal.find(resource.type, id, this.double.cluster());
      // What is gone already counts as deleted, as both real providers have it.
      if (existing !== undefined) this.double.beforeDelete(existing, this.journal);
    });
    return new Empty();
  }

  private read(request: messages.ReadRequest): messages.ReadResponse {
    const response = new messages.ReadResponse();
    const exists = this.journal.find(typeOf(request.getUrn()), request.getId(), this.double.cluster()) !== undefined;
    if (!request.hasProperties() && !exists) throw notFound(typeOf(request.getUrn()), request.getId());
    if (!exists) return response;
    response.setId(request.getId());
    response.setProperties(request.getProperties());
    response.setInputs(request.getInputs());
    return response;
  }

  private async carryOut(
    operation: Operation["operation"],
    resource: Resource,
    raw: Tree,
    id: string,
    outputs: Tree,
    judge: () => void,
  ): Promise<void> {
    const cluster = this.double.cluster();
    const entry = {
      operation,
      urn: resource.urn,
      type: resource.type,
      name: resource.name,
      id,
      inputs: masked(raw) as Tree,
      outputs,
      ...(cluster === undefined ? {} : { cluster }),
      began: now(),
    };
    try {
      judge();
      await this.scenario.play(operation, resource.type, resource.name);
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      this.journal.append({ ...entry, ended: now(), failure });
      throw error;
    }
    this.journal.append({ ...entry, ended: now() });
  }
}

/** Milliseconds since 1970, on a clock that both doubles share and that never goes back. */
const now = (): number => performance.timeOrigin + performance.now();

const notFound = (type: string, id: string): Error => new Error(`${type} ${id} does not exist`);

function resourceOf(urn: string, raw: Tree): Resource {
  return { urn, type: typeOf(urn), name: nameOf(urn), inputs: plain(raw) };
}

const kinds = {
  add: [messages.PropertyDiff.Kind.ADD, messages.PropertyDiff.Kind.ADD_REPLACE],
  delete: [messages.PropertyDiff.Kind.DELETE, messages.PropertyDiff.Kind.DELETE_REPLACE],
  update: [messages.PropertyDiff.Kind.UPDATE, messages.PropertyDiff.Kind.UPDATE_REPLACE],
} as const satisfies Record<Change, unknown>;

function diffResponse(
  changes: ReadonlyMap<string, Change>,
  replaces: readonly string[],
  deleteFirst: boolean,
): messages.DiffResponse {
  const response = new messages.DiffResponse();
  const { DIFF_NONE, DIFF_SOME } = messages.DiffResponse.DiffChanges;
  response.setChanges(changes.size === 0 ? DIFF_NONE : DIFF_SOME);
  response.setDiffsList([...new Set([...changes.keys()].map((path) => path.split(/[.[]/)[0] ?? path))]);
  response.setReplacesList([...replaces]);
  response.setDeletebeforereplace(deleteFirst);
  response.setHasdetaileddiff(true);
  for (const [path, change] of changes) {
    const detail = new messages.PropertyDiff();
    detail.setKind(kinds[change][replaces.includes(path) ? 1 : 0]);
    detail.setInputdiff(true);
    response.getDetaileddiffMap().set(path, detail);
  }
  return response;
}

/** A handler that answers with what the function returns, or with its error. */
function answer<Request, Response>(
  respond: (request: Request) => Response | Promise<Response>,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    // A function that throws at once and one that fails later are answered alike.
    new Promise<Response>((resolve) => {
      resolve(respond(call.request));
    }).then(
      (response) => {
        callback(null, response);
      },
      (error: unknown) => {
        callback({ code: grpc.status.UNKNOWN, message: error instanceof Error ? error.message : String(error) });
      },
    );
  };
}

import type { Environment } from '../../../common/config/config-text.js';
import { isLoopbackUrl, isOwnUrl, loopbackOrigins } from '../../../common/loopback.js';
import { FOUNDRY_LOCAL, FoundryLocalAddress } from './foundry-local.probe.js';
import type { FoundServer, LocalServer, ServerKind } from './found-model.js';
import { LLAMA_CPP } from './llama-cpp.probe.js';
import { LM_STUDIO } from './lm-studio.probe.js';
import { Ollama, ollamaOrigins } from './ollama.probe.js';
import { ProbeConnections, type Ask, type ProbeState } from './probe-json.js';
import { VLLM } from './vllm.probe.js';

/** Replaces where a server is looked for; the given Ollama address also goes before OLLAMA_HOST. */
export interface ServerPlaces extends Partial<Record<Exclude<ServerKind, 'foundry'>, string>> {
  /** Name or path of Foundry Local's command. */
  readonly foundryCommand?: string;
}

export interface LookLimits {
  /** Milliseconds all calls to one server may take together. */
  readonly probeMs: number;
  /** Milliseconds for Foundry Local's status command, which is a program to start and takes longer. */
  readonly statusMs: number;
  /** Leaves out an Ollama on another machine: looking again and again is for this one. */
  readonly loopbackOnly?: boolean;
}

/** What one look at one kind of server came to. */
export interface ServerLook {
  readonly kind: ServerKind;
  readonly found: FoundServer | null;
  /** Not found, but somebody is there who did not get to answer, or nobody looked: what was there before may still be. */
  readonly silent: boolean;
  /** `host:port` of somebody who wants a key; `null` when there is none. */
  readonly denied: string | null;
}

interface Place {
  readonly server: LocalServer;
  readonly origins: readonly string[];
}

/** The places where local model servers usually are; llama-server's own default 8080 is this service's port. */
export class LocalServers {
  private readonly places: readonly Place[];
  private readonly foundry: FoundryLocalAddress;

  /** @param ownPort of this service, so that it does not ask itself */
  constructor(env: Environment, at: ServerPlaces, ownPort: number) {
    const place = (server: LocalServer, given: string | undefined, usual: readonly string[]): Place => ({
      server,
      origins: (given === undefined ? usual : [given]).filter((origin) => !isOwnUrl(new URL(origin), ownPort)),
    });
    this.places = [
      place(new Ollama(env['OLLAMA_CONTEXT_LENGTH']), at.ollama, ollamaOrigins(env['OLLAMA_HOST'])),
      place(LM_STUDIO, at.lmstudio, loopbackOrigins(1234)),
      place(LLAMA_CPP, at.llamacpp, loopbackOrigins(8081)),
      place(VLLM, at.vllm, loopbackOrigins(8000)),
    ];
    this.foundry = new FoundryLocalAddress(at.foundryCommand ?? 'foundry', env);
  }

  /**
   * Looks for all of them at once, in the documented order of the answer. Takes at most `statusMs + probeMs` and never
   * rejects; what is not found or answers nonsense is not there.
   *
   * @param signal ends what is under way; the answers are then as good as none
   */
  async look(limits: LookLimits, signal?: AbortSignal): Promise<readonly ServerLook[]> {
    const connections = new ProbeConnections();
    const asking = () => {
      const deadline = AbortSignal.any([AbortSignal.timeout(limits.probeMs), ...(signal ? [signal] : [])]);
      return (origin: string) => connections.to(origin, deadline);
    };
    try {
      const usual = asking();
      return await Promise.all([
        ...this.places.map((place) => lookAt(place, usual, limits.loopbackOnly ?? false)),
        this.lookForFoundry(limits.statusMs, asking),
      ]);
    } finally {
      await connections.close();
    }
  }

  /** @param asking called once the address is known, as the deadline begins then */
  private async lookForFoundry(statusMs: number, asking: () => (origin: string) => Ask): Promise<ServerLook> {
    const origin = await this.foundry.find(statusMs);
    const place = { server: FOUNDRY_LOCAL, origins: origin === null ? [] : [origin] };
    const look = await lookAt(place, asking(), true);
    if (origin !== null && !look.found && !look.silent) this.foundry.forget();
    return look;
  }
}

/** Asks at one origin after the other until the server is found, and tells how the calls ended. */
async function lookAt(
  { server, origins }: Place,
  askAt: (origin: string) => Ask,
  loopbackOnly: boolean,
): Promise<ServerLook> {
  const { kind, label } = server;
  let [silent, denied] = [false, null as string | null];
  for (const origin of origins) {
    const url = new URL(origin);
    if (loopbackOnly && !isLoopbackUrl(url)) return { kind, found: null, silent: true, denied: null };
    const states = new Set<ProbeState>();
    const ask = askAt(origin);
    const models = await server.models(async (path, body) => {
      const answer = await ask(path, body);
      states.add(answer.state);
      return answer;
    });
    if (states.has('denied')) denied ??= url.host;
    if (models) {
      const found = { kind, label, baseUrl: `${origin}/v1`, models, hint: server.hint?.(models) };
      return { kind, found, silent: false, denied };
    }
    silent ||= states.has('silent');
  }
  return { kind, found: null, silent, denied };
}

import { isLoopbackUrl } from '../../../common/loopback.js';
import { FoundryLocalProbe } from './foundry-local.probe.js';
import type { FoundServer, ServerKind } from './found-model.js';
import { probeLlamaCpp } from './llama-cpp.probe.js';
import { probeLmStudio } from './lm-studio.probe.js';
import { OllamaProbe } from './ollama.probe.js';
import { ProbeConnections, type ProbeJson, type ProbeState } from './probe-json.js';
import { loopbackOrigins, ollamaOrigins } from './server-origins.js';
import { probeVllm } from './vllm.probe.js';

export type Environment = Readonly<Record<string, string | undefined>>;

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
  readonly kind: ServerKind;
  readonly origins: readonly string[];
  readonly find: (origin: string, probe: ProbeJson) => Promise<FoundServer | null>;
}

/**
 * The places where local model servers usually are; llama-server's own default 8080 is this service's port. A server is
 * known by how it answers, not by its port.
 */
export class LocalServers {
  private readonly places: readonly Place[];
  private readonly foundry: FoundryLocalProbe;

  /** @param ownPort of this service, so that it does not ask itself */
  constructor(env: Environment, at: ServerPlaces, ownPort: number) {
    const ollama = new OllamaProbe(env['OLLAMA_CONTEXT_LENGTH']);
    const isOther = (origin: string) => !isOwn(new URL(origin), ownPort);
    const originsOf = (given: string | undefined, usual: readonly string[]) =>
      (given === undefined ? usual : [given]).filter(isOther);
    this.places = [
      {
        kind: 'ollama',
        origins: originsOf(at.ollama, ollamaOrigins(env['OLLAMA_HOST'])),
        find: (origin, probe) => ollama.find(origin, probe),
      },
      { kind: 'lmstudio', origins: originsOf(at.lmstudio, loopbackOrigins(1234)), find: probeLmStudio },
      { kind: 'llamacpp', origins: originsOf(at.llamacpp, loopbackOrigins(8081)), find: probeLlamaCpp },
      { kind: 'vllm', origins: originsOf(at.vllm, loopbackOrigins(8000)), find: probeVllm },
    ];
    this.foundry = new FoundryLocalProbe({ file: at.foundryCommand ?? 'foundry', env });
  }

  /**
   * Looks for all of them at once, in the documented order of the answer. Takes at most `statusMs + probeMs` and never
   * rejects; what is not found or answers nonsense is not there.
   *
   * @param signal ends what is under way; the answers are then as good as none
   */
  async look(limits: LookLimits, signal?: AbortSignal): Promise<readonly ServerLook[]> {
    const connections = new ProbeConnections();
    const deadline = () => AbortSignal.any([AbortSignal.timeout(limits.probeMs), ...(signal ? [signal] : [])]);
    try {
      const probe = connections.probe(deadline());
      const later = () => connections.probe(deadline());
      return await Promise.all([
        ...this.places.map((place) => lookAt(place, probe, limits.loopbackOnly ?? false)),
        lookedAt('foundry', later, (probeLater) => this.foundry.find(limits.statusMs, probeLater)),
      ]);
    } finally {
      await connections.close();
    }
  }
}

const isOwn = (url: URL, ownPort: number): boolean => isLoopbackUrl(url) && url.port === String(ownPort);

async function lookAt({ kind, origins, find }: Place, probe: ProbeJson, loopbackOnly: boolean): Promise<ServerLook> {
  let [silent, denied] = [false, null as string | null];
  for (const origin of origins) {
    const url = new URL(origin);
    if (loopbackOnly && !isLoopbackUrl(url)) return { kind, found: null, silent: true, denied: null };
    const look = await lookedAt(
      kind,
      () => probe,
      (recorded) => find(origin, recorded()),
      url.host,
    );
    if (look.found) return look;
    silent ||= look.silent;
    denied ??= look.denied;
  }
  return { kind, found: null, silent, denied };
}

/** Makes the calls of one look, and tells how they ended. */
async function lookedAt(
  kind: ServerKind,
  probe: () => ProbeJson,
  find: (probe: () => ProbeJson) => Promise<FoundServer | null>,
  host = '',
): Promise<ServerLook> {
  const states = new Set<ProbeState>();
  const recorded = (): ProbeJson => {
    const ask = probe();
    return async (url, body) => {
      const answer = await ask(url, body);
      states.add(answer.state);
      return answer;
    };
  };
  const found = await find(recorded);
  return { kind, found, silent: !found && states.has('silent'), denied: states.has('denied') ? host : null };
}
